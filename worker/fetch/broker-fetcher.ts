import { CausewayError, messageOf } from '../../common/errors/error.js';
import type { FetchedPartition, FetchResponse } from '../../common/kafka/wire/apis/fetch.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../common/kafka/wire/connection.js';
import type { Isolation } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { LineFacts, SourceFacts } from '../core/stall-facts.js';
import { Appetite } from './appetite.js';
import type { FetchBudget } from './budget-share.js';
import type { Feed } from './feed.js';
import { FeedIndex } from './feed-index.js';
import { channelPurpose, type FetchChannel } from './fetch-channel.js';
import { exchangeFetch, type FetchAnswer } from './fetch-exchange.js';
import { FetchSession } from './fetch-session.js';
import type { PaceAnswer } from './pace.js';
import type { HeldBodies, ResponseBody } from './response-body.js';

/** While a partition waits for the target, polls are short: its turn must not wait for the others' next record. */
const BUSY_WAIT_MS = 20;
/** Less free budget than this is not worth a request. */
export const MIN_FETCH_BYTES = 64 * 1024;
/** While throttled it is looked this often whether the connection is still there: a new one is not throttled. */
const THROTTLE_LOOK_MS = 1_000;
/** An answer that is this late is spoken of, again and again until it comes: the broker may hang, and lead nothing any more. */
const LATE_MS = 2_000;
const ERROR_BACKOFF = { initialMs: 50, maxMs: 2_000 } as const;
/** FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, INCONSISTENT_TOPIC_ID, FETCH_SESSION_TOPIC_ID_ERROR. */
const SESSION_ERRORS: ReadonlySet<number> = new Set([70, 71, 103, 106]);
/** A broker that answers so even to requests that begin a session is not asked in a tight loop. */
const MAX_SESSION_ERRORS = 3;

export interface FetchSettings {
  readonly fetchMaxBytes: number;
  readonly fetchMaxPartitionBytes: number;
  readonly fetchMaxWaitMs: number;
  /** Connections per broker for partitions at the head, and as many for those behind. */
  readonly fetchConnections: number;
  /** Ours (KIP-392); '' none. */
  readonly rack: string;
  readonly requestTimeoutMs: number;
}

/** What a fetcher tells of its broker and its feeds. All calls are synchronous. */
export interface FetchListener {
  /** Of the leadership that the feed's fetches must name. */
  leaderEpoch(feed: Feed): number;
  /** Looks at each answer first; true: it is about where to read, the feed need not see it. */
  redirected(feed: Feed, fetched: FetchedPartition, channel: FetchChannel): boolean;
  delivered(feed: Feed, answer: PaceAnswer): void;
  /** The broker could not be asked. */
  failed(channel: FetchChannel): void;
  /** The broker's answer is this much overdue. */
  late(channel: FetchChannel, overdueMs: number): void;
}

export interface BrokerFetcherDeps {
  readonly client: Pick<ClusterClient, 'connection'>;
  readonly cluster: string;
  readonly channel: FetchChannel;
  /** One session per route: two routes may read the same partition for different targets. */
  readonly route: string;
  readonly isolation: Isolation;
  readonly settings: FetchSettings;
  readonly budget: FetchBudget;
  /** What an idle poll may reserve of the budget. */
  readonly idleBytes: () => number;
  readonly pool: BufferPool;
  readonly bodies: HeldBodies;
  readonly listener: FetchListener;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Fetches what is asked of one source broker on one connection: one incremental session, one long poll at a time. */
export class BrokerFetcher {
  readonly #deps: BrokerFetcherDeps;
  readonly #index = new FeedIndex();
  /** Feeds that another fetcher still reads, with what takes them from there. */
  readonly #arriving = new Map<Feed, () => void>();
  readonly #session = new FetchSession();
  readonly #appetite: Appetite;
  readonly #touched = new Set<Feed>();
  /** Feeds that want nothing right now but will: their turn must not wait for a long poll. */
  readonly #waiting = new Set<string>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #wake: (() => void) | undefined;
  #awaitsBudget = false;
  #failures = 0;
  #sessionErrors = 0;
  /** The connection a request is under way on. */
  #asking: BrokerConnection | undefined;
  #connection: BrokerConnection | undefined;
  #fault: LineFacts['fault'];
  /** The last answer; or the end of a time without questions. */
  #answeredMs: number;
  #overdue = false;

  constructor(deps: BrokerFetcherDeps) {
    this.#deps = deps;
    this.#answeredMs = deps.clock.monotonicMs();
    this.#appetite = new Appetite(deps.idleBytes, deps.settings.fetchMaxBytes);
    this.#running = this.#run();
  }

