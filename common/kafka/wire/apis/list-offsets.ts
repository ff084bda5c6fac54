import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { groupByTopic } from './group-by-topic.js';

/** Special timestamps: where the log begins, and where it ends. */
export const EARLIEST = -2n;
export const LATEST = -1n;

export interface ListOffsetsPartition {
  readonly topic: string;
  readonly partition: number;
  /** -1: not checked (v4+). */
  readonly currentLeaderEpoch: number;
  /** ms since 1970, EARLIEST or LATEST. */
  readonly timestamp: bigint;
}

export interface ListOffsetsRequest {
  /** 1: the log's end is the last stable offset (v2+). */
  readonly isolationLevel: 0 | 1;
  readonly partitions: readonly ListOffsetsPartition[];
}

export interface ListedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** -1 for the log's start and end, and where no record is that late. */
  readonly timestamp: bigint;
  readonly offset: bigint;
  /** -1 unknown. */
  readonly leaderEpoch: number;
}

export interface ListOffsetsResponse {
  readonly throttleTimeMs: number;
  readonly partitions: readonly ListedOffset[];
}

const CONSUMER_REPLICA_ID = -1;

/**
 * ListOffsets request, v1 to v7: replica_id INT32, isolation_level INT8 v2+,
 * topics [name STRING, partitions [partition_index INT32, current_leader_epoch INT32 v4+, timestamp INT64, TAGS v6+], TAGS v6+], TAGS v6+
 */
export function encodeListOffsetsRequest(version: number, request: ListOffsetsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.ListOffsets, version));
  writer.int32(CONSUMER_REPLICA_ID);
  if (version >= 2) writer.int8(request.isolationLevel);
  writer.array(groupByTopic(request.partitions), (partitions) => {
    writer.string((partitions[0] as ListOffsetsPartition).topic);
    writer.array(partitions, (item) => {
      writer.int32(item.partition);
      if (version >= 4) writer.int32(item.currentLeaderEpoch);
      writer.int64(item.timestamp).tags();
    });
    writer.tags();
  });
  return writer.tags().toBuffers();
}

const MIN_TOPIC_BYTES = 3;
const MIN_PARTITION_BYTES = 22;

/**
 * ListOffsets response, v1 to v7: throttle_time_ms INT32 v2+,
 * topics [name STRING, partitions [partition_index INT32, error_code INT16, timestamp INT64, offset INT64, leader_epoch INT32 v4+, TAGS v6+],
 *   TAGS v6+], TAGS v6+
 */
export function decodeListOffsetsResponse(version: number, body: Buffer): ListOffsetsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.ListOffsets, version));
  const throttleTimeMs = version >= 2 ? reader.int32() : 0;
  const topics = reader.array(MIN_TOPIC_BYTES, () => {
    const topic = reader.string();
    const partitions = reader.array(MIN_PARTITION_BYTES, () => {
      const partition = reader.int32();
      const errorCode = reader.int16();
      const timestamp = reader.int64();
      const offset = reader.int64();
      const leaderEpoch = version >= 4 ? reader.int32() : -1;
      reader.tags();
      return { topic, partition, errorCode, timestamp, offset, leaderEpoch };
    });
    reader.tags();
    return partitions;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, partitions: topics.flat() };
}

export const LIST_OFFSETS: Api<ListOffsetsRequest, ListOffsetsResponse> = {
  key: ApiKey.ListOffsets,
  encode: encodeListOffsetsRequest,
  decode: decodeListOffsetsResponse,
};
