import { isCausewayError, messageOf } from '../../common/errors/error.js';
import type { FetchedPartition } from '../../common/kafka/wire/apis/fetch.js';
import { type BatchSlice, maxTimestampMs, partitionLeaderEpoch } from '../../common/kafka/wire/records/batch-header.js';
import { BatchCursor } from '../../common/kafka/wire/records/batch-scan.js';
import { recodeBatch } from '../../common/kafka/wire/records/recode.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { Allowance, ByteAccount } from '../core/allowance.js';
import { batchVerdict, type VerdictCounts } from '../core/batch-verdict.js';
import { TxnFilter } from '../core/txn-filter.js';
import type { Feed } from '../fetch/feed.js';
import type { ResponseBody } from '../fetch/response-body.js';
import type { MirroredPartition } from './mirrored-partition.js';
import type { PartitionPort } from './port.js';

/** A partition holds at most this many times its fetch size between source and target; then its fetches wait. */
const QUEUE_FETCHES = 6;
/** A damaged batch may have been damaged on the way: fetched again this often before the partition pauses. */
const MAX_REFETCHES = 3;

const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_ID = 100;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const TOPIC_AUTHORIZATION_FAILED = 29;
/** Between fetches of a partition that is answered with errors: the leader answers those at once, however long it may wait. */
const ERROR_BACKOFF = { initialMs: 20, maxMs: 1_000 } as const;

export interface IntakeDeps {
  readonly budget: ByteAccount;
  readonly allowance: Allowance;
  readonly counts: VerdictCounts;
  readonly fetchMaxPartitionBytes: number;
  readonly port: PartitionPort;
  readonly clock: Clock;
  readonly random: Random;
}

/** The source side of one partition: takes fetched bytes, decides batch by batch what becomes of them, fills the queue. */
export class Intake implements Feed {
  readonly #partition: MirroredPartition;
  readonly #deps: IntakeDeps;
  readonly #filter = new TxnFilter();
  readonly #cursor = new BatchCursor();
  /** A batch is being decoded: what follows it waits. */
  #decoding = false;
  /** The leader answered with an error a moment ago. */
  #holding = false;
  #errors = 0;
  #refetches = 0;

  constructor(partition: MirroredPartition, deps: IntakeDeps) {
    this.#partition = partition;
    this.#deps = deps;
  }

  get key(): string {
    return this.#partition.key;
  }

  get topic(): string {
    return this.#partition.item.topic;
  }

  get partition(): number {
    return this.#partition.item.partition;
  }

  get topicId(): string | null {
    return this.#partition.sourceTopicId;
  }

  wanted(): number | undefined {
    const { queue } = this.#partition;
    const full = queue.bytes >= QUEUE_FETCHES * this.#deps.fetchMaxPartitionBytes;
    return !this.#copying() || this.#decoding || this.#holding || full ? undefined : queue.fetchNext;
  }

  quota(): number {
    return this.#deps.allowance.quotaBytes();
  }

