import { KeptOffsets } from './kept-offsets.js';
import { LatestTimestamp } from './latest-timestamp.js';
import type { DenseRecords } from './recoded-batch.js';
import type { KafkaRecord } from './record-codec.js';
import { copyRecord } from './record-copy.js';
import { RecordCursor } from './record-cursor.js';
import { MAX_VARINT_BYTES, varintBytes, writeVarint } from './varint.js';

/** What becomes of a record: it stays as it is, goes, or has other content. */
export type Rewritten = 'same' | 'drop' | Pick<KafkaRecord, 'key' | 'value' | 'headers'>;

/** What of a record does not grow with its content: length, attributes, timestamp and offset deltas. */
const MAX_FRAME_BYTES = 1 + 10 + 2 * MAX_VARINT_BYTES;

/**
 * The records that `decide` leaves, renumbered; timestamps stay. Keys, values and headers that it gives may be views of `records`.
 * @returns undefined when none is left; `records` itself when all stay as they are
 */
export function rewriteRecords(
  records: DenseRecords,
  decide: (record: KafkaRecord, offset: number) => Rewritten,
): DenseRecords | undefined {
  const { buffer, start, end, count, offsets, firstOffset, baseTimestamp, leaderEpoch } = records;
  const cursor = new RecordCursor().reset(buffer, start, end, count);
  const kept = new KeptOffsets(count);
  const latest = new LatestTimestamp(baseTimestamp);
  let out: Growing | undefined;
  for (let index = 0; cursor.next(); index++) {
    const offset = offsets?.[index] ?? firstOffset + index;
    const rewritten = decide(recordAt(cursor, baseTimestamp), offset);
    if (out === undefined && rewritten !== 'same') {
      out = new Growing(end - start + MAX_FRAME_BYTES);
      out.copy(buffer, start, cursor.recordStart);
    }
    if (rewritten === 'drop') continue;
    if (out !== undefined) {
      if (rewritten === 'same') out.same(cursor, kept.count);
      else out.changed(cursor, kept.count, rewritten);
    }
    kept.add(offset);
    latest.add(cursor);
  }
  if (out === undefined) return records;
  if (kept.count === 0) return undefined;
  const content = { buffer: out.buffer, start: 0, end: out.length };
  return { ...content, ...kept.result(), baseTimestamp, maxTimestamp: latest.value, leaderEpoch };
}

function recordAt(cursor: RecordCursor, baseTimestamp: bigint): KafkaRecord {
  const { buffer, keyStart, keyLength, valueStart, valueLength, headerCount } = cursor;
  return {
    key: keyLength < 0 ? null : buffer.subarray(keyStart, keyStart + keyLength),
    value: valueLength < 0 ? null : buffer.subarray(valueStart, valueStart + valueLength),
    headers: headerCount === 0 ? NO_HEADERS : cursor.headers(),
    timestamp: BigInt.asIntN(64, baseTimestamp + cursor.timestampDelta()),
  };
}

const NO_HEADERS: KafkaRecord['headers'] = [];

/** Records one behind the other, as many bytes as they take. */
class Growing {
  buffer: Buffer;
  length = 0;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafe(bytes);
  }

  copy(source: Buffer, from: number, to: number): void {
    this.#reserve(to - from);
    this.length += source.copy(this.buffer, this.length, from, to);
  }

  same(cursor: RecordCursor, offsetDelta: number): void {
    this.#reserve(cursor.recordEnd - cursor.recordStart + MAX_FRAME_BYTES);
    this.length = copyRecord(cursor, this.buffer, this.length, offsetDelta, false);
  }

  changed(cursor: RecordCursor, offsetDelta: number, { key, value, headers }: Exclude<Rewritten, string>): void {
    const { buffer, bodyStart, timestampStart, offsetStart } = cursor;
    const timestampBytes = offsetStart - timestampStart;
    let bytes = 1 + timestampBytes + varintBytes(offsetDelta);
    bytes += fieldBytes(key) + fieldBytes(value) + varintBytes(headers.length);
    for (const [name, content] of headers) bytes += fieldBytes(name) + fieldBytes(content);
    this.#reserve(bytes + MAX_FRAME_BYTES);
    const out = this.buffer;
    let at = writeVarint(out, this.length, bytes);
    out[at++] = buffer[bodyStart] as number;
    at += buffer.copy(out, at, timestampStart, offsetStart);
    at = writeVarint(out, at, offsetDelta);
    at = writeField(out, writeField(out, at, key), value);
    at = writeVarint(out, at, headers.length);
    for (const [name, content] of headers) at = writeField(out, writeField(out, at, name), content);
    this.length = at;
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}

function fieldBytes(field: Buffer | null): number {
  return field === null ? 1 : varintBytes(field.length) + field.length;
}

function writeField(out: Buffer, at: number, field: Buffer | null): number {
  if (field === null) return writeVarint(out, at, -1);
  const start = writeVarint(out, at, field.length);
  return start + field.copy(out, start);
}
