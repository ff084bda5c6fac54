import type { TopicDetail } from '../../common/api/fleet-shapes.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeTopicProgress } from '../../common/coordination/records/desired.js';
import { progressPath } from '../../common/coordination/znodes.js';
import type { ErrorCode } from '../../common/errors/codes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { ResolveOrder } from '../../common/model/continuity.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import { type TopicProgress, timelineOf } from '../../common/model/topic-progress.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { changeEntry } from './entry-change.js';
import type { StoredTopic, TopicService } from './topic-service.js';

/** What a partition may go on from in another timeline, and what its whole topic may. */
const PASSABLE_PARTITIONS: ReadonlySet<string> = new Set<ErrorCode>(['SOURCE_TRUNCATED', 'TARGET_TRUNCATED']);
const PASSABLE_TOPICS: ReadonlySet<string> = new Set<ErrorCode>(['TARGET_TOPIC_RECREATED', 'TARGET_TOPIC_DELETED']);

export type ResolveWish = Pick<ResolveOrder, 'partition' | 'action' | 'reason'>;

export interface ResolveServiceDeps {
  readonly store: CoordinationStore;
  readonly topics: TopicService;
  /** What waits, as the leader and the workers say. */
  readonly status: (route: Route, entry: TopicEntry) => Promise<Pick<TopicDetail, 'problems' | 'partitions'>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * An operator's word on partitions that stopped because a log is not what it was: `continue` goes on with what that costs declared, as the
 * route's policy `continue` would; `restart` copies anew. It holds for the timeline that ends with it, so once.
 */
export class ResolveService {
  readonly #deps: ResolveServiceDeps;

  constructor(deps: ResolveServiceDeps) {
    this.#deps = deps;
  }

  /** @throws ROUTE_UNKNOWN, TOPIC_UNKNOWN, NOTHING_TO_RESOLVE, PRECONDITION_FAILED */
  async order(route: string, topic: string, wish: ResolveWish): Promise<ResolveOrder> {
    const { store, topics, clock, logger } = this.#deps;
    const at = new Date(clock.wallMs()).toISOString();
    let order: ResolveOrder | undefined;
    await changeEntry(
      store,
      () => topics.get(route, topic),
      async (stored) => {
        const progress = await this.#progress(stored, wish);
        if (wish.action === 'continue') await this.#checkWaits(stored, wish);
        const timeline = wish.partition === null ? progress.timeline : timelineOf(progress, wish.partition);
        order = { ...wish, timeline, at };
        const { resolutions = [] } = stored.entry;
        const others = resolutions.filter(({ partition }) => partition !== wish.partition);
        // Those of timelines that are over have done their work.
        const standing = others.filter(({ partition, timeline: of }) =>
          partition === null ? of === progress.timeline : of === timelineOf(progress, partition),
        );
        return { ...stored.entry, resolutions: [...standing, order] };
      },
    );
    const { partition, action, timeline, reason } = order as unknown as ResolveOrder;
    logger.warn('audit.resolve-ordered', { route, topic, partition, action, timeline, reason });
    return order as unknown as ResolveOrder;
  }

  async #progress({ route, entry }: StoredTopic, { partition }: ResolveWish): Promise<TopicProgress> {
    const path = progressPath(route.name, entry.topic);
    const node = await this.#deps.store.get(path);
    if (node === undefined) throw nothing(route, entry, 'the topic was never copied');
    const progress = decodeTopicProgress(node.data, path);
    const hasPartition =
      partition === null || partition < (entry.partitions === 'all' ? Number.POSITIVE_INFINITY : entry.partitions);
    if (!hasPartition) throw nothing(route, entry, `partition ${partition} is not mirrored`);
    return progress;
  }

  async #checkWaits({ route, entry }: StoredTopic, { partition }: ResolveWish): Promise<void> {
    const { problems, partitions } = await this.#deps.status(route, entry);
    const own = partitions.filter((one) => partition === null || one.partition === partition);
    const isPassable =
      own.some(({ reason }) => PASSABLE_PARTITIONS.has(reason?.code ?? '')) ||
      (partition === null && problems.some(({ code }) => PASSABLE_TOPICS.has(code)));
    if (isPassable) return;
    const codes = [...new Set([...problems.map(({ code }) => code), ...own.map(({ reason }) => reason?.code)])];
    throw nothing(route, entry, `what it says is ${codes.filter(Boolean).join(', ') || 'nothing'}`);
  }
}

function nothing(route: Route, entry: TopicEntry, why: string): CausewayError {
  return new CausewayError('NOTHING_TO_RESOLVE', `nothing waits for this order: ${why}`, {
    place: { route: route.name, topic: entry.topic },
    fix: 'continue passes SOURCE_TRUNCATED and TARGET_TRUNCATED of partitions, TARGET_TOPIC_RECREATED and TARGET_TOPIC_DELETED of whole topics; restart copies anew whatever it is; skip leaves out source offsets.',
  });
}
