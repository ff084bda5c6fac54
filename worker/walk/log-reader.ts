import { type CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { FetchedPartition } from '../../common/kafka/wire/apis/fetch.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import { isTransient } from '../../common/kafka/wire/call.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { type LogAnswer, READ_BYTES, readLog } from '../../common/kafka/wire/operations/read-logs.js';
import { BatchCursor } from '../../common/kafka/wire/records/batch-scan.js';
import { TxnFilter } from '../../common/kafka/wire/records/txn-filter.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import { shuttingDown } from './drive.js';
import type { FeedState, LogFeed } from './log-feed.js';
import { denied, findLeader, type LogLeader, type LogPlace } from './log-place.js';

const PURPOSE = 'walk';
const NO_BYTES = Buffer.alloc(0);
const RETRY_BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;

/** What reading a log needs besides the log. */
export interface ReadingDeps {
  readonly pool: BufferPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** A log that gives nothing for this long is given up for now. */
  readonly patienceMs: number;
}

export interface LogReaderOptions {
  readonly from: number;
  readonly end: number;
  /** Asked when the end is reached; a greater one moves it. */
  readonly laterEnd?: () => Promise<number>;
}

/** Reads one partition's log from its leader, by topic id where there is one, without a fetch session; leaders that move are followed. */
export class LogReader implements LogFeed {
  readonly batch = new BatchCursor();
  readonly #place: LogPlace;
  readonly #deps: ReadingDeps;
  readonly #laterEnd: (() => Promise<number>) | undefined;
  readonly #filter: TxnFilter | undefined;
  #isAborted = false;
  #position: number;
  #end: number;
  /** A walk holds one answer of each log. */
  #body: LogAnswer | undefined;
  /** The answer at hand may begin with what is not wanted any more, and need not be sound there. */
  #isJumping = false;
  #leader: LogLeader | undefined;
  #stuckAt = -1;
  /** When the first attempt there had ended: until then it waited for its turn among others, for as long as those take. */
  #stuckSinceMs: number | undefined;
  #failures = 0;
  #fault: CausewayError | undefined;

  constructor(place: LogPlace, deps: ReadingDeps, options: LogReaderOptions) {
    this.#place = place;
    this.#deps = deps;
    this.#laterEnd = options.laterEnd;
    this.#filter = place.isolation === 'read_committed' ? new TxnFilter() : undefined;
    this.#position = options.from;
    this.#end = options.end;
  }

  get isAborted(): boolean {
    return this.#isAborted;
  }

  take(): boolean {
    if (this.#body === undefined) return false;
    try {
      if (this.#next()) return true;
    } catch (error) {
      if (!this.#isJumping) throw error;
    }
    this.#drop();
    return false;
  }

  async fill(): Promise<FeedState> {
    const { signal, clock, random, patienceMs } = this.#deps;
    if (this.#position >= this.#end) {
      this.#end = Math.max(this.#end, (await this.#laterEnd?.()) ?? 0);
      if (this.#position >= this.#end) return 'ended';
    }
    if (this.#position !== this.#stuckAt) {
      this.#stuckAt = this.#position;
      this.#stuckSinceMs = undefined;
      this.#failures = 0;
      this.#fault = undefined;
    } else if (clock.monotonicMs() - (this.#stuckSinceMs ?? clock.monotonicMs()) > patienceMs) {
      if (this.#fault !== undefined) throw this.#fault;
      return 'stalled';
    } else {
      await clock.sleep(backoffMs(this.#failures, RETRY_BACKOFF, random), signal);
      this.#failures += 1;
    }
    if (signal.aborted) throw shuttingDown();
    const state = await this.#attempt();
    this.#stuckSinceMs ??= clock.monotonicMs();
    return state;
  }

  seek(offset: number): void {
    if (offset <= this.#position) return;
    this.#position = offset;
    this.#isJumping = true;
  }

  close(): void {
    this.#drop();
  }

  #next(): boolean {
    const { batch } = this;
    while (batch.next()) {
      // Also of batches that are not wanted: markers end a transaction.
      this.#isAborted = this.#filter?.isAborted(batch) ?? false;
      if (batch.lastOffset < this.#position) continue;
      this.#isJumping = false;
      if (batch.baseOffset >= this.#end) {
        this.#position = this.#end;
        return false;
      }
      this.#position = batch.lastOffset + 1;
      return true;
    }
    return false;
  }

  #drop(): void {
    this.batch.reset(NO_BYTES);
    this.#body?.release();
    this.#body = undefined;
  }

  async #attempt(): Promise<FeedState> {
    try {
      this.#leader ??= await findLeader(this.#place);
      return await this.#fetch(this.#leader);
    } catch (error) {
      this.#leader = undefined;
      if (!isCausewayError(error) || !mayPass(error)) throw error;
      this.#fault = error;
      return 'more';
    }
  }

  async #fetch({ broker, epoch, topicId }: LogLeader): Promise<FeedState> {
    const { client, topic, partition, isolation } = this.#place;
    const { pool, signal } = this.#deps;
    const answer = await readLog(
      { client, broker, purpose: PURPOSE, isolationLevel: isolation === 'read_committed' ? 1 : 0, pool },
      {
        topic,
        topicId,
        partition,
        fetchOffset: this.#position,
        currentLeaderEpoch: epoch,
        maxBytes: READ_BYTES,
      },
    );
    const { errorCode, fetched } = answer;
    if (signal.aborted || errorCode !== KafkaCode.NONE || fetched === undefined) {
      answer.release();
      if (signal.aborted) throw shuttingDown();
      return this.#refused(errorCode);
    }
    this.#accept(fetched, answer);
    return 'more';
  }

  #accept({ records, abortedTransactions }: FetchedPartition, body: LogAnswer): void {
    this.#drop();
    this.#fault = undefined;
    this.#isJumping = false;
    this.#body = body;
    this.#filter?.reset(abortedTransactions);
    this.batch.reset(records ?? NO_BYTES);
  }

  #refused(code: number): FeedState {
    const { client, topic, partition } = this.#place;
    const place = { cluster: client.cluster.name, topic, partition, offset: BigInt(this.#position) };
    if (code === KafkaCode.OFFSET_OUT_OF_RANGE) return 'gone';
    if (code === KafkaCode.TOPIC_AUTHORIZATION_FAILED) throw denied(place, code);
    throw kafkaError(code, place, 'fetch');
  }
}

/** Leaders move, brokers restart, topics may not be known everywhere yet. */
function mayPass(error: CausewayError): boolean {
  if (isTransient(error)) return true;
  return error.code === 'KAFKA_ERROR' || error.code === 'SOURCE_TOPIC_MISSING' || error.code === 'TARGET_TOPIC_MISSING';
}
