import { BATCH_HEADER_BYTES } from './batch-header.js';
import type { CodecName } from './compression.js';
import { LatestTimestamp } from './latest-timestamp.js';
import { type DenseRecords, type RecodedBatch, sealRecords } from './recoded-batch.js';
import { copyRecord } from './record-copy.js';
import { RecordCursor } from './record-cursor.js';

/** A first guess leaves this much room, for a part compresses a little worse than the whole. */
const GUESS_MARGIN = 1.05;

/**
 * The records as batches of at most `maxBytes`, header included, in as few as is cheaply found; a single record that is larger gets a
 * batch of its own. The same input always gives the same parts (as long as the compressor is the same).
 * @param expectedBytes what the whole is expected to take compressed, where the caller knows; saves compressing it in vain
 */
export function splitRecords(
  records: DenseRecords,
  codec: CodecName,
  maxBytes: number,
  expectedBytes?: number,
): RecodedBatch[] {
  const rawBytes = records.end - records.start + BATCH_HEADER_BYTES;
  if (codec === 'none') {
    if (rawBytes <= maxBytes || records.count === 1) return [sealRecords(records, codec)];
    const starts = recordStarts(records);
    return packed(starts, maxBytes - BATCH_HEADER_BYTES).map(([from, to]) =>
      sealRecords(partOf(records, starts, from, to), codec),
    );
  }
  const guess = expectedBytes ?? 0;
  if (guess <= maxBytes) {
    const whole = sealRecords(records, codec);
    if (whole.batch.length <= maxBytes || records.count === 1) return [whole];
    return compressedParts(records, codec, maxBytes, whole.batch.length);
  }
  return compressedParts(records, codec, maxBytes, guess * GUESS_MARGIN);
}

type Piece = readonly [from: number, to: number];

/** Cuts by record bytes, compresses, cuts again what is still too large: every cut makes pieces of fewer records, so it ends. */
function compressedParts(records: DenseRecords, codec: CodecName, maxBytes: number, bytes: number): RecodedBatch[] {
  const starts = recordStarts(records);
  const parts: RecodedBatch[] = [];
  // The piece with the lowest offsets is always on top.
  const pending = pieces(starts, 0, records.count, bytes / maxBytes);
  for (let piece = pending.pop(); piece !== undefined; piece = pending.pop()) {
    const [from, to] = piece;
    const part = sealRecords(partOf(records, starts, from, to), codec);
    if (part.batch.length <= maxBytes || to - from === 1) parts.push(part);
    else pending.push(...pieces(starts, from, to, part.batch.length / maxBytes));
  }
  return parts;
}

/** At least two pieces of about equal bytes, in descending order. At least two records are given. */
function pieces(starts: Float64Array, from: number, to: number, wanted: number): Piece[] {
  const count = Math.min(Math.max(2, Math.ceil(wanted)), to - from);
  const first = starts[from] as number;
  const share = ((starts[to] as number) - first) / count;
  const cut: Piece[] = [];
  let begin = from;
  let at = from + 1;
  for (let i = 1; i < count && at < to; i++) {
    while (at < to - 1 && (starts[at] as number) < first + i * share) at++;
    cut.push([begin, at]);
    begin = at++;
  }
  cut.push([begin, to]);
  return cut.reverse();
}

/** As many records in each part as fit. Renumbered they only shrink, so their present sizes are a safe measure. */
function packed(starts: Float64Array, maxBytes: number): Piece[] {
  const parts: Piece[] = [];
  const count = starts.length - 1;
  let begin = 0;
  for (let at = 1; at <= count; at++) {
    const next = at === count ? Number.POSITIVE_INFINITY : (starts[at + 1] as number);
    if (next - (starts[begin] as number) <= maxBytes) continue;
    parts.push([begin, at]);
    begin = at;
  }
  return parts;
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
