import type { Isolation } from '../../../model/route.js';
import type { TopicPartition } from '../../../model/topic-partition.js';
import { backoffMs } from '../../../runtime/backoff.js';
import { type AbortedTransaction, FETCH, type FetchedPartition } from '../apis/fetch.js';
import { call, isTransient } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import { KafkaCode, kafkaError } from '../error-codes.js';
import { attributes, CONTROL_BIT, producerId, TRANSACTIONAL_BIT } from '../records/batch-header.js';
import { BatchCursor } from '../records/batch-scan.js';
import { codecOf, loadCodec } from '../records/compression.js';
import { type DecodedRecord, decodeBatch } from '../records/record-codec.js';

const PURPOSE = 'scan';
const FETCH_BYTES = 1 << 20;
const MAX_FETCH_BYTES = 64 << 20;
const MAX_WAIT_MS = 20;
/** Leaders that move are followed this often in a row. */
const ATTEMPTS = 5;
const LEADER_BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;
/** Up to this version topics go by name and only leaders answer. */
const BY_NAME_VERSION = 10;

export type ScanClient = Pick<ClusterClient, 'cluster' | 'clock' | 'random' | 'connection' | 'metadata'>;

export interface ScanOptions {
  readonly place: TopicPartition;
  readonly from: bigint;
  /** Exclusive; what lies behind it is not looked at. Absent: the end of what may be read, as of each answer. */
  readonly until?: bigint;
  readonly isolation: Isolation;
  readonly signal: AbortSignal;
  /** Records of one batch that a consumer would get, in order. False: enough. */
  readonly visit: (records: readonly DecodedRecord[]) => boolean;
}

export interface ScanResult {
  /** Where the next look begins. */
  readonly next: bigint;
  /** The log began later than `from`: what lay before this is gone. */
  readonly logStart: bigint;
  /** Up to here records may be read, as of the last answer. */
  readonly end: bigint;
}

/**
 * Reads a partition's records as a consumer without group would, from its leader: for questions about a log, never for copying.
 * @throws KAFKA_ERROR, CLUSTER_UNREACHABLE and the like when the log cannot be read; BATCH_CORRUPT
 */
export async function scanLog(client: ScanClient, options: ScanOptions): Promise<ScanResult> {
  return await new LogScan(client, options).run();
}

class LogScan {
  readonly #client: ScanClient;
  readonly #options: ScanOptions;
  readonly #cursor = new BatchCursor();
  #next: number;
  #logStart: bigint;
  #end = -1;
  #maxBytes = FETCH_BYTES;
  /** Producers whose transaction that is open here was aborted. */
  readonly #aborted = new Set<bigint>();

  constructor(client: ScanClient, options: ScanOptions) {
    this.#client = client;
    this.#options = options;
    this.#next = Number(options.from);
    this.#logStart = options.from;
  }

