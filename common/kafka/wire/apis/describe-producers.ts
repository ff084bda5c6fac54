import type { TopicPartition } from '../../../model/topic-partition.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { writePartitionLists } from './partition-lists.js';

/** To the leader of the partitions. */
export interface DescribeProducersRequest {
  readonly partitions: readonly TopicPartition[];
}

/** What a partition's leader remembers of one producer. */
export interface ActiveProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** -1: no data under this epoch yet. */
  readonly lastSequence: number;
  /** ms since 1970, of the newest record. */
  readonly lastTimestampMs: bigint;
  /** -1: never ended a transaction here. */
  readonly coordinatorEpoch: number;
  /** -1: no transaction with data here. */
  readonly currentTxnStartOffset: bigint;
}

export interface PartitionProducers extends TopicPartition {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  /** Those that the leader has not forgotten (producer.id.expiration.ms). */
  readonly producers: readonly ActiveProducer[];
}

export interface DescribeProducersResponse {
  readonly throttleTimeMs: number;
  readonly partitions: readonly PartitionProducers[];
}

/** DescribeProducers request, v0 (KIP-664): topics [name STRING, partition_indexes [INT32], TAGS], TAGS. */
export function encodeDescribeProducersRequest(version: number, request: DescribeProducersRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.DescribeProducers, version));
  writePartitionLists(writer, request.partitions);
  return writer.tags().toBuffers();
}

const MIN_TOPIC_BYTES = 3;
const MIN_PARTITION_BYTES = 9;
const MIN_PRODUCER_BYTES = 37;

/**
 * DescribeProducers response, v0: throttle_time_ms INT32, topics [name STRING, partitions [partition_index INT32, error_code INT16,
 *   error_message NULLABLE_STRING, active_producers [producer_id INT64, producer_epoch INT32, last_sequence INT32, last_timestamp INT64,
 *     coordinator_epoch INT32, current_txn_start_offset INT64, TAGS], TAGS], TAGS], TAGS
 */
export function decodeDescribeProducersResponse(version: number, body: Buffer): DescribeProducersResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DescribeProducers, version));
  const throttleTimeMs = reader.int32();
  const topics = reader.array(MIN_TOPIC_BYTES, () => {
    const topic = reader.string();
    const partitions = reader.array(MIN_PARTITION_BYTES, () => readPartition(reader, topic));
    reader.tags();
    return partitions;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, partitions: topics.flat() };
}

function readPartition(reader: Reader, topic: string): PartitionProducers {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const errorMessage = reader.nullableString();
  const producers = reader.array(MIN_PRODUCER_BYTES, () => {
    const producer = {
      producerId: reader.int64(),
      producerEpoch: reader.int32(),
      lastSequence: reader.int32(),
      lastTimestampMs: reader.int64(),
      coordinatorEpoch: reader.int32(),
      currentTxnStartOffset: reader.int64(),
    };
    reader.tags();
    return producer;
  });
  reader.tags();
  return { topic, partition, errorCode, errorMessage, producers };
}

export const DESCRIBE_PRODUCERS: Api<DescribeProducersRequest, DescribeProducersResponse> = {
  key: ApiKey.DescribeProducers,
  encode: encodeDescribeProducersRequest,
  decode: decodeDescribeProducersResponse,
};
