import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import { Nudge } from '../../common/runtime/nudge.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import type { ClusterClients } from '../metadata/cluster-clients.js';
import type { OffsetMaps } from '../offsets/ports.js';
import { GroupMeter } from './group-meter.js';
import type { GroupSyncOptions } from './ports.js';
import { type GroupReport, RouteGroups } from './route-groups.js';
import { sharedTopics, type WhyShared } from './shared-topics.js';
import type { SourcePosition } from './source-groups.js';

/** How exactly a route's interval is kept. */
const TICK_MS = 100;

/** Gets what was read of a route's groups: MirrorMaker 2's checkpoints are made of it. */
export interface PositionReader {
  /** Every so often positions are wanted though the route does not sync its groups; undefined: never. */
  intervalMs(route: Route): number | undefined;
  take(route: Route, positions: readonly SourcePosition[]): Promise<void>;
  /** A reign begins: another leader may have written since. */
  forget(): void;
}

export interface GroupSyncsOptions {
  readonly clients: ClusterClients;
  readonly maps: OffsetMaps;
  readonly reader?: PositionReader;
  readonly fleet: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

interface Followed {
  readonly route: Route;
  /** Made when they are first needed: their clusters may be unknown to this controller’s file. */
  groups: RouteGroups | undefined;
  readonly intervalMs: number;
  dueMs: number;
  running: boolean;
  report: GroupReport | undefined;
  fault: string | undefined;
  /** Of whoever reads along. */
  readerFault: string | undefined;
}

/** Keeps the positions of consumer groups in step, route by route, while this controller leads. A route's fault stays with the route. */
export class GroupSyncs implements LeaderWork {
  readonly name = 'groups';
  readonly #options: GroupSyncsOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #meter: GroupMeter;
  #term: Term | undefined;

  constructor(options: GroupSyncsOptions) {
    this.#options = options;
    this.#meter = new GroupMeter(options.metrics, options.clock);
  }

  async run(term: Term): Promise<void> {
    const { clock } = this.#options;
    const nudge = new Nudge(clock);
    const running = new Set<Promise<void>>();
    this.#term = term;
    this.#options.reader?.forget();
    term.signal.addEventListener('abort', () => nudge.wake(), { once: true });
    try {
      while (!term.signal.aborted) {
        this.#follow(term.routes());
        for (const [name, followed] of this.#followed) {
          if (followed.running || clock.monotonicMs() < followed.dueMs) continue;
          const pass = this.#timedPass(name, followed, term).finally(() => running.delete(pass));
          running.add(pass);
        }
        await nudge.wait(TICK_MS);
      }
    } finally {
      this.#term = undefined;
      await Promise.all(running);
      for (const name of [...this.#followed.keys()]) this.#drop(name);
    }
  }

  /** True while this controller leads: nobody else knows. */
  get isLeading(): boolean {
    return this.#term !== undefined;
  }

  /** The latest pass of the route in this reign, whatever became of the clusters since; undefined: there was none. */
  latest(route: string): GroupReport | undefined {
    return this.#followed.get(route)?.report;
  }

  /** The latest pass of the route, or one made now that writes nothing. @throws NO_LEADER, ROUTE_UNKNOWN, as a cluster that cannot be asked */
  async report(route: string): Promise<GroupReport> {
    const latest = this.#followed.get(route)?.report;
    return latest ?? (await this.syncNow(route, { takeover: false, dryRun: true }));
  }

  /** One pass now, beside the regular ones. @throws as `report` */
  async syncNow(name: string, options: GroupSyncOptions): Promise<GroupReport> {
    const term = this.#term;
    if (term === undefined) throw new CausewayError('NO_LEADER', 'this controller does not lead');
    const route = term.routes().find((candidate) => candidate.name === name);
    if (route === undefined) {
      throw new CausewayError('ROUTE_UNKNOWN', `there is no route "${name.slice(0, 100)}"`, {
        fix: 'GET /api/v1/routes lists the routes.',
      });
    }
    const followed = this.#followed.get(name);
    const groups = followed === undefined ? this.#groupsOf(route) : this.#groupsIn(followed);
    const report = await groups.pass(term.entries(name), options, { sharedBy: sharedBy(route, term) });
    if (options.dryRun !== true) this.#say(name, report);
    return report;
  }

  #follow(routes: readonly Route[]): void {
    const { reader, clock } = this.#options;
    const wanted = new Map<string, { readonly route: Route; readonly intervalMs: number }>();
    for (const route of routes) {
      const intervals = [route.groups?.intervalMs, reader?.intervalMs(route)].filter((ms) => ms !== undefined);
      if (intervals.length > 0) wanted.set(route.name, { route, intervalMs: Math.min(...intervals) });
    }
    for (const [name, { route, intervalMs }] of this.#followed) {
      const next = wanted.get(name);
      // Read again, a record is another object though nothing in it has changed.
      const isSame =
        next !== undefined && (next.route === route || JSON.stringify(next.route) === JSON.stringify(route));
      if (!isSame || next.intervalMs !== intervalMs) this.#drop(name);
    }
    for (const [name, { route, intervalMs }] of wanted) {
      if (this.#followed.has(name)) continue;
      const now = { dueMs: clock.monotonicMs(), running: false };
      const state = { ...now, report: undefined, fault: undefined, readerFault: undefined };
      this.#followed.set(name, { route, groups: undefined, intervalMs, ...state });
    }
  }

  #drop(name: string): void {
    this.#followed.delete(name);
    this.#meter.forget(name);
  }

  #groupsIn(followed: Followed): RouteGroups {
    followed.groups ??= this.#groupsOf(followed.route);
    return followed.groups;
  }

