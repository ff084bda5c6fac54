import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { Isolation } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import { BrokerFetcher, type FetchListener, type FetchSettings, MIN_FETCH_BYTES } from './broker-fetcher.js';
import { BudgetShare, type FetchBudget } from './budget-share.js';
import { type ChannelKind, channelKey, type FetchChannel } from './fetch-channel.js';
import { HeldBodies } from './response-body.js';

/** What is behind may fill this share of the memory; the rest always has room for what is at the head. */
const CATCH_UP_SHARE = 0.75;
/** Answers of partitions at the head are small, so that each is there soon. */
const LIVE_MAX_BYTES = 4 * 1024 * 1024;
/** What an idle poll reserves at most, and what all of them reserve together. */
const IDLE_FETCH_BYTES = 1024 * 1024;
const IDLE_SHARE = 0.25;

export interface FetcherPoolDeps {
  readonly client: Pick<ClusterClient, 'connection'>;
  readonly cluster: string;
  readonly route: string;
  readonly isolation: Isolation;
  readonly settings: FetchSettings;
  readonly budget: FetchBudget;
  readonly pool: BufferPool;
  readonly listener: FetchListener;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The fetchers of one route: up to `fetchConnections` of each kind per broker, opened when first needed. */
export class FetcherPool implements Closable {
  readonly #deps: FetcherPoolDeps;
  readonly #bodies: HeldBodies;
  readonly #fetchers = new Map<string, BrokerFetcher>();
  readonly #catchUpBudget: FetchBudget;
  readonly #closing = new Set<Promise<void>>();

  constructor(deps: FetcherPoolDeps) {
    this.#deps = deps;
    this.#bodies = new HeldBodies(deps.clock);
    this.#catchUpBudget = new BudgetShare(deps.budget, CATCH_UP_SHARE);
  }

  /** The fetcher of this kind with the fewest feeds: partitions spread evenly, and stay where they are. */
  pick(kind: ChannelKind): BrokerFetcher {
    let best: { readonly index: number; readonly size: number } | undefined;
    for (let index = 0; index < this.#deps.settings.fetchConnections; index += 1) {
      const size = this.#fetchers.get(channelKey({ ...kind, index }))?.size ?? 0;
      if (best === undefined || size < best.size) best = { index, size };
      if (size === 0) break;
    }
    return this.#get({ ...kind, index: best?.index ?? 0 });
  }

  /** Ends a fetcher without feeds whose broker owes an answer, and with it what the answer reserved. */
  discardIfStuck(fetcher: BrokerFetcher): void {
    const key = channelKey(fetcher.channel);
    if (fetcher.size > 0 || !fetcher.overdue || this.#fetchers.get(key) !== fetcher) return;
    this.#fetchers.delete(key);
    this.#close(fetcher);
  }

  find(channel: FetchChannel): BrokerFetcher | undefined {
    return this.#fetchers.get(channelKey(channel));
  }

  async close(): Promise<void> {
    this.#bodies.close();
    for (const fetcher of this.#fetchers.values()) this.#close(fetcher);
    this.#fetchers.clear();
    await Promise.all(this.#closing);
  }

  #close(fetcher: BrokerFetcher): void {
    const closing = fetcher.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #get(channel: FetchChannel): BrokerFetcher {
    const key = channelKey(channel);
    let fetcher = this.#fetchers.get(key);
    if (fetcher === undefined) {
      const live = channel.pace === 'live';
      const { settings, budget } = this.#deps;
      const fetchMaxBytes = live ? Math.min(settings.fetchMaxBytes, LIVE_MAX_BYTES) : settings.fetchMaxBytes;
      fetcher = new BrokerFetcher({
        ...this.#deps,
        channel,
        settings: { ...settings, fetchMaxBytes },
        budget: live ? budget : this.#catchUpBudget,
        idleBytes: () => this.#idleBytes(),
        bodies: this.#bodies,
      });
      this.#fetchers.set(key, fetcher);
    }
    return fetcher;
  }

  #idleBytes(): number {
    const { usedBytes, freeBytes } = this.#deps.budget;
    const share = ((usedBytes + freeBytes) * IDLE_SHARE) / Math.max(1, this.#fetchers.size);
    return Math.min(IDLE_FETCH_BYTES, Math.max(MIN_FETCH_BYTES, Math.floor(share)));
  }
}
