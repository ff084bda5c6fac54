import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

export interface EndTxnRequest {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** False: abort. */
  readonly committed: boolean;
}

export interface EndTxnResponse {
  readonly throttleTimeMs: number;
  /** NONE once the decision is durable; the markers follow. */
  readonly errorCode: number;
}

/**
 * EndTxn request, v1 to v4 (KIP-98): transactional_id STRING, producer_id INT64, producer_epoch INT16, committed BOOLEAN, TAGS v3+.
 * v5 (KIP-890) raises the epoch with every transaction and is not spoken: a lane's epoch must stay.
 */
export function encodeEndTxnRequest(version: number, request: EndTxnRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.EndTxn, version));
  writer.string(request.transactionalId).int64(request.producerId).int16(request.producerEpoch);
  return writer.boolean(request.committed).tags().toBuffers();
}

/** EndTxn response, v1 to v4: throttle_time_ms INT32, error_code INT16, TAGS v3+. */
export function decodeEndTxnResponse(version: number, body: Buffer): EndTxnResponse {
  const reader = new Reader(body, isFlexible(ApiKey.EndTxn, version));
  const response = { throttleTimeMs: reader.int32(), errorCode: reader.int16() };
  reader.tags();
  reader.end();
  return response;
}

export const END_TXN: Api<EndTxnRequest, EndTxnResponse> = {
  key: ApiKey.EndTxn,
  encode: encodeEndTxnRequest,
  decode: decodeEndTxnResponse,
};
