import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { groupByTopic } from './group-by-topic.js';
import type { OffsetCommitPartition } from './offset-commit.js';
import { type PartitionCode, readPartitionCodes } from './partition-lists.js';

/** Offsets that become valid with the transaction; from outside the group, without member and generation. */
export interface TxnOffsetCommitRequest {
  readonly transactionalId: string;
  /** Told to the transaction before, by AddOffsetsToTxn. */
  readonly groupId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly partitions: readonly OffsetCommitPartition[];
}

export interface TxnOffsetCommitResponse {
  readonly throttleTimeMs: number;
  readonly partitions: readonly PartitionCode[];
}

const NO_GENERATION = -1;

/**
 * TxnOffsetCommit request, v0 to v4 (KIP-98, 447): transactional_id STRING, group_id STRING, producer_id INT64, producer_epoch INT16,
 * generation_id INT32 v3+, member_id STRING v3+, group_instance_id NULLABLE_STRING v3+,
 * topics [name STRING, partitions [partition_index INT32, committed_offset INT64, committed_leader_epoch INT32 v2+,
 *   committed_metadata NULLABLE_STRING, TAGS v3+], TAGS v3+], TAGS v3+
 */
export function encodeTxnOffsetCommitRequest(version: number, request: TxnOffsetCommitRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.TxnOffsetCommit, version));
  writer.string(request.transactionalId).string(request.groupId);
  writer.int64(request.producerId).int16(request.producerEpoch);
  if (version >= 3) writer.int32(NO_GENERATION).string('').nullableString(null);
  writer.array(groupByTopic(request.partitions), (partitions) => {
    writer.string((partitions[0] as OffsetCommitPartition).topic);
    writer.array(partitions, (item) => {
      writer.int32(item.partition).int64(item.offset);
      if (version >= 2) writer.int32(item.leaderEpoch);
      writer.string(item.metadata).tags();
    });
    writer.tags();
  });
  return writer.tags().toBuffers();
}

/** TxnOffsetCommit response, v0 to v4: throttle_time_ms INT32, topics [name STRING, partitions [partition_index INT32, error_code INT16, TAGS v3+], TAGS v3+], TAGS v3+ */
export function decodeTxnOffsetCommitResponse(version: number, body: Buffer): TxnOffsetCommitResponse {
  const reader = new Reader(body, isFlexible(ApiKey.TxnOffsetCommit, version));
  const response = { throttleTimeMs: reader.int32(), partitions: readPartitionCodes(reader) };
  reader.tags();
  reader.end();
  return response;
}

export const TXN_OFFSET_COMMIT: Api<TxnOffsetCommitRequest, TxnOffsetCommitResponse> = {
  key: ApiKey.TxnOffsetCommit,
  encode: encodeTxnOffsetCommitRequest,
  decode: decodeTxnOffsetCommitResponse,
};
