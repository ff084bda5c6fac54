import { CausewayError } from '../../../errors/error.js';
import {
  ATTRIBUTES_AT,
  attributes as attributesOf,
  BATCH_HEADER_BYTES,
  type BatchSlice,
  baseTimestamp,
  CODEC_MASK,
  CONTROL_BIT,
  crc,
  LOG_APPEND_TIME_BIT,
  MAGIC_V2,
  maxTimestamp,
} from './batch-header.js';
import { type BatchCursor, scanBatches } from './batch-scan.js';
import { codecOf, decompress } from './compression.js';
import { crc32c } from './crc32c.js';
import { MESSAGE_ATTRIBUTES_AT } from './message-cursor.js';
import { denseMessages } from './message-set.js';
import { RecordCursor } from './record-cursor.js';

/** A header of a record; keys may repeat and their order counts. */
export type RecordHeader = readonly [key: Buffer, value: Buffer | null];

/** A record's content, byte for byte. */
export interface KafkaRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
  /** Milliseconds since 1970; -1 = none. */
  readonly timestamp: bigint;
}

export interface DecodedRecord extends KafkaRecord {
  readonly offset: bigint;
}

/** The records' bytes of a batch, decompressed. */
export interface RecordsRange {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The batch's CRC-32C matches its bytes. */
export function hasRightCrc({ buffer, start, length }: BatchSlice): boolean {
  return crc32c(buffer, start + ATTRIBUTES_AT, start + length) === crc(buffer, start);
}

/** @throws BATCH_CORRUPT when the CRC-32C does not match the batch's bytes */
export function verifyCrc({ buffer, start, length }: BatchSlice): void {
  const computed = crc32c(buffer, start + ATTRIBUTES_AT, start + length);
  const claimed = crc(buffer, start);
  if (computed === claimed) return;
  throw new CausewayError('BATCH_CORRUPT', `the batch’s CRC-32C is ${computed}, its header says ${claimed}`, {
    place: { offset: buffer.readBigInt64BE(start) },
    fix: 'The batch is damaged at the source or was damaged on the way; fetch it again, then check the source broker’s log.',
  });
}

/** Decompresses where needed; otherwise a view. The codec must be loaded. @throws BATCH_CORRUPT, BATCH_UNSUPPORTED */
export function recordsOf({ buffer, start, length }: BatchSlice, maxBytes?: number): RecordsRange {
  const attributes = attributesOf(buffer, start);
  if ((attributes & CODEC_MASK) === 0) return { buffer, start: start + BATCH_HEADER_BYTES, end: start + length };
  const payload = buffer.subarray(start + BATCH_HEADER_BYTES, start + length);
  const content = decompress(codecOf(attributes), payload, maxBytes);
  return { buffer: content, start: 0, end: content.length };
}

/** Calls `visit` at each record with one cursor for all of them; checks the structure, not the CRC. @returns records seen */
export function walkRecords(range: RecordsRange, recordCount: number, visit: (record: RecordCursor) => void): number {
  const cursor = new RecordCursor().reset(range.buffer, range.start, range.end, recordCount);
  while (cursor.next()) visit(cursor);
  return recordCount;
}

/** A whole batch as objects: for auditors, walks and tests, never for the data path. */
export interface DecodedBatch {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly attributes: number;
  readonly control: boolean;
  /** As a consumer sees them (the append time where bit 3 says so). Keys and values are views of the batch or its decompressed copy. */
  readonly records: readonly DecodedRecord[];
}

/**
 * Decodes one batch, or one entry of an old message set, CRC checked first. Compressed batches need `loadCodec` before.
 * @throws BATCH_CORRUPT, BATCH_UNSUPPORTED (unknown format, missing codec, too large)
 */
export function decodeBatch(batch: Buffer): DecodedBatch {
  const cursor = scanBatches(batch);
  if (!cursor.next()) throw new CausewayError('BATCH_CORRUPT', 'the batch is cut off');
  return decodeSlice(cursor);
}

/** Every batch of a fetch response's records, decoded; a partial one at the end is left out. */
export function decodeBatches(records: Buffer): DecodedBatch[] {
  const decoded: DecodedBatch[] = [];
  const cursor = scanBatches(records);
  while (cursor.next()) decoded.push(decodeSlice(cursor));
  return decoded;
}

function decodeSlice(batch: BatchCursor): DecodedBatch {
  const { buffer, start, attributes } = batch;
  if (batch.magic !== MAGIC_V2) return decodeMessages(batch);
  verifyCrc(batch);
  const base = baseTimestamp(buffer, start);
  const appendTime = (attributes & LOG_APPEND_TIME_BIT) !== 0 ? maxTimestamp(buffer, start) : undefined;
  return {
    baseOffset: BigInt(batch.baseOffset),
    lastOffset: BigInt(batch.lastOffset),
    attributes,
    control: (attributes & CONTROL_BIT) !== 0,
    records: decodedRecords(recordsOf(batch), batch.recordCount, (record) => ({
      offset: BigInt(batch.baseOffset + record.offsetDelta),
      timestamp: appendTime ?? BigInt.asIntN(64, base + record.timestampDelta()),
    })),
  };
}

/** An entry of the formats 0 and 1; its attributes are the codec alone. */
function decodeMessages(batch: BatchCursor): DecodedBatch {
  if (batch.magic < 0 || batch.magic > 1)
    throw new CausewayError('BATCH_UNSUPPORTED', `record format ${batch.magic} is not known`);
  const dense = denseMessages(batch, {});
  if (dense === undefined)
    throw new CausewayError('INTERNAL_INVARIANT', 'a message set without messages was let through');
  return {
    baseOffset: BigInt(dense.firstOffset),
    lastOffset: BigInt(dense.lastOffset),
    attributes: batch.buffer.readUInt8(batch.start + MESSAGE_ATTRIBUTES_AT) & CODEC_MASK,
    control: false,
    records: decodedRecords(dense, dense.count, (record) => ({
      offset: BigInt(dense.offsets?.[record.offsetDelta] ?? dense.firstOffset + record.offsetDelta),
      timestamp: BigInt.asIntN(64, dense.baseTimestamp + record.timestampDelta()),
    })),
  };
}

function decodedRecords(
  range: RecordsRange,
  count: number,
  place: (record: RecordCursor) => { offset: bigint; timestamp: bigint },
): DecodedRecord[] {
  const records: DecodedRecord[] = [];
  walkRecords(range, count, (record) => {
    records.push({
      ...place(record),
      key: bytes(record.buffer, record.keyStart, record.keyLength),
      value: bytes(record.buffer, record.valueStart, record.valueLength),
      headers: record.headers(),
    });
  });
  return records;
}

function bytes(buffer: Buffer, start: number, length: number): Buffer | null {
  return length < 0 ? null : buffer.subarray(start, start + length);
}
