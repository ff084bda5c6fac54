import { CausewayError } from '../../errors/error.js';
import type { TopicPartition } from '../../model/topic-partition.js';
import { backoffMs } from '../../runtime/backoff.js';
import type { FetchedPartition } from '../wire/apis/fetch.js';
import { EARLIEST, LIST_OFFSETS } from '../wire/apis/list-offsets.js';
import { call, isTransient } from '../wire/call.js';
import { KafkaCode } from '../wire/error-codes.js';
import { readLog } from '../wire/operations/read-logs.js';
import { MAX_BATCH_BYTES } from '../wire/records/batch-header.js';
import { BatchCursor } from '../wire/records/batch-scan.js';
import { type FencingClient, unlessAborted } from './fencing-client.js';
import { MarkerScan } from './marker-scan.js';

const PURPOSE = 'fencing-read';
/** One answer's share of memory; a single larger batch comes whole. */
const FETCH_BYTES = 1 << 20;
/** 4 GB of log: whoever has further to read begins at a better place, or goes on from where this ended. */
const DEFAULT_MAX_REQUESTS = 4_096;
/** Leaders that move are followed this often in a row. */
const ATTEMPTS = 5;
const LEADER_BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;
/** Between looks at a log that has been read to its end. */
const POLL_BACKOFF = { initialMs: 10, maxMs: 250 } as const;
/** Up to this version only leaders answer consumers; later ones are pinned to the leader by its epoch instead (KIP-392, KIP-320). */
const LEADERS_ONLY_VERSION = 10;

export interface FindAbortMarkerOptions {
  readonly client: FencingClient;
  readonly topic: string;
  readonly partition: number;
  /** The log must be this topic's, where its broker knows ids; the same name says nothing. */
  readonly topicId?: string | null;
  /** The fenced lane's. */
  readonly producerId: bigint;
  /** The fence's. */
  readonly minEpoch: number;
  /** Nothing of the old owner's doubt may lie before it without a marker behind: its checkpoint's target offset, or where a look before ended. */
  readonly fromOffset: bigint;
  /** How long to go on looking at the log's end; once unless said. */
  readonly waitMs?: number;
  readonly maxRequests?: number;
  readonly signal: AbortSignal;
}

export type MarkerSearch =
  /** The end of the old owner's data (exactly-once.md 5.5). */
  | { readonly kind: 'found'; readonly offset: bigint; readonly epoch: number; readonly searchedFrom: bigint }
  /** Not before `nextOffset`, where the next look begins; all was read if that is the high watermark. */
  | {
      readonly kind: 'absent';
      /** Above `fromOffset` where the log begins later. */
      readonly searchedFrom: bigint;
      readonly nextOffset: bigint;
      readonly highWatermark: bigint;
    }
  /** No leader (5), no such partition (3), another topic of the name (103), nothing at that offset (1), or out of reach (13). */
  | { readonly kind: 'unreadable'; readonly errorCode: number; readonly nextOffset: bigint };

/**
 * The proof of a fence in one partition (exactly-once.md 5.5): the first abort marker of the fenced producer with at least the fence's epoch,
 * read from the leader, below the high watermark.
 * @throws SHUTTING_DOWN, BATCH_CORRUPT, CLUSTER_UNREACHABLE and the like when not even metadata can be had.
 */
export async function findAbortMarker(options: FindAbortMarkerOptions): Promise<MarkerSearch> {
  return new MarkerSearching(options).run();
}

interface Leader {
  readonly broker: number;
  readonly epoch: number;
  readonly topicId: string | null;
}

class MarkerSearching {
  readonly #options: FindAbortMarkerOptions;
  readonly #place: TopicPartition;
  readonly #scan: MarkerScan;
  readonly #cursor = new BatchCursor();
  #searchedFrom: bigint;
  #next: number;
  #highWatermark = -1;
  #maxBytes = FETCH_BYTES;

  constructor(options: FindAbortMarkerOptions) {
    this.#options = options;
    this.#place = { topic: options.topic, partition: options.partition };
    this.#scan = new MarkerScan(options.producerId, options.minEpoch);
    this.#searchedFrom = options.fromOffset;
    this.#next = Number(options.fromOffset);
  }