  /** While the target takes nothing, one fetch is enough to find out when it does again. */
  #copying(): boolean {
    const { state, queue } = this.#partition;
    return state === 'running' || (state === 'backing-off' && queue.drained);
  }

  accept(fetched: FetchedPartition, body: ResponseBody): void {
    const partition = this.#partition;
    if (fetched.errorCode !== 0) {
      this.#failed(fetched.errorCode);
      return;
    }
    this.#errors = 0;
    partition.sourceEnd =
      partition.route.isolation === 'read_committed' ? fetched.lastStableOffset : fetched.highWatermark;
    if (fetched.records === null || fetched.records.length === 0) return;
    this.#filter.reset(fetched.abortedTransactions);
    this.#cursor.reset(fetched.records);
    this.#consume(body);
  }

  /** Takes batches until the response ends or one has to be decoded, which may need its codec loaded first. */
  #consume(body: ResponseBody): void {
    const partition = this.#partition;
    const cursor = this.#cursor;
    const { queue } = partition;
    try {
      while (cursor.next()) {
        const aborted = partition.route.isolation === 'read_committed' && this.#filter.isAborted(cursor);
        const verdict = batchVerdict(cursor, queue.fetchNext, aborted, 'append-time');
        this.#deps.counts.add(verdict);
        switch (verdict.kind) {
          case 'raw':
            this.#push(cursor, cursor.baseOffset, cursor.lastOffset + 1, cursor.recordCount, body.retain());
            break;
          case 'skip':
            queue.skipTo(cursor.lastOffset + 1);
            break;
          case 'recode':
            this.#decode(body);
            return;
          case 'unsupported': {
            const message = `the batch at offset ${cursor.baseOffset} cannot be mirrored yet: ${verdict.reason}`;
            this.#deps.port.ready(partition);
            this.#deps.port.pause(partition, { code: 'BATCH_UNSUPPORTED', message });
            return;
          }
        }
      }
      if (!cursor.partial) this.#refetches = 0;
    } catch (error) {
      this.#damaged(error);
      return;
    }
    this.#deps.port.ready(partition);
  }

  #decode(body: ResponseBody): void {
    const partition = this.#partition;
    const cursor = this.#cursor;
    const { queue } = partition;
    const { lastOffset } = cursor;
    const from = queue.fetchNext;
    // What was dropped meanwhile is fetched again from where it was dropped: to go on behind it would lose it.
    const outdated = (): boolean => partition.queue !== queue || queue.fetchNext !== from || !this.#mayTake();
    this.#decoding = true;
    body.retain();
    // What the source's readers see is what the target's readers get: append time, where the topic has it.
    recodeBatch(cursor, { fromOffset: from, appendTime: 'append-time' })
      .then(
        (recoded) => {
          this.#decoding = false;
          if (outdated()) return;
          if (recoded === undefined) queue.skipTo(lastOffset + 1);
          else this.#push(recoded.batch, recoded.firstOffset, lastOffset + 1, recoded.recordCount, undefined);
          this.#consume(body);
        },
        (error: unknown) => {
          this.#decoding = false;
          if (!outdated()) this.#damaged(error);
        },
      )
      .finally(() => {
        body.release();
        this.#deps.port.freed(partition);
      })
      .catch((error: unknown) => this.#damaged(error));
  }

  #push(
    batch: BatchSlice,
    sourceFirst: number,
    sourceNext: number,
    recordCount: number,
    body: ResponseBody | undefined,
  ): void {
    const { buffer, start, length } = batch;
    this.#deps.budget.charge(length);
    this.#deps.allowance.taken(length, recordCount);
    this.#partition.queue.push({
      sourceFirst,
      sourceNext,
      recordCount,
      bytes: length,
      leaderEpoch: partitionLeaderEpoch(buffer, start),
      maxTimestampMs: maxTimestampMs(buffer, start),
      source: { buffer, start, length },
      body,
      image: undefined,
      baseSequence: -1,
      targetBase: -1,
      state: 'queued',
      resend: false,
    });
  }

  /** Where it may not be fetched it must not be filled from what was fetched before either. */
  #mayTake(): boolean {
    const { state } = this.#partition;
    return state === 'running' || state === 'backing-off';
  }

  #damaged(error: unknown): void {
    this.#refetches += 1;
    const partition = this.#partition;
    // What came before it goes out all the same.
    this.#deps.port.ready(partition);
    if (isCausewayError(error, 'BATCH_UNSUPPORTED')) {
      this.#deps.port.pause(partition, { code: 'BATCH_UNSUPPORTED', message: messageOf(error) });
    } else if (this.#refetches > MAX_REFETCHES) {
      const message = `the batch at offset ${partition.queue.fetchNext} is damaged at the source: ${messageOf(error)}`;
      this.#deps.port.pause(partition, { code: 'BATCH_CORRUPT', message });
    }
  }

  #failed(code: number): void {
    const partition = this.#partition;
    const { port } = this.#deps;
    switch (code) {
      case OFFSET_OUT_OF_RANGE: {
        // Which end was passed is told by the start procedure, which asks for the log's present bounds.
        const message = `the source does not hold offset ${partition.queue.fetchNext} any more`;
        port.restart(partition, { code: 'SOURCE_OFFSET_GONE', message });
        return;
      }
      case UNKNOWN_TOPIC_ID:
      case UNKNOWN_TOPIC_OR_PARTITION:
        // It may have come back under another id.
        port.refreshSource(partition);
        port.restart(partition, {
          code: 'SOURCE_TOPIC_MISSING',
          message: 'the source leader does not know the partition',
        });
        return;
      case TOPIC_AUTHORIZATION_FAILED:
        port.restart(partition, { code: 'KAFKA_AUTH_FAILED', message: 'READ on the source topic is denied' });
        return;
      default:
        // Leadership in motion: another broker will be asked as soon as the metadata say which.
        port.refreshSource(partition);
        this.#holdOn();
    }
  }

  #holdOn(): void {
    const { clock, random, port } = this.#deps;
    this.#holding = true;
    clock.after(backoffMs(this.#errors, ERROR_BACKOFF, random), () => {
      this.#holding = false;
      port.freed(this.#partition);
    });
    this.#errors += 1;
  }
}
