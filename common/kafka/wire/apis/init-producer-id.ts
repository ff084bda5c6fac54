import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

export interface InitProducerIdRequest {
  /** null: a fresh id without a coordinator. */
  readonly transactionalId: string | null;
  readonly transactionTimeoutMs: number;
  /** What the caller holds (v3+, KIP-360); -1 and -1 for a bare call, which fences the holder. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

export interface InitProducerIdResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
  /** Never a number: ids may use all 64 bits. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** From this version on the caller's own id and epoch can be said. */
export const INIT_PRODUCER_ID_CURRENT_VERSION = 3;

/** InitProducerId request, v1 to v4: transactional_id NULLABLE_STRING, transaction_timeout_ms INT32, producer_id INT64 v3+, producer_epoch INT16 v3+, TAGS v2+. */
export function encodeInitProducerIdRequest(version: number, request: InitProducerIdRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.InitProducerId, version));
  writer.nullableString(request.transactionalId).int32(request.transactionTimeoutMs);
  if (version >= INIT_PRODUCER_ID_CURRENT_VERSION) writer.int64(request.producerId).int16(request.producerEpoch);
  return writer.tags().toBuffers();
}

/** InitProducerId response, v1 to v4: throttle_time_ms INT32, error_code INT16, producer_id INT64, producer_epoch INT16, TAGS v2+. */
export function decodeInitProducerIdResponse(version: number, body: Buffer): InitProducerIdResponse {
  const reader = new Reader(body, isFlexible(ApiKey.InitProducerId, version));
  const response = {
    throttleTimeMs: reader.int32(),
    errorCode: reader.int16(),
    producerId: reader.int64(),
    producerEpoch: reader.int16(),
  };
  reader.tags();
  reader.end();
  return response;
}

export const INIT_PRODUCER_ID: Api<InitProducerIdRequest, InitProducerIdResponse> = {
  key: ApiKey.InitProducerId,
  encode: encodeInitProducerIdRequest,
  decode: decodeInitProducerIdResponse,
};
