import type { CoordinationStore } from '../../common/coordination/ports.js';
import { CausewayError } from '../../common/errors/error.js';
import type { SkipOrder } from '../../common/model/gap.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { changeEntry } from './entry-change.js';
import type { StoredTopic, TopicService } from './topic-service.js';

export interface SkipServiceDeps {
  readonly store: CoordinationStore;
  readonly topics: TopicService;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An operator's act: leaves source records out for good, declared as a gap at the target before anything behind them is copied. */
export class SkipService {
  readonly #deps: SkipServiceDeps;

  constructor(deps: SkipServiceDeps) {
    this.#deps = deps;
  }

  /**
   * What is not copied yet of [from, to) is left out when the partition comes to it. A later order for the partition replaces this one.
   * @throws ROUTE_UNKNOWN, TOPIC_UNKNOWN, INVALID_REQUEST, PARTITIONS_BEYOND_SOURCE, PRECONDITION_FAILED
   */
  async order(route: string, topic: string, wish: Omit<SkipOrder, 'at'>): Promise<SkipOrder> {
    const { clock, logger } = this.#deps;
    if (wish.from >= wish.to) {
      throw new CausewayError('INVALID_REQUEST', `from (${wish.from}) must be less than to (${wish.to})`, {
        place: { route, topic, partition: wish.partition },
        fix: '`to` is the first offset to copy again; the status of the topic names the offset that it stopped at.',
      });
    }
    const order = { ...wish, at: new Date(clock.wallMs()).toISOString() };
    const { store, topics } = this.#deps;
    await changeEntry(
      store,
      () => topics.get(route, topic),
      async (stored) => {
        await this.#checkPartition(stored, wish.partition);
        const { entry } = stored;
        const skips = [...entry.skips.filter(({ partition }) => partition !== order.partition), order];
        return { ...entry, skips: skips.sort((one, other) => one.partition - other.partition) };
      },
    );
    const { partition, from, to, reason } = order;
    logger.warn('audit.skip-ordered', { route, topic, partition, from: String(from), to: String(to), reason });
    return order;
  }

  async #checkPartition({ route, entry }: StoredTopic, partition: number): Promise<void> {
    const partitions =
      entry.partitions === 'all' ? (await this.#deps.topics.source(route, entry.topic)).partitions : entry.partitions;
    if (partition < partitions) return;
    throw new CausewayError(
      'PARTITIONS_BEYOND_SOURCE',
      `partition ${partition} is not mirrored: there are ${partitions}`,
      {
        place: { route: route.name, topic: entry.topic, partition },
      },
    );
  }
}
