import type { RecordCursor } from './record-cursor.js';
import { varintBytes, writeVarint } from './varint.js';

/** Copies one record with a new offset delta (and, if `flatten`, timestamp delta 0); returns the index behind it. */
export function copyRecord(
  record: RecordCursor,
  out: Buffer,
  start: number,
  offsetDelta: number,
  flatten: boolean,
): number {
  const { buffer, bodyStart, timestampStart, offsetStart, contentStart, recordEnd } = record;
  const timestampBytes = flatten ? 1 : offsetStart - timestampStart;
  const contentBytes = recordEnd - contentStart;
  let at = writeVarint(out, start, 1 + timestampBytes + varintBytes(offsetDelta) + contentBytes);
  out[at++] = buffer[bodyStart] as number;
  if (flatten) out[at++] = 0;
  else for (let i = timestampStart; i < offsetStart; i++) out[at++] = buffer[i] as number;
  at = writeVarint(out, at, offsetDelta);
  buffer.copy(out, at, contentStart, recordEnd);
  return at + contentBytes;
}
