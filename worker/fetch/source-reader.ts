import type { FetchedPartition } from '../../common/kafka/wire/apis/fetch.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { Isolation } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import type { Leader, Leaders } from '../cluster/leaders.js';
import type { SourceFacts } from '../core/stall-facts.js';
import type { FetchListener, FetchSettings } from './broker-fetcher.js';
import type { FetchBudget } from './budget-share.js';
import { type EpochAnswer, EpochCheck } from './epoch-check.js';
import type { Feed } from './feed.js';
import type { ChannelKind, FetchChannel } from './fetch-channel.js';
import { FetcherPool } from './fetcher-pool.js';
import { nextPace, type PaceAnswer } from './pace.js';
import { PlacedFeed } from './placed-feed.js';

/** A replica that owes an answer for this long is left for the leader. */
const REPLICA_PATIENCE_MS = 4_000;
/** Between questions to leaders that could not answer for an old leadership. */
const EPOCH_BACKOFF = { initialMs: 50, maxMs: 2_000 } as const;

/** Of a feed that no connection reads. */
const UNREAD = { line: undefined, isAsked: false, isStarved: false, answeredMs: 0, isSilent: false } as const;

export interface SourceReaderDeps {
  readonly client: Pick<ClusterClient, 'connection'>;
  readonly leaders: Leaders;
  readonly cluster: string;
  readonly route: string;
  readonly isolation: Isolation;
  readonly settings: FetchSettings;
  readonly budget: FetchBudget;
  readonly pool: BufferPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Reads the partitions of one route: keeps each feed with a fetcher of the broker that leads it or stands in for the leader, apart from those
 * that lag, and has every new leader confirm what was read under the old one.
 */
export class SourceReader implements Closable, FetchListener {
  readonly #deps: SourceReaderDeps;
  readonly #fetchers: FetcherPool;
  readonly #epochs: EpochCheck;
  readonly #feeds = new Map<string, PlacedFeed>();
  readonly #unsubscribe: () => void;
  #retry: Timer | undefined;
  #retries = 0;

  constructor(deps: SourceReaderDeps) {
    this.#deps = deps;
    this.#fetchers = new FetcherPool({ ...deps, listener: this });
    this.#epochs = new EpochCheck(deps);
    this.#unsubscribe = deps.leaders.onRefresh(() => this.#placeAll());
  }

  add(feed: Feed): void {
    const placed = new PlacedFeed(feed, this.#deps.settings.rack);
    this.#feeds.set(feed.key, placed);
    this.#place(placed);
  }

  remove(feed: Feed): void {
    const placed = this.#feeds.get(feed.key);
    if (placed?.feed !== feed) return;
    this.#feeds.delete(feed.key);
    this.#leave(placed);
  }

  /** What the feed wants may have changed. */
  touch(feed: Feed): void {
    this.#feeds.get(feed.key)?.touch();
  }

  /** What keeps the feed from being read. */
  facts(feed: Feed): SourceFacts {
    const placed = this.#feeds.get(feed.key);
    return {
      hasLeader: this.#deps.leaders.leader(feed.topic, feed.partition) !== undefined,
      isConfirmed: placed === undefined || placed.joined,
      ...(placed?.reader?.facts(feed) ?? UNREAD),
    };
  }

  /** Nobody would hear of news: nothing reads it, or what reads it does not answer. */
  isBlind(feed: Feed): boolean {
    const placed = this.#feeds.get(feed.key);
    return placed === undefined || !placed.joined || (placed.reader?.isBlind(feed) ?? true);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#retry?.cancel();
    this.#feeds.clear();
    await this.#fetchers.close();
  }

  leaderEpoch(feed: Feed): number {
    return this.#feeds.get(feed.key)?.leader?.epoch ?? -1;
  }

  redirected(feed: Feed, fetched: FetchedPartition, channel: FetchChannel): boolean {
    const placed = this.#feeds.get(feed.key);
    if (placed === undefined || channel.rack === '') return false;
    const nowMs = this.#deps.clock.monotonicMs();
    const atLeader = placed.leader?.broker === channel.broker;
    if (!atLeader && fetched.errorCode !== 0) {
      // Whatever it says, only the leader's word counts: a follower may lag, or follow nobody any more.
      this.#goHome(placed);
      this.#deps.leaders.refresh();
      return true;
    }
    const { preferredReadReplica } = fetched;
    if (!atLeader || fetched.errorCode !== 0 || preferredReadReplica < 0) return false;
    if (preferredReadReplica === channel.broker) placed.replica.failed(nowMs);
    else placed.replica.prefer(preferredReadReplica, nowMs);
    this.#relocate(placed);
    return true;
  }

  delivered(feed: Feed, answer: PaceAnswer): void {
    const placed = this.#feeds.get(feed.key);
    if (placed === undefined) return;
    const { pace } = placed.pace;
    placed.pace = nextPace(placed.pace, answer);
    if (placed.pace.pace !== pace) this.#relocate(placed);
  }

  failed(channel: FetchChannel): void {
    this.#homeFrom(channel);
    this.#deps.leaders.refresh();
  }

  late(channel: FetchChannel, overdueMs: number): void {
    if (overdueMs >= REPLICA_PATIENCE_MS) this.#homeFrom(channel);
    this.#deps.leaders.refresh();
    const fetcher = this.#fetchers.find(channel);
    if (fetcher !== undefined) this.#fetchers.discardIfStuck(fetcher);
  }

  /** Partitions that are read from a replica there go back to their leaders. */
  #homeFrom({ broker }: FetchChannel): void {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const placed of this.#feeds.values()) if (placed.replica.broker(nowMs) === broker) this.#goHome(placed);
  }

