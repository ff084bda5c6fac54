import { createHash } from 'node:crypto';
import type { ApplyView, SyncPlan } from '../../common/api/sync-shapes.js';
import { CausewayError } from '../../common/errors/error.js';
import { planSubject } from '../../common/model/plan-subject.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { RouteService } from '../rest/route-service.js';
import type { SyncPart, SyncStep, SyncSubject } from './ports.js';
import type { TopicWorld } from './topic-ports.js';

/** Of a report, and of what one application does: what was not seen is not done. */
const MAX_ITEMS = 500;

export interface SyncServiceDeps {
  readonly routes: Pick<RouteService, 'get'>;
  readonly world: Pick<TopicWorld, 'entries'>;
  readonly parts: readonly SyncPart[];
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Findings {
  readonly steps: readonly SyncStep[];
  /** The first of those that can be applied. */
  readonly planned: readonly SyncStep[];
  readonly unread: SyncPlan['unread'];
  /** Of what would be done. */
  readonly hash: string;
}

/** Says what differs between the ends of a route, what would be done about it, and does it; on whichever controller is asked. */
export class SyncService {
  readonly #deps: SyncServiceDeps;
  /** By route: one application at a time. */
  readonly #applying = new Set<string>();

  constructor(deps: SyncServiceDeps) {
    this.#deps = deps;
  }

  /** Everything that differs. @throws ROUTE_UNKNOWN */
  async drift(route: string, signal: AbortSignal): Promise<SyncPlan> {
    const found = await this.#find(route, signal);
    return this.#view(route, found, found.steps);
  }

  /** What `apply` would do. Nothing is done. @throws ROUTE_UNKNOWN */
  async plan(route: string, signal: AbortSignal): Promise<SyncPlan> {
    const found = await this.#find(route, signal);
    return this.#view(
      route,
      found,
      found.steps.filter(({ item }) => item.applies),
    );
  }

  /**
   * Does what the plan with this hash says, if that is still what there is to do. What fails does not keep the rest from being done.
   * @throws ROUTE_UNKNOWN, PRECONDITION_FAILED: the plan would be another one now, or it is being applied
   */
  async apply(route: string, hash: string, signal: AbortSignal): Promise<ApplyView> {
    if (this.#applying.has(route)) throw stale('a plan of this route is being applied', route);
    this.#applying.add(route);
    try {
      const found = await this.#find(route, signal);
      if (found.hash !== hash) throw stale('there is something else to do now than in the plan with this hash', route);
      const results: ApplyView['results'] = [];
      for (const step of found.planned) results.push(await this.#run(route, step, signal));
      return { route, hash, results };
    } finally {
      this.#applying.delete(route);
    }
  }

  async #run(route: string, { item, run }: SyncStep, signal: AbortSignal): Promise<ApplyView['results'][number]> {
    const { logger } = this.#deps;
    const facts = {
      route,
      kind: item.kind,
      action: item.action,
      cluster: item.cluster,
      before: item.before,
      after: item.after,
    };
    try {
      await run?.(signal);
      logger.warn('audit.sync-applied', { ...facts, subject: planSubject(item) });
      return { item, done: true, error: null };
    } catch (error) {
      logger.warn('sync.apply-failed', { ...facts, subject: planSubject(item), err: error });
      return { item, done: false, error: messageOfFault(error) };
    }
  }

  async #find(name: string, signal: AbortSignal): Promise<Findings> {
    const { routes, world, parts } = this.#deps;
    const { route } = await routes.get(name);
    const subject: SyncSubject = { route, entries: await world.entries(name) };
    const unread: SyncPlan['unread'] = [];
    const found = await Promise.all(
      parts.map(async (part) => {
        try {
          return await part.plan(subject, signal);
        } catch (error) {
          unread.push({ part: part.name, message: messageOfFault(error) });
          return [];
        }
      }),
    );
    const steps = found.flat();
    const planned = steps.filter(({ item }) => item.applies).slice(0, MAX_ITEMS);
    return { steps, planned, unread: unread.sort((a, b) => (a.part < b.part ? -1 : 1)), hash: hashOf(planned) };
  }

  #view(route: string, { unread, hash }: Findings, steps: readonly SyncStep[]): SyncPlan {
    const at = new Date(this.#deps.clock.wallMs()).toISOString();
    const items = steps.slice(0, MAX_ITEMS).map(({ item }) => item);
    return { route, hash, at, items, more: steps.length - items.length, unread };
  }
}

function hashOf(planned: readonly SyncStep[]): string {
  return createHash('sha256')
    .update(JSON.stringify(planned.map(({ item }) => item)))
    .digest('hex');
}

function stale(message: string, route: string): CausewayError {
  return new CausewayError('PRECONDITION_FAILED', message, { place: { route }, fix: 'Ask for the plan again.' });
}

function messageOfFault(error: unknown): string {
  return error instanceof CausewayError ? `${error.code}: ${error.message}` : String(error);
}
