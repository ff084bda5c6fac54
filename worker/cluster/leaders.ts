import type { ClusterClient, ClusterMetadata, TopicMetadata } from '../../common/kafka/wire/cluster-client.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';

/** Leaders move rarely; errors ask for a refresh at once, this only finds what no error tells. */
const REFRESH_INTERVAL_MS = 30_000;
/** A refresh asked for again right after one waits this long, doubling while partitions stay without a leader. */
const RETRY_BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;

export interface Leader {
  readonly broker: number;
  readonly epoch: number;
}

export interface LeadersDeps {
  readonly client: Pick<ClusterClient, 'metadata'>;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Which broker leads which partition of one cluster, for the topics somebody here is interested in. */
export class Leaders {
  readonly #deps: LeadersDeps;
  readonly #topics = new Map<string, { users: number; metadata: TopicMetadata | undefined }>();
  readonly #listeners = new Set<() => void>();
  #refreshing: Promise<void> | undefined;
  #timer: Timer | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #attempt = 0;
  /** A refresh was asked for while one was under way. */
  #again = false;
  #failing = false;
  #closed = false;
  #clusterId: string | null = null;

  constructor(deps: LeadersDeps) {
    this.#deps = deps;
  }

  track(topic: string): void {
    const known = this.#topics.get(topic);
    if (known !== undefined) {
      known.users += 1;
      return;
    }
    this.#topics.set(topic, { users: 1, metadata: undefined });
    this.refresh();
  }

  untrack(topic: string): void {
    const known = this.#topics.get(topic);
    if (known === undefined) return;
    known.users -= 1;
    if (known.users === 0) this.#topics.delete(topic);
  }

  /** The cluster's own id; null before it has answered, and where it has none. */
  get clusterId(): string | null {
    return this.#clusterId;
  }

  topic(topic: string): TopicMetadata | undefined {
    return this.#topics.get(topic)?.metadata;
  }

  leader(topic: string, partition: number): Leader | undefined {
    const partitions = this.topic(topic)?.partitions;
    // Brokers list partitions in any order; mostly it is ascending.
    const atIndex = partitions?.[partition];
    const found =
      atIndex?.partition === partition ? atIndex : partitions?.find((candidate) => candidate.partition === partition);
    return found === undefined || found.leader < 0 ? undefined : { broker: found.leader, epoch: found.leaderEpoch };
  }

  /** Called after every refresh that succeeded. Returns its own removal. */
  onRefresh(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks for fresh metadata soon; requests in quick succession become one, and back off. */
  refresh(): void {
    // What is under way may have been answered before the news came that led here.
    if (this.#refreshing !== undefined) this.#again = true;
    else this.#schedule(this.#delayMs(0));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#refreshing;
  }

  #schedule(delayMs: number): void {
    const dueAtMs = this.#deps.clock.monotonicMs() + delayMs;
    if (this.#closed || this.#refreshing !== undefined || dueAtMs >= this.#dueAtMs) return;
    this.#timer?.cancel();
    this.#dueAtMs = dueAtMs;
    this.#timer = this.#deps.clock.after(delayMs, () => {
      this.#dueAtMs = Number.POSITIVE_INFINITY;
      this.#refreshing = this.#refreshNow().finally(() => {
        this.#refreshing = undefined;
        this.#schedule(this.#delayMs(this.#again ? RETRY_BACKOFF.initialMs : REFRESH_INTERVAL_MS));
        this.#again = false;
      });
    });
  }

  /** While something is missing, its own back-off; else what is given. */
  #delayMs(whenCompleteMs: number): number {
    return this.#attempt === 0 ? whenCompleteMs : backoffMs(this.#attempt - 1, RETRY_BACKOFF, this.#deps.random);
  }

  async #refreshNow(): Promise<void> {
    const names = [...this.#topics.keys()];
    if (names.length === 0) {
      this.#attempt = 0;
      return;
    }
    try {
      this.#take(await this.#deps.client.metadata(names));
      this.#failing = false;
    } catch (error) {
      this.#attempt += 1;
      if (!this.#failing) this.#deps.logger.warn('metadata.unavailable', { cluster: this.#deps.cluster, err: error });
      this.#failing = true;
      return;
    }
    for (const listener of [...this.#listeners]) listener();
  }

  #take(metadata: ClusterMetadata): void {
    let complete = true;
    this.#clusterId = metadata.clusterId ?? this.#clusterId;
    for (const [name, entry] of this.#topics) {
      const fresh = metadata.topics.get(name);
      if (fresh !== undefined) entry.metadata = withoutOlder(entry.metadata, fresh);
      const leaderless =
        fresh === undefined || fresh.errorCode !== 0 || fresh.partitions.some((partition) => partition.leader < 0);
      if (leaderless) complete = false;
    }
    // Leaderless partitions and missing topics are asked for again soon, but not in a tight loop.
    this.#attempt = complete ? 0 : this.#attempt + 1;
  }
}

/** Brokers hear of a new leader one after another: one that does not know it yet must not undo what another said. */
function withoutOlder(known: TopicMetadata | undefined, fresh: TopicMetadata): TopicMetadata {
  // Another topic of that name begins its epochs anew.
  if (known === undefined || known.topicId === null || known.topicId !== fresh.topicId) return fresh;
  const epochs = new Map(known.partitions.map((partition) => [partition.partition, partition]));
  const partitions = fresh.partitions.map((partition) => {
    const before = epochs.get(partition.partition);
    return before !== undefined && before.leaderEpoch > partition.leaderEpoch ? before : partition;
  });
  return { ...fresh, partitions };
}
