import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { GroupSyncPolicy } from '../../common/model/group-sync.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { OffsetMaps } from '../offsets/ports.js';
import { DEFAULT_GROUP_SYNC, GroupFilter } from './group-filter.js';
import { MarkBook } from './mark-book.js';
import type { GroupSyncOptions, GroupSyncOutcome, GroupSyncResult } from './ports.js';
import { type WhyShared, whyShared } from './shared-topics.js';
import { readSourceGroups, type SourceGroups, type SourcePosition } from './source-groups.js';
import { runSyncPass } from './sync-pass.js';
import { TimedPositions } from './timed-positions.js';

/** Memberless offsets expire one by one after offsets.retention.minutes: written again before anybody sets that so low. */
const REFRESH_MS = 600_000;

/** What one pass over a route's groups brought. */
export interface GroupReport extends GroupSyncOutcome {
  /** By the wall clock. */
  readonly atMs: number;
}

export interface RouteGroupsDeps {
  readonly source: ClusterClient;
  readonly target: ClusterClient;
  readonly maps: OffsetMaps;
  readonly fleet: string;
  readonly clock: Clock;
}

/** What a pass is told of the rest of the fleet, and whom it tells what it read. */
export interface PassContext {
  /** By others than the route itself. */
  readonly sharedBy?: WhyShared;
  /** What was read at the source, before anything is written. */
  readonly onRead?: (positions: readonly SourcePosition[]) => Promise<void>;
}

/** The groups of one route, for as long as its settings stay. Passes run one at a time. */
export class RouteGroups {
  readonly route: Route;
  readonly policy: GroupSyncPolicy;
  readonly #deps: RouteGroupsDeps;
  readonly #filter: GroupFilter;
  readonly #marks: MarkBook;
  /** Monotonic ms of the last write of everything that a group has. */
  readonly #freshMs = new Map<string, number>();
  readonly #times: TimedPositions;
  #running: Promise<unknown> = Promise.resolve();

  constructor(route: Route, deps: RouteGroupsDeps) {
    this.route = route;
    this.policy = route.groups ?? DEFAULT_GROUP_SYNC;
    this.#deps = deps;
    this.#filter = new GroupFilter(this.policy);
    this.#times = new TimedPositions(deps);
    this.#marks = new MarkBook(deps.target, { fleet: deps.fleet, route: route.name });
  }

  /** @throws when a cluster cannot be asked at all */
  pass(entries: readonly TopicEntry[], options: GroupSyncOptions, context: PassContext = {}): Promise<GroupReport> {
    const running = this.#running.then(() => this.#pass(entries, options, context));
    this.#running = running.catch(() => undefined);
    return running;
  }

  /** Only reads the source: for those who want positions and no writes to groups. */
  async read(
    entries: readonly TopicEntry[],
    { sharedBy, groups }: Pick<PassContext, 'sharedBy'> & Pick<GroupSyncOptions, 'groups'> = {},
  ): Promise<SourceGroups> {
    const { source, maps } = this.#deps;
    const { route } = this;
    const named = new Set(groups);
    const names = new Set(groups?.map((group) => this.#filter.targetName(group)));
    const takes = (group: string): boolean => {
      // Who is called by name is meant, whatever the filter says; who may have the same name at the target is looked at.
      if (named.has(group)) return true;
      return this.#filter.takes(group) && (groups === undefined || names.has(this.#filter.targetName(group)));
    };
    return await readSourceGroups(source, maps, {
      ...{ route, entries, takes },
      whyShared: (targetTopic) => whyShared(route) ?? sharedBy?.(targetTopic),
    });
  }

  async #pass(
    entries: readonly TopicEntry[],
    { takeover, groups, topics, dryRun = false, allowRewind = this.policy.allowRewind }: GroupSyncOptions,
    { sharedBy, onRead }: PassContext,
  ): Promise<GroupReport> {
    const { target, clock } = this.#deps;
    const named = entries.filter(({ topic }) => topics?.includes(topic) ?? true);
    const { positions, failed } = await this.read(named, {
      ...(sharedBy === undefined ? {} : { sharedBy }),
      ...(groups === undefined ? {} : { groups }),
    });
    await onRead?.(positions);
    const asked = new Set(groups);
    const isMeant = (group: string): boolean => groups === undefined || asked.has(group);
    const nowMs = clock.monotonicMs();
    const stale = new Set<string>();
    if (this.policy.untranslatable === 'timestamp') await this.#times.find(positions);
    const results = await runSyncPass(positions, {
      client: target,
      byTime: (position) => this.#times.of(position),
      marks: this.#marks,
      policy: this.policy,
      order: { takeover, allowRewind },
      dryRun,
      targetName: (group) => this.#filter.targetName(group),
      isMeant,
      unread: [...failed.keys()],
      isStale: (group) => {
        const freshMs = this.#freshMs.get(group);
        // A new leader does not know: it begins to count.
        if (freshMs === undefined) this.#freshMs.set(group, nowMs);
        if (freshMs === undefined || nowMs - freshMs < REFRESH_MS) return false;
        stale.add(group);
        return true;
      },
    });
    for (const group of stale) this.#freshMs.set(group, nowMs);
    if (groups === undefined && topics === undefined) this.#forgetOthers(results);
    const faults = [...failed]
      .filter(([group]) => isMeant(group))
      .map(([group, error]) => [group, error.message] as const);
    return { atMs: clock.wallMs(), results, failed: new Map(faults) };
  }

  #forgetOthers(results: readonly GroupSyncResult[]): void {
    const present = new Set(results.map(({ targetGroup }) => targetGroup));
    for (const group of this.#freshMs.keys()) if (!present.has(group)) this.#freshMs.delete(group);
  }
}
