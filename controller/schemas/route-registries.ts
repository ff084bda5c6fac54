import { CausewayError } from '../../common/errors/error.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Route } from '../../common/model/route.js';
import type { SchemaPolicy } from '../../common/model/schema-policy.js';
import { NamePatterns } from '../../common/patterns/name-patterns.js';
import type { Clock } from '../../common/runtime/clock.js';
import { openRegistry } from '../../common/schemas/open-registry.js';
import type { RegistryClient } from '../../common/schemas/registry-client.js';
import { RegistryReader } from './registry-reader.js';

interface Registry {
  readonly client: RegistryClient;
  readonly reader: RegistryReader;
}

/** The registries of the configured clusters; what was read of one is remembered for all routes. */
export class RouteRegistries {
  readonly #clusters: ReadonlyMap<string, ClusterConnection>;
  readonly #clock: Clock;
  readonly #registries = new Map<string, Registry>();

  constructor(clusters: ReadonlyMap<string, ClusterConnection>, clock: Clock) {
    this.#clusters = clusters;
    this.#clock = clock;
  }

  /** @throws REGISTRY_MISSING */
  of(cluster: string): Registry {
    const known = this.#registries.get(cluster);
    if (known !== undefined) return known;
    const connection = this.#clusters.get(cluster)?.schemaRegistry;
    if (connection === undefined) throw registryMissing(cluster);
    const client = openRegistry({ cluster, connection, clock: this.#clock });
    const registry = { client, reader: new RegistryReader(client) };
    this.#registries.set(cluster, registry);
    return registry;
  }
}

export function registryMissing(cluster: string, route?: string): CausewayError {
  return new CausewayError('REGISTRY_MISSING', `the configuration names no schema registry for cluster ${cluster}`, {
    place: { cluster, ...(route === undefined ? {} : { route }) },
    fix: `Set clusters.${cluster}.schemaRegistry.url in the configuration of every controller.`,
  });
}

/** Which subjects a route takes. */
export function subjectFilter({ subjects }: Pick<SchemaPolicy, 'subjects'>): (subject: string) => boolean {
  const include = new NamePatterns(subjects.include);
  const exclude = new NamePatterns(subjects.exclude);
  return (subject) => include.matching(subject) !== undefined && exclude.matching(subject) === undefined;
}

/** @throws INVALID_REQUEST: the route keeps no schemas in step by the registries' API */
export function apiPolicyOf({ name, schemas }: Pick<Route, 'name' | 'schemas'>): SchemaPolicy {
  if (schemas !== undefined && (schemas.mode === 'api' || schemas.mode === 'report')) return schemas;
  throw new CausewayError(
    'INVALID_REQUEST',
    `the route’s schemas are not compared: schemas.mode is ${schemas?.mode ?? 'off'}`,
    {
      place: { route: name },
      fix: 'Set schemas.mode of the route to report or api.',
    },
  );
}
