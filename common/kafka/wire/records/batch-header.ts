import { CausewayError } from '../../../errors/error.js';

/**
 * The RecordBatch v2 header (https://kafka.apache.org/documentation/#recordbatch): where each field lies and plain functions
 * that read it at `start`, the index of the batch's first byte. They check nothing; the cursor of batch-scan.ts does.
 */
export const BATCH_HEADER_BYTES = 61;
/** baseOffset and batchLength: what batchLength does not count. */
export const BATCH_PREFIX_BYTES = 12;
/** The smallest message any magic allows: a v0 message without key and value, behind its prefix. */
export const MIN_BATCH_BYTES = 26;
/** No broker is configured for larger batches; a larger claim is damage, not data. */
export const MAX_BATCH_BYTES = 256 * 1024 * 1024;

export const BASE_OFFSET_AT = 0;
export const BATCH_LENGTH_AT = 8;
export const LEADER_EPOCH_AT = 12;
export const MAGIC_AT = 16;
export const CRC_AT = 17;
/** The CRC-32C covers everything from here to the end of the batch. */
export const ATTRIBUTES_AT = 21;
export const LAST_OFFSET_DELTA_AT = 23;
export const BASE_TIMESTAMP_AT = 27;
export const MAX_TIMESTAMP_AT = 35;
export const PRODUCER_ID_AT = 43;
export const PRODUCER_EPOCH_AT = 51;
export const BASE_SEQUENCE_AT = 53;
export const RECORD_COUNT_AT = 57;

export const MAGIC_V2 = 2;

/** Bits 0-2 of the attributes: the codec. */
export const CODEC_MASK = 0x07;
/** Bit 3: the timestamp of every record is maxTimestamp. */
export const LOG_APPEND_TIME_BIT = 0x08;
export const TRANSACTIONAL_BIT = 0x10;
export const CONTROL_BIT = 0x20;
/** Bit 6: baseTimestamp is the cleaner's deadline for tombstones (records' deltas stay relative to it). */
export const DELETE_HORIZON_BIT = 0x40;

export const NO_PRODUCER_ID = -1n;
export const NO_PRODUCER_EPOCH = -1;
export const NO_SEQUENCE = -1;
export const NO_LEADER_EPOCH = -1;

const TWO_32 = 0x1_0000_0000;

/** A batch inside a larger buffer; `length` counts its header. */
export interface BatchSlice {
  readonly buffer: Buffer;
  readonly start: number;
  readonly length: number;
}

/**
 * An int64 that is an offset or a small count, as a Number.
 * @throws BATCH_CORRUPT when it is negative or 2^53 and more: no log has such offsets.
 */
export function readOffset(buffer: Buffer, at: number): number {
  const high = buffer.readInt32BE(at);
  if (high < 0 || high >= 0x20_0000) {
    throw new CausewayError('BATCH_CORRUPT', `an offset of ${buffer.readBigInt64BE(at)} is outside 0..2^53-1`);
  }
  return high * TWO_32 + buffer.readUInt32BE(at + 4);
}

export const baseOffset = (buffer: Buffer, start: number): number => readOffset(buffer, start + BASE_OFFSET_AT);
/** Bytes of the whole batch, prefix included. */
export const batchBytes = (buffer: Buffer, start: number): number =>
  buffer.readInt32BE(start + BATCH_LENGTH_AT) + BATCH_PREFIX_BYTES;
export const partitionLeaderEpoch = (buffer: Buffer, start: number): number =>
  buffer.readInt32BE(start + LEADER_EPOCH_AT);
export const crc = (buffer: Buffer, start: number): number => buffer.readUInt32BE(start + CRC_AT);
export const attributes = (buffer: Buffer, start: number): number => buffer.readUInt16BE(start + ATTRIBUTES_AT);
export const lastOffsetDelta = (buffer: Buffer, start: number): number =>
  buffer.readInt32BE(start + LAST_OFFSET_DELTA_AT);
export const baseTimestamp = (buffer: Buffer, start: number): bigint =>
  buffer.readBigInt64BE(start + BASE_TIMESTAMP_AT);
export const maxTimestamp = (buffer: Buffer, start: number): bigint => buffer.readBigInt64BE(start + MAX_TIMESTAMP_AT);
export const producerId = (buffer: Buffer, start: number): bigint => buffer.readBigInt64BE(start + PRODUCER_ID_AT);
export const recordCount = (buffer: Buffer, start: number): number => buffer.readInt32BE(start + RECORD_COUNT_AT);

/**
 * maxTimestamp in milliseconds as a Number, for lag and metrics only: beyond 2^53 it is rounded. -1 = none.
 */
export function maxTimestampMs(buffer: Buffer, start: number): number {
  return buffer.readInt32BE(start + MAX_TIMESTAMP_AT) * TWO_32 + buffer.readUInt32BE(start + MAX_TIMESTAMP_AT + 4);
}
