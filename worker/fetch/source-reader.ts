import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { Isolation } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import type { Leaders } from '../cluster/leaders.js';
import type { ByteBudget } from '../core/byte-budget.js';
import { BrokerFetcher, type FetchSettings } from './broker-fetcher.js';
import type { Feed } from './feed.js';

export interface SourceReaderDeps {
  readonly client: ClusterClient;
  readonly leaders: Leaders;
  readonly cluster: string;
  readonly route: string;
  readonly isolation: Isolation;
  readonly settings: FetchSettings;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Placed {
  readonly feed: Feed;
  broker: number | undefined;
  /** Of the leadership its fetches name. */
  epoch: number;
}

/** Reads the partitions of one route: keeps each feed with the fetcher of the broker that leads it. */
export class SourceReader implements Closable {
  readonly #deps: SourceReaderDeps;
  readonly #fetchers = new Map<number, BrokerFetcher>();
  readonly #feeds = new Map<string, Placed>();
  readonly #unsubscribe: () => void;
  readonly #closing: Promise<void>[] = [];

  constructor(deps: SourceReaderDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.leaders.onRefresh(() => this.#placeAll());
  }

  add(feed: Feed): void {
    this.#feeds.set(feed.key, { feed, broker: undefined, epoch: -1 });
    this.#place(feed.key);
  }

  remove(feed: Feed): void {
    const entry = this.#feeds.get(feed.key);
    if (entry?.feed !== feed) return;
    this.#feeds.delete(feed.key);
    this.#leave(entry);
  }

  /** What the feed wants may have changed. */
  touch(feed: Feed): void {
    const broker = this.#feeds.get(feed.key)?.broker;
    if (broker !== undefined) this.#fetchers.get(broker)?.touch(feed);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#feeds.clear();
    for (const fetcher of this.#fetchers.values()) this.#closing.push(fetcher.close());
    this.#fetchers.clear();
    await Promise.all(this.#closing);
  }

  #placeAll(): void {
    for (const key of this.#feeds.keys()) this.#place(key);
  }

  #place(key: string): void {
    const entry = this.#feeds.get(key);
    if (entry === undefined) return;
    const { feed } = entry;
    const leader = this.#deps.leaders.leader(feed.topic, feed.partition);
    if (leader === undefined) {
      this.#deps.leaders.refresh();
      return;
    }
    if (leader.broker !== entry.broker) {
      this.#leave(entry);
      entry.broker = leader.broker;
      entry.epoch = leader.epoch;
      this.#fetcher(leader.broker).add(feed);
    } else if (leader.epoch !== entry.epoch) {
      // The same broker in a new epoch of its leadership: the next fetch has to name that.
      entry.epoch = leader.epoch;
      this.#fetchers.get(leader.broker)?.touch(feed);
    }
  }

  #leave(entry: Placed): void {
    if (entry.broker === undefined) return;
    const fetcher = this.#fetchers.get(entry.broker);
    fetcher?.remove(entry.feed);
    if (fetcher?.size === 0) {
      this.#fetchers.delete(entry.broker);
      this.#closing.push(fetcher.close());
      if (this.#closing.length > 100) this.#closing.splice(0, 50);
    }
    entry.broker = undefined;
  }

  #fetcher(broker: number): BrokerFetcher {
    let fetcher = this.#fetchers.get(broker);
    if (fetcher === undefined) {
      const { leaders, ...deps } = this.#deps;
      fetcher = new BrokerFetcher({
        ...deps,
        broker,
        leaderEpoch: (topic, partition) => leaders.leader(topic, partition)?.epoch ?? -1,
        onTrouble: () => leaders.refresh(),
      });
      this.#fetchers.set(broker, fetcher);
    }
    return fetcher;
  }
}