  get channel(): FetchChannel {
    return this.#deps.channel;
  }

  get size(): number {
    return this.#index.size + this.#arriving.size;
  }

  /** Its broker owes an answer: what is added now waits behind that. */
  get overdue(): boolean {
    return this.#overdue;
  }

  /**
   * @param take called right before the feed is first asked for here: until then another fetcher goes on reading it, so that a change of
   * connection does not wait for the end of a long poll. What the other still gets for it is dropped there.
   */
  add(feed: Feed, take: () => void = () => undefined): void {
    this.#arriving.set(feed, take);
    this.#wake?.();
  }

  remove(feed: Feed): void {
    this.#arriving.delete(feed);
    if (!this.#index.remove(feed)) return;
    this.#touched.delete(feed);
    this.#waiting.delete(feed.key);
    this.#session.forget(feed.key);
  }

  /** What the feed wants may have changed: look before the next request. */
  touch(feed: Feed): void {
    if (!this.#index.has(feed)) return;
    this.#touched.add(feed);
    this.#wake?.();
  }

  facts(feed: Feed): Omit<SourceFacts, 'hasLeader' | 'isConfirmed'> {
    const { channel } = this.#deps;
    const connection = this.#connection;
    const isOpen = connection !== undefined && connection.closedError === undefined;
    return {
      line: {
        broker: channel.broker,
        address: isOpen ? connection.address : undefined,
        fault: this.#fault,
        throttledMs: isOpen ? connection.throttledMs : 0,
      },
      isAsked: this.#asks(feed),
      isStarved: this.#isStarved,
      answeredMs: this.#answeredMs,
      isSilent: this.#isSilent,
    };
  }

  isBlind(feed: Feed): boolean {
    return this.#isStarved || (this.#isSilent && this.#asks(feed));
  }

  /** Or will, in its next request. */
  #asks(feed: Feed): boolean {
    // Whoever touches or adds a feed wakes it within the same turn: what lies here while it sleeps was forgotten.
    if (this.#wake !== undefined && !this.#isStarved) return false;
    if (this.#arriving.has(feed) || this.#touched.has(feed)) return true;
    return this.#index.has(feed) && this.#session.isWanted(feed.key);
  }

  get #isStarved(): boolean {
    return this.#deps.budget.freeBytes < MIN_FETCH_BYTES;
  }

  /** For longer than a long poll may take. */
  get #isSilent(): boolean {
    const { clock, settings } = this.#deps;
    return clock.monotonicMs() - this.#answeredMs > settings.fetchMaxWaitMs + LATE_MS;
  }

  /** Does not wait for an answer that is on its way. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    this.#asking?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#takeArriving();
      this.#applyTouched();
      const starved = this.#isStarved;
      if (this.#session.size === 0 || starved) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (starved) this.#awaitBudget();
        });
        this.#wake = undefined;
        this.#answeredMs = this.#deps.clock.monotonicMs();
        continue;
      }
      try {
        await this.#fetchOnce();
        this.#failures = 0;
        this.#fault = undefined;
      } catch (error) {
        await this.#backOff(error);
      }
    }
  }

  #awaitBudget(): void {
    if (this.#awaitsBudget) return;
    this.#awaitsBudget = true;
    this.#deps.budget.whenFree(MIN_FETCH_BYTES, () => {
      this.#awaitsBudget = false;
      this.#wake?.();
    });
  }

  #takeArriving(): void {
    for (const [feed, take] of [...this.#arriving]) {
      this.#arriving.delete(feed);
      take();
      this.#index.add(feed);
      this.#touched.add(feed);
    }
  }

  #applyTouched(): void {
    for (const feed of this.#touched) {
      const fetchOffset = feed.wanted();
      const quota = fetchOffset === undefined ? 0 : feed.quota();
      if (fetchOffset === undefined || quota === 0) {
        this.#session.forget(feed.key);
        this.#waiting.add(feed.key);
        continue;
      }
      this.#waiting.delete(feed.key);
      const { topic, topicId, partition } = feed;
      const currentLeaderEpoch = this.#deps.listener.leaderEpoch(feed);
      const maxBytes = Math.min(this.#deps.settings.fetchMaxPartitionBytes, quota);
      this.#session.want(feed.key, { topic, topicId, partition, fetchOffset, currentLeaderEpoch, maxBytes });
    }
    this.#touched.clear();
  }

  async #fetchOnce(): Promise<void> {
    const { client, route, channel, budget, clock } = this.#deps;
    const connection = await client.connection(channel.broker, `fetch-${route}-${channelPurpose(channel)}`);
    this.#connection = connection;
    if (connection.throttledMs > 0) {
      await clock.sleep(Math.min(connection.throttledMs, THROTTLE_LOOK_MS), this.#stop.signal);
      return;
    }
    if (this.#stop.signal.aborted) return;
    const maxBytes = Math.min(this.#appetite.bytes, budget.freeBytes);
    budget.charge(maxBytes);
    let answer: FetchAnswer;
    try {
      this.#asking = connection;
      answer = await this.#exchange(connection, maxBytes);
    } finally {
      this.#asking = undefined;
      budget.release(maxBytes);
    }
    const { response, body } = answer;
    this.#answeredMs = clock.monotonicMs();
    this.#appetite.learn(maxBytes, body.bytes);
    if (this.#stop.signal.aborted) return;
    if (response.errorCode === 0) {
      this.#sessionErrors = 0;
      this.#session.accepted(response.sessionId);
      this.#deps.bodies.watch(body);
      this.#deliver(response, body);
    } else {
      this.#refused(response.errorCode);
    }
    body.release();
  }

  /** Nothing was delivered: everything is asked for again in a new session. */
  #refused(errorCode: number): void {
    this.#session.restart();
    this.#sessionErrors += 1;
    if (SESSION_ERRORS.has(errorCode) && this.#sessionErrors <= MAX_SESSION_ERRORS) return;
    throw new CausewayError('KAFKA_ERROR', `the fetch failed with error ${errorCode}`, {
      place: { cluster: this.#deps.cluster },
      kafkaCode: errorCode,
    });
  }

  async #exchange(connection: BrokerConnection, maxBytes: number): Promise<FetchAnswer> {
    const { settings, isolation, pool, channel } = this.#deps;
    const busy = this.#waiting.size > 0;
    const maxWaitMs = busy ? Math.min(BUSY_WAIT_MS, settings.fetchMaxWaitMs) : settings.fetchMaxWaitMs;
    const { byName } = this.#session;
    const request = {
      maxWaitMs,
      minBytes: 1,
      maxBytes,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      rackId: channel.rack,
      ...this.#session.next(),
    } as const;
    const settled = this.#watchOver(maxWaitMs);
    try {
      return await exchangeFetch(connection, request, {
        timeoutMs: maxWaitMs + settings.requestTimeoutMs,
        pool,
        byName,
      });
    } finally {
      settled();
    }
  }

  /** Speaks of a late answer long before it is given up. */
  #watchOver(maxWaitMs: number): () => void {
    const { clock, listener, channel } = this.#deps;
    let overdueMs = 0;
    const late = (): void => {
      overdueMs += LATE_MS;
      this.#overdue = true;
      timer = clock.after(LATE_MS, late);
      listener.late(channel, overdueMs);
    };
    let timer = clock.after(maxWaitMs + LATE_MS, late);
    return () => {
      timer.cancel();
      this.#overdue = false;
    };
  }