  async run(): Promise<ScanResult> {
    const { signal, until } = this.#options;
    const { clock, random } = this.#client;
    for (let failures = 0; !signal.aborted; ) {
      const code = await this.#attempt();
      if (code === 'enough') break;
      if (code !== KafkaCode.NONE) {
        failures += 1;
        if (failures >= ATTEMPTS || FINAL.has(code)) throw this.#refused(code);
        await clock.sleep(backoffMs(failures - 1, LEADER_BACKOFF, random), signal);
        continue;
      }
      failures = 0;
      if (this.#next >= this.#end || (until !== undefined && BigInt(this.#next) >= until)) break;
    }
    return { next: BigInt(this.#next), logStart: this.#logStart, end: BigInt(this.#end) };
  }

  #refused(code: number): Error {
    const { place } = this.#options;
    const where = { cluster: this.#client.cluster.name, ...place, offset: BigInt(this.#next) };
    return kafkaError(code, where, 'read records');
  }

  async #attempt(): Promise<number | 'enough'> {
    const { place, isolation } = this.#options;
    try {
      const leader = await this.#leader();
      if (typeof leader === 'number') return leader;
      const connection = await this.#client.connection(leader.broker, PURPOSE);
      const request = {
        ...{ maxWaitMs: MAX_WAIT_MS, minBytes: 1, maxBytes: this.#maxBytes },
        isolationLevel: isolation === 'read_committed' ? (1 as const) : (0 as const),
        ...{ sessionId: 0, sessionEpoch: -1, forgotten: [], rackId: '' },
        partitions: [
          {
            ...{ topic: place.topic, partition: place.partition, topicId: leader.topicId },
            ...{ fetchOffset: this.#next, currentLeaderEpoch: leader.epoch, maxBytes: this.#maxBytes },
          },
        ],
      };
      const byName = leader.topicId === null ? { maxVersion: BY_NAME_VERSION } : {};
      const answer = await call(connection, FETCH, request, byName);
      const fetched = answer.topics[0]?.partitions[0];
      if (fetched === undefined) return answer.errorCode === 0 ? KafkaCode.UNKNOWN_SERVER_ERROR : answer.errorCode;
      return await this.#take(fetched);
    } catch (error) {
      if (!isTransient(error)) throw error;
      return KafkaCode.NETWORK_EXCEPTION;
    }
  }

  async #leader(): Promise<{ broker: number; epoch: number; topicId: string | null } | number> {
    const { topic, partition } = this.#options.place;
    const metadata = (await this.#client.metadata([topic])).topics.get(topic);
    if (metadata === undefined || metadata.errorCode !== KafkaCode.NONE) {
      return metadata?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    const found = metadata.partitions.find((one) => one.partition === partition);
    if (found === undefined) return KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    if (found.leader < 0) return KafkaCode.LEADER_NOT_AVAILABLE;
    return { broker: found.leader, epoch: found.leaderEpoch, topicId: metadata.topicId };
  }

  async #take(fetched: FetchedPartition): Promise<number | 'enough'> {
    const { errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records } = fetched;
    if (errorCode === KafkaCode.OFFSET_OUT_OF_RANGE && logStartOffset > this.#next) {
      this.#next = logStartOffset;
      this.#logStart = BigInt(logStartOffset);
      this.#end = Math.max(this.#end, logStartOffset + 1);
      return KafkaCode.NONE;
    }
    if (errorCode !== KafkaCode.NONE) return errorCode;
    this.#end = this.#options.isolation === 'read_committed' ? lastStableOffset : highWatermark;
    // Each answer lists all that are open where it begins.
    this.#aborted.clear();
    const open = [...abortedTransactions].sort((a, b) => a.firstOffset - b.firstOffset);
    const before = this.#next;
    const cursor = this.#cursor.reset(records ?? NOTHING);
    // The broker gives whole batches: the first may begin before what was asked for.
    while (cursor.next()) {
      const isWanted = this.#isWanted(cursor, open);
      if (cursor.lastOffset >= this.#next) {
        const goesOn = !isWanted || (await this.#show(cursor));
        this.#next = cursor.lastOffset + 1;
        if (!goesOn) return 'enough';
      }
      if (this.#options.until !== undefined && BigInt(this.#next) >= this.#options.until) return 'enough';
    }
    if (this.#next === before && cursor.partial) this.#grow(cursor.partialBytes);
    return KafkaCode.NONE;
  }

  /** Not a marker, and not of a transaction that was aborted. */
  #isWanted({ buffer, start, lastOffset, magic }: BatchCursor, open: AbortedTransaction[]): boolean {
    if (magic < 2) return true;
    for (let first = open[0]; first !== undefined && first.firstOffset <= lastOffset; first = open[0]) {
      this.#aborted.add(first.producerId);
      open.shift();
    }
    const bits = attributes(buffer, start);
    const producer = producerId(buffer, start);
    if ((bits & CONTROL_BIT) !== 0) {
      this.#aborted.delete(producer);
      return false;
    }
    return (bits & TRANSACTIONAL_BIT) === 0 || !this.#aborted.has(producer);
  }

  async #show({ buffer, start, length, attributes: bits, magic }: BatchCursor): Promise<boolean> {
    const batch = buffer.subarray(start, start + length);
    if (magic >= 2) await loadCodec(codecOf(bits));
    const from = BigInt(this.#next);
    const { until } = this.#options;
    const records = decodeBatch(batch).records.filter(
      ({ offset }) => offset >= from && (until === undefined || offset < until),
    );
    return records.length === 0 || this.#options.visit(records);
  }

  #grow(batchBytes: number): void {
    if (batchBytes > this.#maxBytes && batchBytes <= MAX_FETCH_BYTES) this.#maxBytes = batchBytes;
    else throw this.#refused(KafkaCode.UNKNOWN_SERVER_ERROR);
  }
}

const NOTHING = Buffer.alloc(0);

/** The same question brings the same answer. */
const FINAL: ReadonlySet<number> = new Set([
  KafkaCode.TOPIC_AUTHORIZATION_FAILED,
  KafkaCode.OFFSET_OUT_OF_RANGE,
  KafkaCode.INCONSISTENT_TOPIC_ID,
]);
