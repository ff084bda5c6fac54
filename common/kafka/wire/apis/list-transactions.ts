import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

/** To every broker: each knows the transactional ids that it coordinates. Empty filters let everything pass. */
export interface ListTransactionsRequest {
  /** As DescribeTransactions names the states. */
  readonly stateFilters: readonly string[];
  readonly producerIdFilters: readonly bigint[];
  /** Only transactions open for longer than this (v1+, KIP-994); -1: all. */
  readonly durationMs: bigint;
}

export interface ListedTransaction {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly state: string;
}

export interface ListTransactionsResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
  readonly unknownStateFilters: readonly string[];
  /** Only those that the caller may describe. */
  readonly transactions: readonly ListedTransaction[];
}

/** ListTransactions request, v0 and v1 (KIP-664, 994): state_filters [STRING], producer_id_filters [INT64], duration_filter INT64 v1+, TAGS. */
export function encodeListTransactionsRequest(version: number, request: ListTransactionsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.ListTransactions, version));
  writer.array(request.stateFilters, (state) => writer.string(state));
  writer.array(request.producerIdFilters, (id) => writer.int64(id));
  if (version >= 1) writer.int64(request.durationMs);
  return writer.tags().toBuffers();
}

const MIN_STRING_BYTES = 1;
const MIN_TRANSACTION_BYTES = 11;

/**
 * ListTransactions response, v0 and v1: throttle_time_ms INT32, error_code INT16, unknown_state_filters [STRING],
 * transaction_states [transactional_id STRING, producer_id INT64, transaction_state STRING, TAGS], TAGS
 */
export function decodeListTransactionsResponse(version: number, body: Buffer): ListTransactionsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.ListTransactions, version));
  const throttleTimeMs = reader.int32();
  const errorCode = reader.int16();
  const unknownStateFilters = reader.array(MIN_STRING_BYTES, () => reader.string());
  const transactions = reader.array(MIN_TRANSACTION_BYTES, () => {
    const transaction = { transactionalId: reader.string(), producerId: reader.int64(), state: reader.string() };
    reader.tags();
    return transaction;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, errorCode, unknownStateFilters, transactions };
}

export const LIST_TRANSACTIONS: Api<ListTransactionsRequest, ListTransactionsResponse> = {
  key: ApiKey.ListTransactions,
  encode: encodeListTransactionsRequest,
  decode: decodeListTransactionsResponse,
};
