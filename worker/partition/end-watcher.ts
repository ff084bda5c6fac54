import { messageOf } from '../../common/errors/error.js';
import { listOffsets, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { SourceSide } from '../thread/source-side.js';
import type { MirroredPartition } from './mirrored-partition.js';

/** The lag of a partition that is not read is at most this old. */
const INTERVAL_MS = 5_000;

export interface EndWatcherDeps {
  /** Partitions that have begun, and that nothing reads at the moment. */
  readonly unread: () => readonly MirroredPartition[];
  readonly source: (partition: MirroredPartition) => SourceSide;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Asks where the source ends for partitions that are paused, held back by a limit, or full: no fetch tells, and their lag grows all the same. */
export class EndWatcher implements Closable {
  readonly #deps: EndWatcherDeps;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(deps: EndWatcherDeps) {
    this.#deps = deps;
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(INTERVAL_MS, signal);
      if (signal.aborted) return;
      const unread = this.#deps.unread();
      const routes = new Set(unread.map(({ item }) => item.route));
      await Promise.all([...routes].map((route) => this.#ask(unread.filter(({ item }) => item.route === route))));
    }
  }

  async #ask(partitions: readonly MirroredPartition[]): Promise<void> {
    const [first] = partitions;
    if (first === undefined) return;
    const queries = partitions.map(({ item: { topic, partition } }) => ({
      topic,
      partition,
      timestamp: TIMESTAMP_LATEST,
    }));
    try {
      const ends = await listOffsets(this.#deps.source(first).client, first.route.isolation, queries);
      const known = new Map(ends.map((end) => [partitionKey(end.topic, end.partition), end]));
      for (const partition of partitions) {
        const end = known.get(partitionKey(partition.item.topic, partition.item.partition));
        if (end?.errorCode === 0) partition.sourceEnd = Number(end.offset);
      }
    } catch (error) {
      // Asked again soon; that the cluster does not answer is said where it matters.
      this.#deps.logger.debug('source.end-unknown', { route: first.item.route, msg: messageOf(error) });
    }
  }
}
