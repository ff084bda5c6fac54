import { describeError, isCausewayError } from '../../../common/errors/error.js';
import { type AclBinding, aclText } from '../../../common/model/acl.js';
import { RIGHTS_INTERVAL_MS } from '../../../common/model/rights-policy.js';
import type { Route } from '../../../common/model/route.js';
import type { Logger } from '../../../common/observability/logger.js';
import type { Metrics } from '../../../common/observability/metrics.js';
import type { Clock } from '../../../common/runtime/clock.js';
import type { Random } from '../../../common/runtime/random.js';
import type { LeaderWork, Term } from '../../loop/leader-works.js';
import type { SyncSubject } from '../../sync/ports.js';
import type { AclPart } from './acl-part.js';
import type { Outcomes } from './ports.js';
import type { QuotaPart } from './quota-part.js';
import { activeTopics } from './stored-world.js';
import type { UserPart } from './user-part.js';

/** How often it is looked which routes are due; a route that was changed is looked at that soon. */
const LOOK_MS = 1_000;
/** How often a route's topics are gone through for changes: a fleet has many. */
const TOPICS_LOOK_MS = 5_000;
/** Rights that one line of the log names. */
const MAX_NAMED = 20;

export interface RightsWorkOptions {
  readonly acls: AclPart;
  readonly quotas: QuotaPart;
  readonly users: UserPart;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

type Part = 'acls' | 'quotas' | 'users';

/** Monotonic ms when a route is due, and its topics are to be gone through; and what was looked at. */
interface Due {
  readonly atMs: number;
  topicsAtMs: number;
  readonly settings: string;
  readonly topics: string;
}

/** What the leader does about rights and quotas by itself, route after route; what needs somebody's word is told. */
export class RightsWork implements LeaderWork {
  readonly name = 'rights';
  readonly #options: RightsWorkOptions;
  readonly #due = new Map<string, Due>();
  /** What was said last of a route's part, so that it is said once. */
  readonly #said = new Map<string, string>();

  constructor(options: RightsWorkOptions) {
    this.#options = options;
  }

  async run(term: Term): Promise<void> {
    const { clock, random } = this.#options;
    this.#due.clear();
    while (!term.signal.aborted) {
      const routes = term.routes().filter(isConcerned);
      this.#forget(new Set(routes.map(({ name }) => name)));
      for (const route of routes) {
        if (term.signal.aborted) break;
        if (!this.#isDue(term, route)) continue;
        const entries = term.entries(route.name);
        const [settings, topics] = [JSON.stringify(route), topicsText(entries)];
        await this.#round(
          { route, entries },
          () => !term.signal.aborted && topicsText(term.entries(route.name)) === topics,
        );
        const nowMs = clock.monotonicMs();
        const intervalMs = (route.acls?.intervalMs ?? RIGHTS_INTERVAL_MS) * (0.9 + 0.2 * random.unit());
        this.#due.set(route.name, { atMs: nowMs + intervalMs, topicsAtMs: nowMs + TOPICS_LOOK_MS, settings, topics });
      }
      await clock.sleep(LOOK_MS, term.signal);
    }
  }

  #isDue(term: Term, route: Route): boolean {
    const due = this.#due.get(route.name);
    const nowMs = this.#options.clock.monotonicMs();
    if (due === undefined || due.atMs <= nowMs || due.settings !== JSON.stringify(route)) return true;
    if (due.topicsAtMs > nowMs) return false;
    due.topicsAtMs = nowMs + TOPICS_LOOK_MS;
    return due.topics !== topicsText(term.entries(route.name));
  }