  #deliver(response: FetchResponse, body: ResponseBody): void {
    for (const topic of response.topics) {
      for (const fetched of topic.partitions) {
        const feed = this.#index.find(topic.topic, topic.topicId, fetched.partition);
        if (feed === undefined) continue;
        // Told anew before the next request: the broker would send the same again and again.
        this.#touched.add(feed);
        this.#deliverTo(feed, fetched, body);
      }
    }
  }

  #deliverTo(feed: Feed, fetched: FetchedPartition, body: ResponseBody): void {
    const { listener, channel, settings, isolation } = this.#deps;
    // A feed that moved on, paused or restarted while the poll was under way must not take data it no longer expects.
    const fromOffset = feed.wanted();
    if (fromOffset === undefined || this.#session.askedOffset(feed.key) !== fromOffset) return;
    if (listener.redirected(feed, fetched, channel)) return;
    feed.accept(fetched, body);
    if (fetched.errorCode !== 0) return;
    listener.delivered(feed, {
      fromOffset,
      nextOffset: feed.position,
      endOffset: isolation === 'read_committed' ? fetched.lastStableOffset : fetched.highWatermark,
      bytes: fetched.records?.length ?? 0,
      maxBytes: settings.fetchMaxPartitionBytes,
    });
  }

  async #backOff(error: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { clock, random, logger, cluster, channel, listener } = this.#deps;
    this.#session.restart();
    this.#fault = { message: messageOf(error), sinceMs: this.#fault?.sinceMs ?? clock.monotonicMs() };
    if (this.#failures === 0) logger.warn('fetch.failed', { cluster, broker: channel.broker, err: error });
    listener.failed(channel);
    await clock.sleep(backoffMs(this.#failures, ERROR_BACKOFF, random), this.#stop.signal);
    this.#failures += 1;
  }
}
