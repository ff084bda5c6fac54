import type {
  SchemaPromoteOrder,
  SchemaPromoteView,
  SchemaSyncOrder,
  SchemaSyncView,
  SchemasView,
} from '../../common/api/schema-shapes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { RegistryState } from '../../common/model/schema.js';
import type { Logger } from '../../common/observability/logger.js';
import { schemaItems } from './schema-items.js';
import type { SchemaSync } from './schema-sync.js';

/** Lines of one answer; the rest is counted. */
const MAX_ITEMS = 1_000;

/** Schemas of a route over REST, on any controller. */
export class SchemaService {
  readonly #sync: SchemaSync;
  readonly #logger: Logger;

  constructor(sync: SchemaSync, logger: Logger) {
    this.#sync = sync;
    this.#logger = logger;
  }

  async read(route: Route): Promise<SchemasView> {
    const compared = await this.#sync.compare(route);
    const { policy, source, target, promotion } = compared;
    const items = schemaItems(route, compared).map(({ item }) => item);
    return {
      route: route.name,
      mode: policy.mode,
      promotedAt: promotion?.at ?? null,
      source: registryView(route.source, source),
      target: registryView(route.target, target),
      items: items.slice(0, MAX_ITEMS),
      differences: items.length,
    };
  }

  /** One round now. @throws SCHEMA_CONFLICT; INVALID_REQUEST where the target was promoted, or the route only reports */
  async sync(route: Route, { dryRun, takeover, resume }: SchemaSyncOrder): Promise<SchemaSyncView> {
    const comparison = await this.#sync.compare(route, { takeover });
    if (dryRun) {
      const count = (kind: string): number => comparison.plan.steps.filter((step) => step.kind === kind).length;
      const counts = { registered: count('register'), deleted: count('delete'), levels: count('level') };
      const left = comparison.plan.dangling.length;
      return { route: route.name, dryRun, ...counts, left, registryMode: comparison.target.mode };
    }
    if (comparison.promotion !== undefined && !resume) {
      throw new CausewayError('INVALID_REQUEST', `the target’s registry was promoted at ${comparison.promotion.at}`, {
        place: { route: route.name },
        fix: 'To make it a copy again, say so: resume.',
      });
    }
    const done = await this.#sync.copy(route, comparison, { takeover, resume });
    if (resume) await this.#sync.resume(route);
    this.#logger.info('schemas.synced', { route: route.name, takeover, resume, ...done });
    return { route: route.name, dryRun, ...done };
  }

  async promote(route: Route, { reason, lastSync }: SchemaPromoteOrder): Promise<SchemaPromoteView> {
    const { at, before, mode, lastSync: last } = await this.#sync.promote(route, { reason, lastSync });
    this.#logger.info('schemas.promoted', { route: route.name, before, mode, reason, lastSync: last });
    return { route: route.name, promotedAt: at, before, registryMode: mode, lastSync: last };
  }
}

function registryView(cluster: string, { mode, versions }: RegistryState): SchemasView['source'] {
  const subjects = new Set(versions.map(({ subject }) => subject)).size;
  return { cluster, registryMode: mode, subjects, versions: versions.length };
}