  /** At once: what the replica still answers is dropped. */
  #goHome(placed: PlacedFeed): void {
    placed.replica.failed(this.#deps.clock.monotonicMs());
    if (!placed.joined) return;
    this.#leave(placed);
    this.#relocate(placed);
  }

  #placeAll(): void {
    for (const placed of this.#feeds.values()) this.#place(placed);
  }

  #place(placed: PlacedFeed): void {
    const { feed } = placed;
    const leader = this.#deps.leaders.leader(feed.topic, feed.partition);
    if (leader === undefined) {
      this.#deps.leaders.refresh();
      return;
    }
    if (leader.broker === placed.leader?.broker && leader.epoch === placed.leader.epoch) {
      // A replica's time may be over.
      if (placed.joined) this.#relocate(placed);
      return;
    }
    this.#leave(placed);
    placed.replica.reset();
    placed.leader = leader;
    placed.joined = false;
    if (feed.leaderEpoch >= 0 && leader.epoch > feed.leaderEpoch) this.#confirm(placed, leader);
    else this.#join(placed, leader);
  }

  /** Nothing is fetched in a new leadership before it is known that the log did not lose what was read in the old one. */
  #confirm(placed: PlacedFeed, leader: Leader): void {
    const { feed } = placed;
    const { topic, partition, leaderEpoch } = feed;
    const answered = (answer: EpochAnswer): void => {
      if (this.#feeds.get(feed.key) !== placed || placed.leader !== leader) return;
      switch (answer.kind) {
        case 'again':
          placed.leader = undefined;
          this.#placeLater();
          return;
        case 'unknown':
          this.#join(placed, leader);
          return;
        case 'end':
          if (answer.endOffset < feed.position) feed.truncated(answer.endOffset, leader.epoch);
          else this.#join(placed, leader);
      }
    };
    this.#epochs.ask({ topic, partition, leader, leaderEpoch, answered });
  }

  /** Not at once: the metadata would say the same again, and lead to the same question. */
  #placeLater(): void {
    if (this.#retry !== undefined) return;
    const { clock, random, leaders } = this.#deps;
    this.#retry = clock.after(backoffMs(this.#retries, EPOCH_BACKOFF, random), () => {
      this.#retry = undefined;
      leaders.refresh();
    });
    this.#retries += 1;
  }

  #join(placed: PlacedFeed, leader: Leader): void {
    this.#retries = 0;
    placed.joined = true;
    if (leader.epoch > placed.feed.leaderEpoch) placed.feed.confirmed(leader.epoch);
    this.#relocate(placed);
  }

  /** To the kind of connection it belongs on now. */
  #relocate(placed: PlacedFeed): void {
    const kind = this.#kindOf(placed);
    if (kind !== undefined && !placed.isOn(kind)) placed.moveTo(this.#fetchers.pick(kind));
  }

  #kindOf({ leader, replica, pace }: PlacedFeed): ChannelKind | undefined {
    if (leader === undefined) return undefined;
    const nowMs = this.#deps.clock.monotonicMs();
    return { broker: replica.broker(nowMs) ?? leader.broker, pace: pace.pace, rack: replica.rack(nowMs) };
  }

  #leave(placed: PlacedFeed): void {
    const left = placed.leave();
    if (left !== undefined) this.#fetchers.discardIfStuck(left);
  }
}
