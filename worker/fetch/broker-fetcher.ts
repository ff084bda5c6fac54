import { CausewayError } from '../../common/errors/error.js';
import { FETCH, type FetchRequest, type FetchResponse } from '../../common/kafka/wire/apis/fetch.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import { call } from '../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../common/kafka/wire/connection.js';
import type { Isolation } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { ByteBudget } from '../core/byte-budget.js';
import type { Feed } from './feed.js';
import { FetchSession } from './fetch-session.js';
import { ResponseBody } from './response-body.js';

/** While a partition waits for the target, polls are short: its turn must not wait for the others' next record. */
const BUSY_WAIT_MS = 20;
const MIN_APPETITE_BYTES = 1024 * 1024;
const APPETITE_GROWTH = 4;
/** Less free budget than this is not worth a request. */
const MIN_FETCH_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);
const ERROR_BACKOFF = { initialMs: 50, maxMs: 2_000 } as const;
/** FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR, INCONSISTENT_TOPIC_ID. */
const SESSION_ERRORS = new Set([70, 71, 103, 106]);

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

export interface BrokerFetcherDeps {
  readonly client: Pick<ClusterClient, 'connection'>;
  readonly cluster: string;
  readonly broker: number;
  /** One session per route: two routes may read the same partition for different targets. */
  readonly route: string;
  readonly isolation: Isolation;
  readonly settings: FetchSettings;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  readonly leaderEpoch: (topic: string, partition: number) => number;
  /** The broker could not be reached or does not lead any more. */
  readonly onTrouble: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Fetches everything one thread wants from one source broker: one connection, one incremental session, one long poll at a time. */
export class BrokerFetcher {
  readonly #deps: BrokerFetcherDeps;
  readonly #feeds = new Map<string, Feed>();
  readonly #byTopic = new Map<string, Map<number, Feed>>();
  readonly #session = new FetchSession();
  readonly #touched = new Set<Feed>();
  /** Feeds that want nothing right now but will: their turn must not wait for a long poll. */
  readonly #waiting = new Set<string>();
  readonly #stop = new AbortController();
  #wake: (() => void) | undefined;
  #awaitsBudget = false;
  #failures = 0;
  /** What a fetch asks for at most: as much as lately came, and some more, so that an idle poll does not reserve what others could use. */
  #appetiteBytes = MIN_APPETITE_BYTES;
  readonly #running: Promise<void>;

  constructor(deps: BrokerFetcherDeps) {
    this.#deps = deps;
    this.#running = this.#run();
  }

  get size(): number {
    return this.#feeds.size;
  }

  add(feed: Feed): void {
    this.#feeds.set(feed.key, feed);
    // Newer Fetch versions name topics by id, older ones by name: found under either.
    for (const name of feed.topicId === null ? [feed.topic] : [feed.topic, feed.topicId]) {
      const partitions = this.#byTopic.get(name) ?? new Map<number, Feed>();
      this.#byTopic.set(name, partitions.set(feed.partition, feed));
    }
    this.touch(feed);
  }

