import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { groupByTopic } from './group-by-topic.js';

/** What one fetch asks of one partition. */
export interface FetchPartition {
  readonly topic: string;
  /** Canonical UUID text; needed from v13 on, where topics go by id. */
  readonly topicId: string | null;
  readonly partition: number;
  readonly fetchOffset: number;
  /** -1: not checked (v9+). */
  readonly currentLeaderEpoch: number;
  readonly maxBytes: number;
}

/** A partition that leaves the fetch session. */
export type ForgottenPartition = Pick<FetchPartition, 'topic' | 'topicId' | 'partition'>;

export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** 0 read_uncommitted, 1 read_committed. */
  readonly isolationLevel: 0 | 1;
  /** 0 asks for a new session (with epoch 0) or for none (with epoch -1), KIP-227, v7+. */
  readonly sessionId: number;
  readonly sessionEpoch: number;
  /** The broker fills its answer in this order. */
  readonly partitions: readonly FetchPartition[];
  readonly forgotten: readonly ForgottenPartition[];
  /** '' : no rack (v11+, KIP-392). */
  readonly rackId: string;
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/** Offsets are numbers, guarded against values beyond 2^53 (KAFKA_PROTOCOL): this is the hot path. -1 is Kafka's "unknown". */
export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** Empty under isolation 0. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  /** Read there instead (KIP-392); -1 none. */
  readonly preferredReadReplica: number;
  /** Record batches, the last one perhaps cut; a view into the response, null where the broker sent none. */
  readonly records: Buffer | null;
}

export interface FetchedTopic {
  /** '' from v13 on. */
  readonly topic: string;
  /** null before v13. */
  readonly topicId: string | null;
  readonly partitions: readonly FetchedPartition[];
}

export interface FetchResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
  /** 0: the broker keeps no session. */
  readonly sessionId: number;
  readonly topics: readonly FetchedTopic[];
}

const NO_ABORTED: readonly AbortedTransaction[] = [];
const CONSUMER_REPLICA_ID = -1;
const UNKNOWN = -1;

/** From this version on topics go by id (KIP-516). */
export const FETCH_TOPIC_ID_VERSION = 13;

/**
 * Fetch request, v4 to v15 (KIP-98, 227, 320, 392, 516, 903):
 * replica_id INT32 v0-14, max_wait_ms INT32, min_bytes INT32, max_bytes INT32, isolation_level INT8,
 * session_id INT32 v7+, session_epoch INT32 v7+,
 * topics [topic STRING v0-12 | topic_id UUID v13+, partitions [partition INT32, current_leader_epoch INT32 v9+, fetch_offset INT64,
 *   last_fetched_epoch INT32 v12+, log_start_offset INT64 v5+, partition_max_bytes INT32, TAGS v12+], TAGS v12+],
 * forgotten_topics_data v7+ [topic STRING v7-12 | topic_id UUID v13+, partitions [INT32], TAGS v12+], rack_id STRING v11+, TAGS v12+
 */
export function encodeFetchRequest(version: number, request: FetchRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.Fetch, version));
  if (version <= 14) writer.int32(CONSUMER_REPLICA_ID);
  writer.int32(request.maxWaitMs).int32(request.minBytes).int32(request.maxBytes).int8(request.isolationLevel);
  if (version >= 7) writer.int32(request.sessionId).int32(request.sessionEpoch);
  writer.array(groupByTopic(request.partitions), (partitions) => {
    writeTopic(writer, version, partitions);
    writer.array(partitions, (item) => writePartition(writer, version, item)).tags();
  });
  if (version >= 7) {
    writer.array(groupByTopic(request.forgotten), (partitions) => {
      writeTopic(writer, version, partitions);
      writer.array(partitions, (item) => writer.int32(item.partition)).tags();
    });
  }
  if (version >= 11) writer.string(request.rackId);
  return writer.tags().toBuffers();
}

function writeTopic(writer: Writer, version: number, partitions: readonly ForgottenPartition[]): void {
  const first = partitions[0] as ForgottenPartition;
  if (version >= FETCH_TOPIC_ID_VERSION) writer.uuid(first.topicId);
  else writer.string(first.topic);
}

function writePartition(writer: Writer, version: number, item: FetchPartition): void {
  writer.int32(item.partition);
  if (version >= 9) writer.int32(item.currentLeaderEpoch);
  writer.int64FromNumber(item.fetchOffset);
  if (version >= 12) writer.int32(UNKNOWN);
  if (version >= 5) writer.int64FromNumber(UNKNOWN);
  writer.int32(item.maxBytes).tags();
}

/**
 * Fetch response, v4 to v15:
 * throttle_time_ms INT32, error_code INT16 v7+, session_id INT32 v7+,
 * responses [topic STRING v0-12 | topic_id UUID v13+, partitions [partition_index INT32, error_code INT16, high_watermark INT64,
 *   last_stable_offset INT64, log_start_offset INT64 v5+, aborted_transactions NULLABLE [producer_id INT64, first_offset INT64, TAGS v12+],
 *   preferred_read_replica INT32 v11+, records NULLABLE_BYTES, TAGS v12+], TAGS v12+], TAGS v12+
 * The tagged diverging_epoch, current_leader and snapshot_id are passed over.
 */
export function decodeFetchResponse(version: number, body: Buffer): FetchResponse {
  const reader = new Reader(body, isFlexible(ApiKey.Fetch, version));
  const throttleTimeMs = reader.int32();
  const errorCode = version >= 7 ? reader.int16() : 0;
  const sessionId = version >= 7 ? reader.int32() : 0;
  const topics = reader.array(MIN_TOPIC_BYTES, () => readTopic(reader, version));
  reader.tags();
  reader.end();
  return { throttleTimeMs, errorCode, sessionId, topics };
}

const MIN_TOPIC_BYTES = 3;
const MIN_PARTITION_BYTES = 24;
const MIN_ABORTED_BYTES = 16;

function readTopic(reader: Reader, version: number): FetchedTopic {
  const byId = version >= FETCH_TOPIC_ID_VERSION;
  const topicId = byId ? reader.uuid() : null;
  const topic = byId ? '' : reader.string();
  const partitions = reader.array(MIN_PARTITION_BYTES, () => readPartition(reader, version));
  reader.tags();
  return { topic, topicId, partitions };
}

function readPartition(reader: Reader, version: number): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64AsNumber();
  const lastStableOffset = reader.int64AsNumber();
  const logStartOffset = version >= 5 ? reader.int64AsNumber() : UNKNOWN;
  const abortedTransactions = readAborted(reader);
  const preferredReadReplica = version >= 11 ? reader.int32() : UNKNOWN;
  const records = reader.nullableBytes();
  reader.tags();
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions,
    preferredReadReplica,
    records,
  };
}

function readAborted(reader: Reader): readonly AbortedTransaction[] {
  const count = reader.nullableArrayLength(MIN_ABORTED_BYTES);
  if (count <= 0) return NO_ABORTED;
  const aborted: AbortedTransaction[] = [];
  for (let i = 0; i < count; i += 1) {
    aborted.push({ producerId: reader.int64(), firstOffset: reader.int64AsNumber() });
    reader.tags();
  }
  return aborted;
}

export const FETCH: Api<FetchRequest, FetchResponse> = {
  key: ApiKey.Fetch,
  encode: encodeFetchRequest,
  decode: decodeFetchResponse,
};
