import type { KafkaRecord } from '../../common/kafka/wire/records/record-codec.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Route } from '../../common/model/route.js';
import type { SchemaIdPolicy } from '../../common/model/schema-id-policy.js';
import type { Clock } from '../../common/runtime/clock.js';
import { SchemaIdResolver } from '../../common/schemas/id-resolver.js';
import { openRegistry } from '../../common/schemas/open-registry.js';
import type { RegistryClient } from '../../common/schemas/registry-client.js';
import { translateSchemaId } from '../../common/schemas/schema-ids.js';
import type { Reason } from '../core/partition-state.js';

/** Schema ids in front of a route's keys and values: those of the target in the place of the source's. */
export class SchemaIds {
  readonly #policy: SchemaIdPolicy;
  readonly #resolver: SchemaIdResolver;

  constructor(policy: SchemaIdPolicy, resolver: SchemaIdResolver) {
    this.#policy = policy;
    this.#resolver = resolver;
  }

  /** The record itself where nothing of it changes. @param unknown gets the ids that have to be looked up first */
  translate(record: KafkaRecord, unknown: Set<number>): KafkaRecord {
    const key = this.#policy.keys ? this.#translated(record.key, unknown) : record.key;
    const value = this.#policy.values ? this.#translated(record.value, unknown) : record.value;
    return key === record.key && value === record.value ? record : { ...record, key, value };
  }

  /** @throws SCHEMA_CONFLICT: one of them has no counterpart; REGISTRY_UNREACHABLE...: ask again */
  async learn(ids: ReadonlySet<number>): Promise<void> {
    for (const id of ids) await this.#resolver.resolve(id);
  }

  #translated(bytes: Buffer | null, unknown: Set<number>): Buffer | null {
    if (bytes === null) return null;
    const translated = translateSchemaId(bytes, this.#resolver.map);
    if (translated.kind === 'unknown') unknown.add(translated.id);
    return translated.kind === 'translated' ? translated.bytes : bytes;
  }
}

/** The registries of a thread's routes; what was looked up is known to all partitions between the same clusters. */
export class SchemaIdRegistries {
  readonly #clusters: readonly ClusterConnection[];
  readonly #clock: Clock;
  readonly #resolvers = new Map<string, SchemaIdResolver>();

  constructor(clusters: readonly ClusterConnection[], clock: Clock) {
    this.#clusters = clusters;
    this.#clock = clock;
  }

  of({ source, target, schemaIds }: Route): SchemaIds | Reason {
    const policy = schemaIds ?? { keys: false, values: false, register: false };
    const key = JSON.stringify([source, target, policy.register]);
    const known = this.#resolvers.get(key);
    if (known !== undefined) return new SchemaIds(policy, known);
    const [from, to] = [this.#client(source), this.#client(target)];
    if (from === undefined || to === undefined) {
      const cluster = from === undefined ? source : target;
      const message = `this worker’s configuration names no schema registry for cluster ${cluster}`;
      return { code: 'REGISTRY_MISSING', message };
    }
    const resolver = new SchemaIdResolver({ source: from, target: to, register: policy.register });
    this.#resolvers.set(key, resolver);
    return new SchemaIds(policy, resolver);
  }

  #client(cluster: string): RegistryClient | undefined {
    const connection = this.#clusters.find(({ name }) => name === cluster)?.schemaRegistry;
    return connection === undefined ? undefined : openRegistry({ cluster, connection, clock: this.#clock });
  }
}
