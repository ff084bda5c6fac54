import type { FetchedPartition } from '../../common/kafka/wire/apis/fetch.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Random } from '../../common/runtime/random.js';
import { takesRecords } from '../core/partition-state.js';
import type { IntakeFacts } from '../core/stall-facts.js';
import type { Feed } from '../fetch/feed.js';
import type { ResponseBody } from '../fetch/response-body.js';
import { BatchTaker, type BatchTakerDeps } from './batch-taker.js';
import type { MirroredPartition } from './mirrored-partition.js';

/** A partition holds at most this many times its fetch size between source and target; then its fetches wait. */
const QUEUE_FETCHES = 6;
const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_ID = 100;
const INCONSISTENT_TOPIC_ID = 103;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const TOPIC_AUTHORIZATION_FAILED = 29;
/** Between fetches of a partition that is answered with errors: the leader answers those at once, however long it may wait. */
const ERROR_BACKOFF = { initialMs: 20, maxMs: 1_000 } as const;

export interface IntakeDeps extends BatchTakerDeps {
  readonly fetchMaxPartitionBytes: number;
  readonly random: Random;
}

/** The source side of one partition: says what to fetch next, hands what came to the batch taker, meets the leader's errors. */
export class Intake implements Feed {
  readonly #partition: MirroredPartition;
  readonly #deps: IntakeDeps;
  readonly #taker: BatchTaker;
  /** The leader answered with an error a moment ago. */
  #holding = false;
  #errors = 0;
  #errorCode: number | undefined;

  constructor(partition: MirroredPartition, deps: IntakeDeps) {
    this.#partition = partition;
    this.#deps = deps;
    this.#taker = new BatchTaker(partition, deps);
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

  get position(): number {
    return this.#partition.queue.fetchNext;
  }

  get leaderEpoch(): number {
    return this.#partition.sourceLeaderEpoch;
  }

  confirmed(leaderEpoch: number): void {
    this.#partition.sourceLeaderEpoch = leaderEpoch;
  }

  truncated(fromOffset: number, leaderEpoch: number): void {
    const partition = this.#partition;
    const gone = `[${fromOffset}, ${partition.queue.fetchNext})`;
    // What of it was copied, and what is to become of that, the start procedure tells.
    this.#deps.port.restart(partition, {
      code: 'SOURCE_TRUNCATED',
      message: `the records ${gone} were read, and the source’s log under leader epoch ${leaderEpoch} does not have them any more`,
    });
  }

  wanted(): number | undefined {
    if (!this.#isWanted()) return undefined;
    if (this.#partition.lost !== undefined) {
      this.#taker.passLost();
      return undefined;
    }
    // What an operator skips need not be read any more, and perhaps cannot be.
    if (this.#partition.item.skip !== undefined) this.#taker.skipAsOrdered();
    return this.#partition.queue.fetchNext;
  }

  /** The leader last answered with an error. */
  get isFailing(): boolean {
    return this.#errorCode !== undefined;
  }

  get facts(): IntakeFacts {
    return { isWanted: this.#isWanted(), isDecoding: this.#taker.busy, errorCode: this.#errorCode };
  }

  quota(): number {
    return this.#deps.allowance.quotaBytes();
  }

  #isWanted(): boolean {
    const { queue, judging, until } = this.#partition;
    const full = queue.bytes >= QUEUE_FETCHES * this.#deps.fetchMaxPartitionBytes;
    return this.#copying() && !this.#taker.busy && !this.#holding && !full && !judging && queue.fetchNext < until;
  }

  /** While the target takes nothing, one fetch is enough to find out when it does again. */
  #copying(): boolean {
    const { phase, queue } = this.#partition;
    return takesRecords(phase) && (phase !== 'backing-off' || queue.drained);
  }

  accept(fetched: FetchedPartition, body: ResponseBody): void {
    const partition = this.#partition;
    if (fetched.errorCode !== 0) {
      this.#failed(fetched.errorCode);
      return;
    }
    this.#errors = 0;
    this.#errorCode = undefined;
    partition.sourceHighWatermark = fetched.highWatermark;
    partition.sourceEnd =
      partition.route.isolation === 'read_committed' ? fetched.lastStableOffset : fetched.highWatermark;
    if (fetched.records !== null && fetched.records.length > 0) this.#taker.take(fetched, fetched.records, body);
    else if (partition.item.skip !== undefined) this.#taker.skipAsOrdered();
  }

  #failed(code: number): void {
    const partition = this.#partition;
    this.#errorCode = code;
    const { port } = this.#deps;
    switch (code) {
      case OFFSET_OUT_OF_RANGE: {
        // Which end was passed is told by the start procedure, which asks for the log's present bounds.
        const message = `the source does not hold offset ${partition.queue.fetchNext} any more`;
        port.restart(partition, { code: 'SOURCE_OFFSET_GONE', message });
        return;
      }
      case UNKNOWN_TOPIC_ID:
      case INCONSISTENT_TOPIC_ID:
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
