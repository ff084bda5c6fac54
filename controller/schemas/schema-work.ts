import { describeError, isCausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { SchemaPolicy } from '../../common/model/schema-policy.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import type { SchemaSync } from './schema-sync.js';
import type { TopicGuard } from './topic-guard.js';

/** How often it is looked which routes are due. */
const LOOK_MS = 1_000;

export interface SchemaWorkOptions {
  readonly sync: SchemaSync;
  readonly guard: TopicGuard;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What the leader does about schemas by itself, route after route. */
export class SchemaWork implements LeaderWork {
  readonly name = 'schemas';
  readonly #options: SchemaWorkOptions;
  readonly #due = new Map<string, { readonly atMs: number; readonly settings: string }>();
  /** What was said last of a route, so that it is said once. */
  readonly #said = new Map<string, string>();

  constructor(options: SchemaWorkOptions) {
    this.#options = options;
  }

  async run(term: Term): Promise<void> {
    const { clock, random } = this.#options;
    this.#due.clear();
    while (!term.signal.aborted) {
      const routes = term.routes().filter(({ schemas }) => schemas !== undefined && schemas.mode !== 'off');
      this.#forget(new Set(routes.map(({ name }) => name)));
      for (const route of routes) {
        const { schemas: policy } = route;
        if (policy === undefined || term.signal.aborted) break;
        const settings = JSON.stringify(route);
        const due = this.#due.get(route.name);
        if (due?.settings === settings && due.atMs > clock.monotonicMs()) continue;
        await this.#round(term, route, policy);
        const intervalMs = policy.intervalMs * (0.9 + 0.2 * random.unit());
        this.#due.set(route.name, { atMs: clock.monotonicMs() + intervalMs, settings });
      }
      await clock.sleep(LOOK_MS, term.signal);
    }
  }

  async #round(term: Term, route: Route, policy: SchemaPolicy): Promise<void> {
    const { metrics, guard } = this.#options;
    const labels = { route: route.name };
    try {
      if (policy.mode !== 'topic') {
        metrics.set('causeway_schema_drift', await this.#compare(route, policy), labels);
        return;
      }
      const findings = await guard.findings({ route, entries: term.entries(route.name) });
      metrics.set('causeway_schema_drift', findings.length, labels);
      this.#say(route, findings.length === 0 ? 'schemas.compared' : 'schemas.topic-unsafe', findings.join('; '), {});
    } catch (error) {
      const code = isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT';
      metrics.inc('causeway_schema_failures_total', 1, { ...labels, code });
      this.#say(route, 'schemas.failed', describeError(error), { code, err: error });
    }
  }

  /** @returns how much differs afterwards */
  async #compare(route: Route, policy: SchemaPolicy): Promise<number> {
    const { sync, metrics, logger } = this.#options;
    const comparison = await sync.compare(route);
    const { plan, promotion } = comparison;
    const open = plan.steps.length + plan.conflicts.length;
    if (policy.mode !== 'api' || route.metadata === 'manual' || promotion !== undefined) {
      const why = promotion === undefined ? '' : `; promoted at ${promotion.at}`;
      this.#say(route, 'schemas.compared', `${open} differ${why}`, { open, extra: plan.extra.length });
      return open;
    }
    if (open === 0) {
      this.#say(route, 'schemas.compared', 'nothing differs', { open, extra: plan.extra.length });
      return 0;
    }
    const done = await sync.copy(route, comparison);
    const { registered, deleted, levels, left } = done;
    metrics.inc('causeway_schema_changes_total', registered + deleted + levels, { route: route.name });
    if (registered + deleted + levels > 0) logger.info('schemas.copied', { route: route.name, ...done });
    this.#say(route, 'schemas.compared', `${left} left`, { open: left, extra: plan.extra.length });
    return left;
  }

  #say(route: Route, event: string, text: string, facts: object): void {
    if (this.#said.get(route.name) === `${event} ${text}`) return;
    this.#said.set(route.name, `${event} ${text}`);
    const level = event === 'schemas.compared' ? 'info' : 'warn';
    this.#options.logger[level](event, { route: route.name, detail: text, ...facts });
  }

  #forget(routes: ReadonlySet<string>): void {
    for (const route of this.#due.keys()) {
      if (routes.has(route)) continue;
      this.#due.delete(route);
      this.#said.delete(route);
      this.#options.metrics.remove('causeway_schema_drift', { route });
    }
  }
}