  /**
   * A part that fails keeps the others from nothing.
   * @param holds whether what the round goes by is still so: asked before anything is taken back
   */
  async #round(subject: SyncSubject, holds: () => boolean): Promise<void> {
    const { route } = subject;
    await this.#part(route, 'acls', route.acls !== undefined && route.acls.mode !== 'off', () =>
      this.#acls(subject, holds),
    );
    await this.#part(route, 'quotas', route.quotas !== undefined, () => this.#quotas(subject, holds));
    await this.#part(route, 'users', route.users !== undefined, () => this.#users(subject));
  }

  async #part(route: Route, part: Part, isOn: boolean, look: () => Promise<number>): Promise<void> {
    const { metrics } = this.#options;
    const labels = { route: route.name, part };
    if (!isOn) {
      metrics.remove('causeway_rights_drift', labels);
      return;
    }
    try {
      metrics.set('causeway_rights_drift', await look(), labels);
    } catch (error) {
      metrics.inc('causeway_rights_failures_total', 1, labels);
      const code = isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT';
      this.#say(route, part, 'rights.failed', describeError(error), { code, err: error });
    }
  }

  async #acls(subject: SyncSubject, holds: () => boolean): Promise<number> {
    const { acls } = this.#options;
    const { route } = subject;
    const { acls: policy } = route;
    if (policy === undefined) return 0;
    const state = await acls.state(subject, policy);
    if (state.kind === 'no-authorizer') {
      this.#say(route, 'acls', 'rights.no-authorizer', `cluster ${state.cluster} has no authorizer`, state);
      return 0;
    }
    const { plan } = state;
    const open = plan.create.length + plan.remove.length + plan.unplaceable.length;
    const isOurs = policy.mode !== 'report' && route.metadata !== 'manual';
    if (!isOurs || open === 0 || !holds()) {
      this.#say(route, 'acls', 'rights.compared', `${open} open`, { open, foreign: plan.foreign.length });
      return open;
    }
    const created = plan.create.map(({ binding }) => binding);
    let left = plan.unplaceable.length;
    if (created.length > 0) left += this.#told(route, 'created', created, await acls.create(route, created));
    if (plan.guard !== undefined) {
      this.#say(route, 'acls', 'rights.guarded', plan.guard, { removals: plan.remove.length });
      return left + plan.remove.length;
    }
    if (!holds()) return left + plan.remove.length;
    if (plan.remove.length > 0)
      left += this.#told(route, 'removed', plan.remove, await acls.remove(route, plan.remove));
    this.#say(route, 'acls', 'rights.compared', `${left} open`, { open: left, foreign: plan.foreign.length });
    return left;
  }

  async #quotas(subject: SyncSubject, holds: () => boolean): Promise<number> {
    const { quotas, metrics, logger } = this.#options;
    const { route } = subject;
    const plan = await quotas.state(subject);
    const open = plan.set.length + plan.remove.length;
    const isOurs = route.quotas === 'sync' && route.metadata !== 'manual' && (await quotas.rival(route)) === undefined;
    this.#say(route, 'quotas', 'rights.compared', `${open} open`, { open, foreign: plan.foreign.length });
    if (!isOurs || open === 0 || !holds()) return open;
    const outcomes = [...(await quotas.set(route, plan.set)), ...(await quotas.remove(route, plan.remove))];
    const failed = outcomes.filter((outcome) => outcome !== undefined);
    metrics.inc('causeway_rights_changes_total', open - failed.length, { route: route.name, change: 'quota' });
    logger.info('rights.quotas-set', { route: route.name, quotas: open - failed.length });
    if (failed.length > 0) throw failed[0];
    return 0;
  }

  async #users(subject: SyncSubject): Promise<number> {
    const steps = await this.#options.users.plan(subject);
    const users = steps.flatMap(({ item }) => (item.kind === 'user' ? [item.user] : []));
    const facts = { missing: users.length, users: users.slice(0, MAX_NAMED) };
    this.#say(subject.route, 'users', 'rights.users-missing', JSON.stringify(users), facts);
    return users.length;
  }

  /** @returns how many did not come about. @throws the first failure, when none came about */
  #told(route: Route, change: 'created' | 'removed', bindings: readonly AclBinding[], outcomes: Outcomes): number {
    const { logger, metrics } = this.#options;
    const done = bindings.filter((_, i) => outcomes[i] === undefined);
    const failed = outcomes.filter((outcome) => outcome !== undefined);
    metrics.inc('causeway_rights_changes_total', done.length, { route: route.name, change: `acl-${change}` });
    if (done.length > 0) {
      const acls = done.slice(0, MAX_NAMED).map(aclText);
      logger.info(`rights.acls-${change}`, { route: route.name, count: done.length, acls });
    }
    if (done.length === 0 && failed[0] !== undefined) throw failed[0];
    if (failed.length > 0)
      logger.warn('rights.acls-refused', { route: route.name, count: failed.length, err: failed[0] });
    return failed.length;
  }

  #say(route: Route, part: Part, event: string, text: string, facts: object): void {
    const key = `${route.name}/${part}`;
    if (this.#said.get(key) === `${event} ${text}`) return;
    this.#said.set(key, `${event} ${text}`);
    const level = event === 'rights.compared' ? 'info' : 'warn';
    this.#options.logger[level](event, { route: route.name, part, detail: text, ...facts });
  }

  #forget(routes: ReadonlySet<string>): void {
    for (const route of this.#due.keys()) {
      if (routes.has(route)) continue;
      this.#due.delete(route);
      for (const part of ['acls', 'quotas', 'users'] as const) {
        this.#said.delete(`${route}/${part}`);
        this.#options.metrics.remove('causeway_rights_drift', { route, part });
      }
    }
  }
}

function topicsText(entries: SyncSubject['entries']): string {
  return JSON.stringify(activeTopics(entries));
}

function isConcerned({ acls, quotas, users }: Route): boolean {
  return (acls !== undefined && acls.mode !== 'off') || quotas !== undefined || users !== undefined;
}
