import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

export interface AddOffsetsToTxnRequest {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Whose offsets the transaction is going to commit. */
  readonly groupId: string;
}

export interface AddOffsetsToTxnResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
}

/** AddOffsetsToTxn request, v0 to v4 (KIP-98): transactional_id STRING, producer_id INT64, producer_epoch INT16, group_id STRING, TAGS v3+. */
export function encodeAddOffsetsToTxnRequest(version: number, request: AddOffsetsToTxnRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.AddOffsetsToTxn, version));
  writer.string(request.transactionalId).int64(request.producerId).int16(request.producerEpoch);
  return writer.string(request.groupId).tags().toBuffers();
}

/** AddOffsetsToTxn response, v0 to v4: throttle_time_ms INT32, error_code INT16, TAGS v3+. */
export function decodeAddOffsetsToTxnResponse(version: number, body: Buffer): AddOffsetsToTxnResponse {
  const reader = new Reader(body, isFlexible(ApiKey.AddOffsetsToTxn, version));
  const response = { throttleTimeMs: reader.int32(), errorCode: reader.int16() };
  reader.tags();
  reader.end();
  return response;
}

export const ADD_OFFSETS_TO_TXN: Api<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse> = {
  key: ApiKey.AddOffsetsToTxn,
  encode: encodeAddOffsetsToTxnRequest,
  decode: decodeAddOffsetsToTxnResponse,
};