  async run(): Promise<MarkerSearch> {
    const { client, signal, waitMs = 0, maxRequests = DEFAULT_MAX_REQUESTS } = this.#options;
    const untilMs = client.clock.monotonicMs() + waitMs;
    let failures = 0;
    let idle = 0;
    let leader: Leader | number | undefined;
    for (let requests = 0; requests < maxRequests; requests += 1) {
      leader ??= await unlessAborted(this.#leader(), signal);
      const code = typeof leader === 'number' ? leader : await this.#fetch(leader);
      if (this.#scan.found !== undefined)
        return { kind: 'found', ...this.#scan.found, searchedFrom: this.#searchedFrom };
      const isOver = client.clock.monotonicMs() >= untilMs;
      if (code !== KafkaCode.NONE) {
        failures += 1;
        leader = undefined;
        const isFinal = FINAL.has(code) || (isOver && failures >= (MOVING.has(code) ? ATTEMPTS : 1));
        if (isFinal) return { kind: 'unreadable', errorCode: code, nextOffset: BigInt(this.#next) };
        await this.#sleep(backoffMs(failures - 1, LEADER_BACKOFF, client.random));
        continue;
      }
      failures = 0;
      if (this.#next < this.#highWatermark) continue;
      if (isOver) break;
      await this.#sleep(backoffMs(idle, POLL_BACKOFF, client.random));
      idle += 1;
    }
    return {
      kind: 'absent',
      searchedFrom: this.#searchedFrom,
      nextOffset: BigInt(this.#next),
      highWatermark: BigInt(this.#highWatermark),
    };
  }

  async #sleep(delayMs: number): Promise<void> {
    const { client, signal } = this.#options;
    await unlessAborted(client.clock.sleep(delayMs, signal), signal);
  }

  /** The leader, or the code that says why there is none. */
  async #leader(): Promise<Leader | number> {
    const { client, topic, partition, topicId } = this.#options;
    const metadata = (await client.metadata([topic])).topics.get(topic);
    if (metadata === undefined || metadata.errorCode !== KafkaCode.NONE) {
      return metadata?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    const isOther = topicId != null && metadata.topicId !== null && metadata.topicId !== topicId;
    if (isOther) return KafkaCode.INCONSISTENT_TOPIC_ID;
    const found = metadata.partitions.find((candidate) => candidate.partition === partition);
    if (found === undefined) return KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    if (found.leader < 0) return KafkaCode.LEADER_NOT_AVAILABLE;
    return { broker: found.leader, epoch: found.leaderEpoch, topicId: metadata.topicId };
  }

  /** One look from `#next` on; Kafka's code. */
  async #fetch(leader: Leader): Promise<number> {
    const { client, signal } = this.#options;
    const isPinned = leader.epoch >= 0 && leader.topicId !== null;
    const reading = { client, broker: leader.broker, purpose: PURPOSE, isolationLevel: 0 } as const;
    const question = {
      ...this.#place,
      topicId: leader.topicId,
      fetchOffset: this.#next,
      currentLeaderEpoch: leader.epoch,
      maxBytes: this.#maxBytes,
    };
    try {
      const asked = readLog(isPinned ? reading : { ...reading, maxVersion: LEADERS_ONLY_VERSION }, question);
      const { errorCode, fetched } = await unlessAborted(asked, signal);
      if (fetched === undefined) return errorCode;
      if (fetched.errorCode !== KafkaCode.OFFSET_OUT_OF_RANGE) return this.#take(fetched);
      return await unlessAborted(this.#moveToStart(leader), signal);
    } catch (error) {
      if (!isTransient(error)) throw error;
      return KafkaCode.NETWORK_EXCEPTION;
    }
  }

  /** What lies before the log's start cannot be told any more: `searchedFrom` says so. */
  async #moveToStart({ broker, epoch }: Leader): Promise<number> {
    const connection = await this.#options.client.connection(broker, PURPOSE);
    const query = { ...this.#place, currentLeaderEpoch: epoch, timestamp: EARLIEST };
    const { partitions } = await call(connection, LIST_OFFSETS, { isolationLevel: 0, partitions: [query] });
    const { errorCode, offset } = partitions[0] ?? { errorCode: KafkaCode.UNKNOWN_SERVER_ERROR, offset: -1n };
    if (errorCode !== KafkaCode.NONE) return errorCode;
    if (offset <= BigInt(this.#next)) return KafkaCode.OFFSET_OUT_OF_RANGE;
    this.#next = Number(offset);
    this.#searchedFrom = offset;
    this.#highWatermark = Math.max(this.#highWatermark, this.#next + 1);
    return KafkaCode.NONE;
  }

  #take({ errorCode, highWatermark, records }: FetchedPartition): number {
    if (errorCode !== KafkaCode.NONE) return errorCode;
    this.#highWatermark = highWatermark;
    const cursor = this.#cursor.reset(records ?? EMPTY);
    const before = this.#next;
    while (cursor.next() && cursor.lastOffset < highWatermark) {
      // The broker gives whole batches: the first may begin before what was asked for.
      if (cursor.lastOffset >= this.#next && this.#scan.look(cursor)) break;
      this.#next = Math.max(this.#next, cursor.lastOffset + 1);
    }
    if (this.#next === before && this.#scan.found === undefined && cursor.partial) this.#grow(cursor.partialBytes);
    return KafkaCode.NONE;
  }

  /** Brokers of today give the first batch whole whatever the limit (KIP-74). */
  #grow(batchBytes: number): void {
    if (batchBytes <= this.#maxBytes || batchBytes > MAX_BATCH_BYTES) {
      throw new CausewayError('KAFKA_PROTOCOL', 'a fetch brought a part of a batch that would have fitted', {
        place: { cluster: this.#options.client.cluster.name, ...this.#place, offset: BigInt(this.#next) },
        fix: 'Check the broker’s log.',
      });
    }
    this.#maxBytes = batchBytes;
  }
}

const EMPTY = Buffer.alloc(0);

/** The same question brings the same answer. */
const FINAL: ReadonlySet<number> = new Set([
  KafkaCode.TOPIC_AUTHORIZATION_FAILED,
  KafkaCode.INCONSISTENT_TOPIC_ID,
  KafkaCode.OFFSET_OUT_OF_RANGE,
]);

/** A leader is or will be there: worth a few looks even of somebody in a hurry. */
const MOVING: ReadonlySet<number> = new Set([
  KafkaCode.NOT_LEADER_OR_FOLLOWER,
  KafkaCode.FENCED_LEADER_EPOCH,
  KafkaCode.UNKNOWN_LEADER_EPOCH,
  KafkaCode.NETWORK_EXCEPTION,
  KafkaCode.OFFSET_NOT_AVAILABLE,
]);
