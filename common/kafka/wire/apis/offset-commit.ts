import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { groupByTopic } from './group-by-topic.js';

export interface OffsetCommitPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** -1 unknown (v6+). */
  readonly leaderEpoch: number;
  /** The broker keeps at most 4,096 bytes unless told otherwise. */
  readonly metadata: string;
}

/** A commit from outside the group: without member and generation, which the broker refuses while the group has members. */
export interface OffsetCommitRequest {
  readonly groupId: string;
  readonly partitions: readonly OffsetCommitPartition[];
}

export interface OffsetCommitResponse {
  readonly throttleTimeMs: number;
  readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly errorCode: number }[];
}

const NO_GENERATION = -1;

/**
 * OffsetCommit request, v5 to v8: group_id STRING, generation_id INT32, member_id STRING, group_instance_id NULLABLE_STRING v7+,
 * topics [name STRING, partitions [partition_index INT32, committed_offset INT64, committed_leader_epoch INT32 v6+,
 *   committed_metadata NULLABLE_STRING, TAGS v8+], TAGS v8+], TAGS v8+
 */
export function encodeOffsetCommitRequest(version: number, request: OffsetCommitRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.OffsetCommit, version));
  writer.string(request.groupId).int32(NO_GENERATION).string('');
  if (version >= 7) writer.nullableString(null);
  writer.array(groupByTopic(request.partitions), (partitions) => {
    writer.string((partitions[0] as OffsetCommitPartition).topic);
    writer.array(partitions, (item) => {
      writer.int32(item.partition).int64(item.offset);
      if (version >= 6) writer.int32(item.leaderEpoch);
      writer.string(item.metadata).tags();
    });
    writer.tags();
  });
  return writer.tags().toBuffers();
}

const MIN_TOPIC_BYTES = 3;
const MIN_PARTITION_BYTES = 6;

/** OffsetCommit response, v5 to v8: throttle_time_ms INT32, topics [name STRING, partitions [partition_index INT32, error_code INT16, TAGS v8+], TAGS v8+], TAGS v8+ */
export function decodeOffsetCommitResponse(version: number, body: Buffer): OffsetCommitResponse {
  const reader = new Reader(body, isFlexible(ApiKey.OffsetCommit, version));
  const throttleTimeMs = reader.int32();
  const topics = reader.array(MIN_TOPIC_BYTES, () => {
    const topic = reader.string();
    const partitions = reader.array(MIN_PARTITION_BYTES, () => {
      const result = { topic, partition: reader.int32(), errorCode: reader.int16() };
      reader.tags();
      return result;
    });
    reader.tags();
    return partitions;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, partitions: topics.flat() };
}

export const OFFSET_COMMIT: Api<OffsetCommitRequest, OffsetCommitResponse> = {
  key: ApiKey.OffsetCommit,
  encode: encodeOffsetCommitRequest,
  decode: decodeOffsetCommitResponse,
};
