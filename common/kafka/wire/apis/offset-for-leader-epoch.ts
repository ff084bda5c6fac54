import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { groupByTopic } from './group-by-topic.js';

export interface LeaderEpochPartition {
  readonly topic: string;
  readonly partition: number;
  /** -1: not checked. */
  readonly currentLeaderEpoch: number;
  /** The epoch whose end is asked for. */
  readonly leaderEpoch: number;
}

export interface OffsetForLeaderEpochRequest {
  readonly partitions: readonly LeaderEpochPartition[];
}

export interface EpochEndOffset {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** The largest epoch up to the one asked for; -1 unknown. */
  readonly leaderEpoch: number;
  /** Where that epoch ends; -1 unknown. */
  readonly endOffset: bigint;
}

export interface OffsetForLeaderEpochResponse {
  readonly throttleTimeMs: number;
  readonly partitions: readonly EpochEndOffset[];
}

/** A consumer: sees ends up to the high watermark only. */
const CONSUMER_REPLICA_ID = -1;

/**
 * OffsetForLeaderEpoch request, v2 to v4 (KIP-320): replica_id INT32 v3+,
 * topics [topic STRING, partitions [partition INT32, current_leader_epoch INT32, leader_epoch INT32, TAGS v4+], TAGS v4+], TAGS v4+
 */
export function encodeOffsetForLeaderEpochRequest(version: number, request: OffsetForLeaderEpochRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.OffsetForLeaderEpoch, version));
  if (version >= 3) writer.int32(CONSUMER_REPLICA_ID);
  writer.array(groupByTopic(request.partitions), (partitions) => {
    writer.string((partitions[0] as LeaderEpochPartition).topic);
    writer.array(partitions, (item) => {
      writer.int32(item.partition).int32(item.currentLeaderEpoch).int32(item.leaderEpoch).tags();
    });
    writer.tags();
  });
  return writer.tags().toBuffers();
}

const MIN_TOPIC_BYTES = 3;
const MIN_PARTITION_BYTES = 18;

/**
 * OffsetForLeaderEpoch response, v2 to v4: throttle_time_ms INT32,
 * topics [topic STRING, partitions [error_code INT16, partition INT32, leader_epoch INT32, end_offset INT64, TAGS v4+], TAGS v4+], TAGS v4+
 */
export function decodeOffsetForLeaderEpochResponse(version: number, body: Buffer): OffsetForLeaderEpochResponse {
  const reader = new Reader(body, isFlexible(ApiKey.OffsetForLeaderEpoch, version));
  const throttleTimeMs = reader.int32();
  const topics = reader.array(MIN_TOPIC_BYTES, () => {
    const topic = reader.string();
    const partitions = reader.array(MIN_PARTITION_BYTES, () => {
      const errorCode = reader.int16();
      const partition = reader.int32();
      const leaderEpoch = reader.int32();
      const endOffset = reader.int64();
      reader.tags();
      return { topic, partition, errorCode, leaderEpoch, endOffset };
    });
    reader.tags();
    return partitions;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, partitions: topics.flat() };
}

export const OFFSET_FOR_LEADER_EPOCH: Api<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse> = {
  key: ApiKey.OffsetForLeaderEpoch,
  encode: encodeOffsetForLeaderEpochRequest,
  decode: decodeOffsetForLeaderEpochResponse,
};