  remove(feed: Feed): void {
    if (this.#feeds.get(feed.key) !== feed) return;
    this.#feeds.delete(feed.key);
    this.#touched.delete(feed);
    this.#waiting.delete(feed.key);
    this.#session.forget(feed.key);
    for (const name of [feed.topic, feed.topicId ?? '']) {
      const partitions = this.#byTopic.get(name);
      if (partitions?.get(feed.partition) === feed) partitions.delete(feed.partition);
      if (partitions?.size === 0) this.#byTopic.delete(name);
    }
  }

  /** What the feed wants may have changed: look before the next request. */
  touch(feed: Feed): void {
    if (this.#feeds.get(feed.key) !== feed) return;
    this.#touched.add(feed);
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#applyTouched();
      const starved = this.#deps.budget.freeBytes < MIN_FETCH_BYTES;
      if (this.#session.size === 0 || starved) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (starved) this.#awaitBudget();
        });
        this.#wake = undefined;
        continue;
      }
      try {
        await this.#fetchOnce();
        this.#failures = 0;
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
      const currentLeaderEpoch = this.#deps.leaderEpoch(topic, partition);
      const maxBytes = Math.min(this.#deps.settings.fetchMaxPartitionBytes, quota);
      this.#session.want(feed.key, { topic, topicId, partition, fetchOffset, currentLeaderEpoch, maxBytes });
    }
    this.#touched.clear();
  }

  async #fetchOnce(): Promise<void> {
    const { client, broker, settings, budget } = this.#deps;
    const connection = await client.connection(broker, `fetch-${this.#deps.route}`);
    const maxBytes = Math.min(this.#appetiteBytes, settings.fetchMaxBytes, budget.freeBytes);
    budget.charge(maxBytes);
    let answer: { readonly response: FetchResponse; readonly body: ResponseBody };
    try {
      answer = await this.#exchange(connection, maxBytes);
    } finally {
      budget.release(maxBytes);
    }
    const { response, body } = answer;
    this.#adapt(maxBytes, body.bytes);
    if (this.#stop.signal.aborted) return;
    if (response.errorCode !== 0) {
      this.#session.restart();
      if (SESSION_ERRORS.has(response.errorCode)) return;
      throw new CausewayError('KAFKA_ERROR', `the fetch failed with error ${response.errorCode}`, {
        place: { cluster: this.#deps.cluster },
        kafkaCode: response.errorCode,
      });
    }
    this.#session.accepted(response.sessionId);
    this.#deliver(response, body);
    body.release();
  }

  async #exchange(
    connection: BrokerConnection,
    maxBytes: number,
  ): Promise<{ readonly response: FetchResponse; readonly body: ResponseBody }> {
    const { settings, isolation } = this.#deps;
    const maxWaitMs =
      this.#waiting.size > 0 ? Math.min(BUSY_WAIT_MS, settings.fetchMaxWaitMs) : settings.fetchMaxWaitMs;
    const request: FetchRequest = {
      maxWaitMs,
      minBytes: 1,
      maxBytes,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      rackId: '',
      ...this.#session.next(),
    };
    const { pool } = this.#deps;
    let memory: Buffer = NOTHING;
    const api = {
      ...FETCH,
      decode: (version: number, bytes: Buffer): FetchResponse => {
        memory = bytes;
        return FETCH.decode(version, bytes);
      },
    };
    const response = await call(connection, api, request, { timeoutMs: maxWaitMs + settings.requestTimeoutMs, pool });
    return { response, body: new ResponseBody(pool, memory) };
  }

  #adapt(askedBytes: number, gotBytes: number): void {
    if (gotBytes * 2 >= askedBytes) {
      this.#appetiteBytes = Math.min(this.#appetiteBytes * APPETITE_GROWTH, this.#deps.settings.fetchMaxBytes);
    } else if (gotBytes * APPETITE_GROWTH < askedBytes) {
      this.#appetiteBytes = Math.max(this.#appetiteBytes / 2, MIN_APPETITE_BYTES);
    }
  }

  #deliver(response: FetchResponse, body: ResponseBody): void {
    for (const topic of response.topics) {
      for (const fetched of topic.partitions) {
        const feed = this.#find(topic.topic, topic.topicId, fetched.partition);
        if (feed === undefined) continue;
        // Told anew before the next request: the broker would send the same again and again.
        this.#touched.add(feed);
        // A feed that moved on, paused or restarted while the poll was under way must not take data it no longer expects.
        const wanted = feed.wanted();
        if (wanted !== undefined && this.#session.askedOffset(feed.key) === wanted) feed.accept(fetched, body);
      }
    }
  }

  #find(topic: string, topicId: string | null, partition: number): Feed | undefined {
    return this.#byTopic.get(topicId ?? topic)?.get(partition);
  }

  async #backOff(error: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { clock, random, logger, cluster, broker } = this.#deps;
    this.#session.restart();
    if (this.#failures === 0) logger.warn('fetch.failed', { cluster, broker, err: error });
    this.#deps.onTrouble();
    await clock.sleep(backoffMs(this.#failures, ERROR_BACKOFF, random), this.#stop.signal);
    this.#failures += 1;
  }
}
