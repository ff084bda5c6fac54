import { BATCH_HEADER_BYTES } from './batch-header.js';
import type { CodecName } from './compression.js';
import { LatestTimestamp } from './latest-timestamp.js';
import { type DenseRecords, type RecodedBatch, sealRecords } from './recoded-batch.js';
import { copyRecord } from './record-copy.js';
import { RecordCursor } from './record-cursor.js';

/** Aimed below the limit: what compressed as well as the part before it still fits. */
const ROOM_MARGIN = 0.95;
/** After a part the next may hold at most this many times its bytes; after one too large, at most this share of them. */
const MAX_GROWTH = 2;
const MIN_SHRINKING = 0.75;

export interface SplitOptions {
  /** Of a batch, header included. */
  readonly maxBytes: number;
  /** What the whole is expected to take as a batch, where the caller knows; saves compressing it in vain. */
  readonly expectedBytes?: number | undefined;
  /** The records behind this many batches are left out. */
  readonly maxParts?: number | undefined;
}

/**
 * The records as batches of at most `maxBytes`, header included, in as few as is cheaply found; a single record that is larger gets a
 * batch of its own. The same input always gives the same parts (as long as the compressor is the same).
 */
export function splitRecords(
  records: DenseRecords,
  codec: CodecName,
  { maxBytes, expectedBytes = 0, maxParts = Number.POSITIVE_INFINITY }: SplitOptions,
): RecodedBatch[] {
  if (records.count === 1) return [sealRecords(records, codec)];
  const rawBytes = records.end - records.start;
  const wholeBytes = codec === 'none' ? rawBytes + BATCH_HEADER_BYTES : expectedBytes;
  if (wholeBytes > maxBytes) return parts(records, codec, { maxBytes, maxParts }, wholeBytes);
  const whole = sealRecords(records, codec);
  return whole.batch.length <= maxBytes ? [whole] : parts(records, codec, { maxBytes, maxParts }, whole.batch.length);
}

/** @param wholeBytes what all records take in one batch: how well they compress is first judged by it, then by each part */
function parts(
  records: DenseRecords,
  codec: CodecName,
  { maxBytes, maxParts }: { readonly maxBytes: number; readonly maxParts: number },
  wholeBytes: number,
): RecodedBatch[] {
  const starts = recordStarts(records);
  const bytes = (from: number, to: number): number => (starts[to] as number) - (starts[from] as number);
  const fitting = (rawBytes: number, encodedBytes: number): number =>
    codec === 'none'
      ? maxBytes - BATCH_HEADER_BYTES
      : ((maxBytes - BATCH_HEADER_BYTES) / encodedBytes) * rawBytes * ROOM_MARGIN;
  const made: RecodedBatch[] = [];
  let room = fitting(bytes(0, records.count), wholeBytes);
  for (let from = 0; from < records.count && made.length < maxParts; ) {
    const to = packed(starts, from, room);
    const part = sealRecords(partOf(records, starts, from, to), codec);
    const rawBytes = bytes(from, to);
    const fits = part.batch.length <= maxBytes || to - from === 1;
    if (fits) {
      made.push(part);
      from = to;
    }
    if (codec !== 'none')
      room = Math.min(fitting(rawBytes, part.batch.length), rawBytes * (fits ? MAX_GROWTH : MIN_SHRINKING));
  }
  return made;
}

/** Behind the last record that still fits, at least one does. Renumbered they only shrink, so their present sizes are a safe measure. */
function packed(starts: Float64Array, from: number, room: number): number {
  const limit = (starts[from] as number) + room;
  let to = from + 1;
  while (to < starts.length - 1 && (starts[to + 1] as number) <= limit) to++;
  return to;
}

/** Where each record begins, and where the last one ends. */
function recordStarts(records: DenseRecords): Float64Array {
  const starts = new Float64Array(records.count + 1);
  const cursor = new RecordCursor().reset(records.buffer, records.start, records.end, records.count);
  for (let i = 0; cursor.next(); i++) starts[i] = cursor.recordStart;
  starts[records.count] = records.end;
  return starts;
}

function partOf(records: DenseRecords, starts: Float64Array, from: number, to: number): DenseRecords {
  const start = starts[from] as number;
  const end = starts[to] as number;
  const count = to - from;
  const cursor = new RecordCursor().reset(records.buffer, start, end, count);
  const latest = new LatestTimestamp(records.baseTimestamp);
  // The first part is numbered from 0 as it is.
  const out = from === 0 ? undefined : Buffer.allocUnsafe(end - start);
  let at = 0;
  for (let i = 0; cursor.next(); i++) {
    latest.add(cursor);
    if (out !== undefined) at = copyRecord(cursor, out, at, i, false);
  }
  const offsets = records.offsets?.slice(from, to) ?? null;
  const firstOffset = offsets === null ? records.firstOffset + from : (offsets[0] as number);
  const lastOffset = offsets === null ? firstOffset + count - 1 : (offsets[count - 1] as number);
  return {
    buffer: out ?? records.buffer,
    start: out === undefined ? start : 0,
    end: out === undefined ? end : at,
    count,
    offsets: lastOffset - firstOffset + 1 === count ? null : offsets,
    firstOffset,
    lastOffset,
    baseTimestamp: records.baseTimestamp,
    maxTimestamp: latest.value,
    leaderEpoch: records.leaderEpoch,
  };
}
