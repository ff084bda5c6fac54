import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { groupByTopic } from './group-by-topic.js';

/** One batch for one partition: Kafka takes exactly one per partition and request, and silently drops the first of two. */
export interface ProducePartition {
  readonly topic: string;
  readonly partition: number;
  /** One record batch in pieces (its header, its payload), sent without copying: unchanged until the answer. */
  readonly records: readonly Buffer[];
}

export interface ProduceRequest {
  /** null: not part of a transaction. */
  readonly transactionalId: string | null;
  /** -1: all in-sync replicas. 0 is never answered and therefore not offered. */
  readonly acks: -1 | 1;
  /** How long the broker may wait for the replicas. */
  readonly timeoutMs: number;
  readonly partitions: readonly ProducePartition[];
}

export interface RecordError {
  /** Index of the record in its batch. */
  readonly batchIndex: number;
  readonly message: string | null;
}

/** Offsets and times are numbers, guarded against values beyond 2^53 (KAFKA_PROTOCOL): this is the hot path. */
export interface ProducedPartition {
  readonly partition: number;
  readonly errorCode: number;
  /** Offset of the batch's first record; -1 where it was not appended. */
  readonly baseOffset: number;
  /** -1 on CreateTime topics, except for a batch that was there already (measured): then its append time. */
  readonly logAppendTimeMs: number;
  /** -1 before v5 and on errors. */
  readonly logStartOffset: number;
  /** Which records are to blame (v8+, KIP-467). */
  readonly recordErrors: readonly RecordError[];
  readonly errorMessage: string | null;
}

export interface ProducedTopic {
  readonly topic: string;
  readonly partitions: readonly ProducedPartition[];
}

/** Topics and partitions come in another order than they were asked for. */
export interface ProduceResponse {
  readonly topics: readonly ProducedTopic[];
  readonly throttleTimeMs: number;
}

const NO_RECORD_ERRORS: readonly RecordError[] = [];
const UNKNOWN = -1;

/**
 * Produce request, v3 to v11 (KIP-98, 110, 467, 482):
 * transactional_id NULLABLE_STRING, acks INT16, timeout_ms INT32,
 * topic_data [name STRING, partition_data [index INT32, records NULLABLE_BYTES, TAGS v9+], TAGS v9+], TAGS v9+
 */
export function encodeProduceRequest(version: number, request: ProduceRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.Produce, version));
  writer.nullableString(request.transactionalId).int16(request.acks).int32(request.timeoutMs);
  writer.array(groupByTopic(request.partitions), (partitions) => {
    writer.string((partitions[0] as ProducePartition).topic);
    writer.array(partitions, (item) => writer.int32(item.partition).records(item.records).tags()).tags();
  });
  return writer.tags().toBuffers();
}

const MIN_TOPIC_BYTES = 3;
const MIN_PARTITION_BYTES = 22;
const MIN_RECORD_ERROR_BYTES = 5;

/**
 * Produce response, v3 to v11:
 * responses [name STRING, partition_responses [index INT32, error_code INT16, base_offset INT64, log_append_time_ms INT64,
 *   log_start_offset INT64 v5+, record_errors v8+ [batch_index INT32, batch_index_error_message NULLABLE_STRING, TAGS v9+],
 *   error_message NULLABLE_STRING v8+, TAGS v9+], TAGS v9+], throttle_time_ms INT32, TAGS v9+
 * The tagged current_leader and node_endpoints (v10+, KIP-951) are passed over.
 */
export function decodeProduceResponse(version: number, body: Buffer): ProduceResponse {
  const reader = new Reader(body, isFlexible(ApiKey.Produce, version));
  const topics = reader.array(MIN_TOPIC_BYTES, () => {
    const topic = reader.string();
    const partitions = reader.array(MIN_PARTITION_BYTES, () => readPartition(reader, version));
    reader.tags();
    return { topic, partitions };
  });
  const throttleTimeMs = reader.int32();
  reader.tags();
  reader.end();
  return { topics, throttleTimeMs };
}

function readPartition(reader: Reader, version: number): ProducedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const baseOffset = reader.int64AsNumber();
  const logAppendTimeMs = reader.int64AsNumber();
  const logStartOffset = version >= 5 ? reader.int64AsNumber() : UNKNOWN;
  const recordErrors = version >= 8 ? readRecordErrors(reader) : NO_RECORD_ERRORS;
  const errorMessage = version >= 8 ? reader.nullableString() : null;
  reader.tags();
  return { partition, errorCode, baseOffset, logAppendTimeMs, logStartOffset, recordErrors, errorMessage };
}

function readRecordErrors(reader: Reader): readonly RecordError[] {
  const count = reader.arrayLength(MIN_RECORD_ERROR_BYTES);
  if (count === 0) return NO_RECORD_ERRORS;
  const errors: RecordError[] = [];
  for (let i = 0; i < count; i += 1) {
    errors.push({ batchIndex: reader.int32(), message: reader.nullableString() });
    reader.tags();
  }
  return errors;
}

export const PRODUCE: Api<ProduceRequest, ProduceResponse> = {
  key: ApiKey.Produce,
  encode: encodeProduceRequest,
  decode: decodeProduceResponse,
};
