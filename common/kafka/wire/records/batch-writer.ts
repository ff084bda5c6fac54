import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_AT,
  BATCH_PREFIX_BYTES,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  MAGIC_AT,
  MAGIC_V2,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
} from './batch-header.js';
import { crc32c } from './crc32c.js';

/** Every field of a v2 header but length, magic and CRC, which follow from the rest. */
export interface BatchHeaderFields {
  readonly baseOffset: bigint;
  readonly partitionLeaderEpoch: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/** Fills the 61 bytes in front of the records, which must lie behind them in `batch` already, and computes the CRC. */
export function sealBatch(batch: Buffer, fields: BatchHeaderFields): Buffer {
  batch.writeBigInt64BE(fields.baseOffset, BASE_OFFSET_AT);
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, BATCH_LENGTH_AT);
  batch.writeInt32BE(fields.partitionLeaderEpoch, LEADER_EPOCH_AT);
  batch.writeInt8(MAGIC_V2, MAGIC_AT);
  batch.writeUInt16BE(fields.attributes, ATTRIBUTES_AT);
  batch.writeInt32BE(fields.lastOffsetDelta, LAST_OFFSET_DELTA_AT);
  batch.writeBigInt64BE(fields.baseTimestamp, BASE_TIMESTAMP_AT);
  batch.writeBigInt64BE(fields.maxTimestamp, MAX_TIMESTAMP_AT);
  batch.writeBigInt64BE(fields.producerId, PRODUCER_ID_AT);
  batch.writeInt16BE(fields.producerEpoch, PRODUCER_EPOCH_AT);
  batch.writeInt32BE(fields.baseSequence, BASE_SEQUENCE_AT);
  batch.writeInt32BE(fields.recordCount, RECORD_COUNT_AT);
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), CRC_AT);
  return batch;
}

/** A buffer of exactly header and payload, the payload copied in, the header not yet filled. */
export function batchAround(payload: Buffer): Buffer {
  const batch = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + payload.length);
  payload.copy(batch, BATCH_HEADER_BYTES);
  return batch;
}
