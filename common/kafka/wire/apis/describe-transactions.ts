import type { TopicPartition } from '../../../model/topic-partition.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { readPartitionLists } from './partition-lists.js';

/** To the coordinator of the ids. */
export interface DescribeTransactionsRequest {
  readonly transactionalIds: readonly string[];
}

export interface TransactionDescription {
  /** TRANSACTIONAL_ID_NOT_FOUND (105) where the coordinator has never heard of the id, or has forgotten it. */
  readonly errorCode: number;
  readonly transactionalId: string;
  /** Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort, PrepareEpochFence; '' on errors. */
  readonly state: string;
  readonly timeoutMs: number;
  /** ms since 1970; -1: none is open. */
  readonly startTimeMs: bigint;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Those of the open transaction; of one that is ending, those whose marker is not written yet. */
  readonly partitions: readonly TopicPartition[];
}

export interface DescribeTransactionsResponse {
  readonly throttleTimeMs: number;
  readonly transactions: readonly TransactionDescription[];
}

/** DescribeTransactions request, v0 (KIP-664): transactional_ids [STRING], TAGS. */
export function encodeDescribeTransactionsRequest(version: number, request: DescribeTransactionsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.DescribeTransactions, version));
  return writer
    .array(request.transactionalIds, (id) => writer.string(id))
    .tags()
    .toBuffers();
}

const MIN_TRANSACTION_BYTES = 28;

/**
 * DescribeTransactions response, v0: throttle_time_ms INT32, transaction_states [error_code INT16, transactional_id STRING,
 *   transaction_state STRING, transaction_timeout_ms INT32, transaction_start_time_ms INT64, producer_id INT64, producer_epoch INT16,
 *   topics [topic STRING, partitions [INT32], TAGS], TAGS], TAGS
 */
export function decodeDescribeTransactionsResponse(version: number, body: Buffer): DescribeTransactionsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DescribeTransactions, version));
  const throttleTimeMs = reader.int32();
  const transactions = reader.array(MIN_TRANSACTION_BYTES, () => {
    const transaction = {
      errorCode: reader.int16(),
      transactionalId: reader.string(),
      state: reader.string(),
      timeoutMs: reader.int32(),
      startTimeMs: reader.int64(),
      producerId: reader.int64(),
      producerEpoch: reader.int16(),
      partitions: readPartitionLists(reader),
    };
    reader.tags();
    return transaction;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, transactions };
}

export const DESCRIBE_TRANSACTIONS: Api<DescribeTransactionsRequest, DescribeTransactionsResponse> = {
  key: ApiKey.DescribeTransactions,
  encode: encodeDescribeTransactionsRequest,
  decode: decodeDescribeTransactionsResponse,
};