  /** @throws CLUSTER_UNKNOWN */
  #groupsOf(route: Route): RouteGroups {
    const { clients, maps, fleet, clock } = this.#options;
    const [source, target] = [clients.of(route.source), clients.of(route.target)];
    return new RouteGroups(route, { source, target, maps, fleet, clock });
  }

  async #timedPass(name: string, followed: Followed, term: Term): Promise<void> {
    const { clock, logger, metrics } = this.#options;
    followed.running = true;
    try {
      await this.#pass(followed, term);
      if (followed.fault !== undefined) logger.info('groups.recovered', { route: name });
      followed.fault = undefined;
    } catch (error) {
      const code = isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT';
      metrics.inc('causeway_group_sync_failures_total', 1, { route: name, code });
      if (followed.fault !== code && !term.signal.aborted) logger.warn('groups.failed', { route: name, err: error });
      followed.fault = code;
    } finally {
      followed.dueMs = clock.monotonicMs() + followed.intervalMs;
      followed.running = false;
    }
  }

  async #pass(followed: Followed, term: Term): Promise<void> {
    const { reader } = this.#options;
    const { route } = followed;
    const groups = this.#groupsIn(followed);
    const entries = term.entries(route.name);
    const shared = { sharedBy: sharedBy(route, term) };
    const onRead = async (positions: readonly SourcePosition[]): Promise<void> => {
      // Whoever reads along must not keep positions from being written.
      try {
        await reader?.take(route, positions);
        followed.readerFault = undefined;
      } catch (error) {
        this.#readerFailed(followed, error);
      }
    };
    if (route.groups === undefined) {
      await onRead((await groups.read(entries, shared)).positions);
      return;
    }
    const report = await groups.pass(entries, { takeover: false }, { ...shared, onRead });
    followed.report = report;
    this.#meter.show(route.name, report);
    this.#say(route.name, report);
  }

  #readerFailed(followed: Followed, error: unknown): void {
    const { logger, metrics } = this.#options;
    const route = followed.route.name;
    const code = isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT';
    metrics.inc('causeway_mm2_failures_total', 1, { route, part: 'checkpoints' });
    if (followed.readerFault !== code) logger.warn('mm2.failed', { route, part: 'checkpoints', err: error });
    followed.readerFault = code;
  }

  #say(route: string, { results }: GroupReport): void {
    const written = results.filter(({ verdict }) => verdict.kind === 'write');
    if (written.length === 0) return;
    this.#options.metrics.inc('causeway_group_offsets_written_total', written.length, { route });
    const groups = new Set(written.map(({ targetGroup }) => targetGroup)).size;
    const taken = written.filter(({ verdict }) => verdict.reason === 'takeover').length;
    if (taken > 0) this.#options.logger.info('groups.taken-over', { route, groups, partitions: taken });
    else this.#options.logger.debug('groups.written', { route, groups, partitions: written.length });
  }
}

function sharedBy(route: Route, term: Pick<Term, 'routes' | 'entries'>): WhyShared {
  const placed = (one: Route) => ({ route: one, entries: term.entries(one.name) });
  const others = term.routes().filter(({ name, target }) => name !== route.name && target === route.target);
  return sharedTopics(placed(route), others.map(placed));
}
