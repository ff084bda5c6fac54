import type { TopicPartition } from '../../../model/topic-partition.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { type PartitionCode, readPartitionCodes, writePartitionLists } from './partition-lists.js';

export interface AddPartitionsToTxnRequest {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly partitions: readonly TopicPartition[];
}

export interface AddPartitionsToTxnResponse {
  readonly throttleTimeMs: number;
  /** All or nothing: one partition that is refused leaves the others with OPERATION_NOT_ATTEMPTED (55). */
  readonly partitions: readonly PartitionCode[];
}

/**
 * AddPartitionsToTxn request, v0 to v3 (KIP-98; later versions are batched, for brokers): transactional_id STRING, producer_id INT64,
 * producer_epoch INT16, topics [name STRING, partitions [INT32], TAGS v3+], TAGS v3+. It opens a transaction where none is open.
 */
export function encodeAddPartitionsToTxnRequest(version: number, request: AddPartitionsToTxnRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.AddPartitionsToTxn, version));
  writer.string(request.transactionalId).int64(request.producerId).int16(request.producerEpoch);
  writePartitionLists(writer, request.partitions);
  return writer.tags().toBuffers();
}

/**
 * AddPartitionsToTxn response, v0 to v3: throttle_time_ms INT32,
 * results [name STRING, results [partition_index INT32, error_code INT16, TAGS v3+], TAGS v3+], TAGS v3+
 */
export function decodeAddPartitionsToTxnResponse(version: number, body: Buffer): AddPartitionsToTxnResponse {
  const reader = new Reader(body, isFlexible(ApiKey.AddPartitionsToTxn, version));
  const response = { throttleTimeMs: reader.int32(), partitions: readPartitionCodes(reader) };
  reader.tags();
  reader.end();
  return response;
}

export const ADD_PARTITIONS_TO_TXN: Api<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse> = {
  key: ApiKey.AddPartitionsToTxn,
  encode: encodeAddPartitionsToTxnRequest,
  decode: decodeAddPartitionsToTxnResponse,
};
