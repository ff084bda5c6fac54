import { randomBytes } from 'node:crypto';
import { sealBatch } from '../../common/kafka/wire/records/batch-writer.js';

const headerBytes = 61;
const recordCountAt = 57;
const attributesAt = 21;
const codecMask = 7;
/** Stamp (a double) and run (an int32) at the start of every value. */
export const stampBytes = 12;

/** A record's time of birth, and the run it belongs to. */
export type OnStamp = (stampMs: number, run: number) => void;

/** One batch of uncompressed records whose values begin with their stamps and are noise otherwise. */
export class StampedBatches {
  readonly #noise: Buffer;
  readonly #run: number;

  constructor(recordBytes: number, run: number) {
    if (recordBytes < stampBytes) throw new Error(`a stamped record has at least ${stampBytes} bytes`);
    this.#noise = randomBytes(recordBytes);
    this.#run = run;
  }

  build(stampsMs: readonly number[]): Buffer {
    const size = this.#noise.length;
    const bodyMost = size + 20;
    const batch = Buffer.allocUnsafeSlow(headerBytes + stampsMs.length * (bodyMost + 5));
    let at = headerBytes;
    stampsMs.forEach((stampMs, index) => {
      const body = 1 + 1 + varintBytes(index) + 1 + varintBytes(size) + size + 1;
      at = writeVarint(batch, at, body);
      batch[at++] = 0;
      batch[at++] = 0;
      at = writeVarint(batch, at, index);
      at = writeVarint(batch, at, -1);
      at = writeVarint(batch, at, size);
      this.#noise.copy(batch, at);
      batch.writeDoubleBE(stampMs, at);
      batch.writeInt32BE(this.#run, at + 8);
      at += size;
      batch[at++] = 0;
    });
    const now = BigInt(Date.now());
    return sealBatch(batch.subarray(0, at), {
      baseOffset: 0n,
      partitionLeaderEpoch: -1,
      attributes: 0,
      lastOffsetDelta: stampsMs.length - 1,
      baseTimestamp: now,
      maxTimestamp: now,
      producerId: -1n,
      producerEpoch: -1,
      baseSequence: -1,
      recordCount: stampsMs.length,
    });
  }
}

/** Tells the stamps of all whole batches; gives the offset behind the last of them, or `offset` when there is none. */
export function readStamps(records: Buffer, offset: number, onStamp: OnStamp): number {
  let next = offset;
  for (let start = 0; records.length - start >= headerBytes; ) {
    const end = start + 12 + records.readInt32BE(start + 8);
    if (end > records.length) break;
    if ((records.readUInt16BE(start + attributesAt) & codecMask) !== 0) throw new Error('a compressed batch came back');
    const base = Number(records.readBigInt64BE(start));
    let at = start + headerBytes;
    for (let left = records.readInt32BE(start + recordCountAt); left > 0; left -= 1) {
      const [length, body] = readVarint(records, at);
      const [, deltaAt] = readVarint(records, body + 1);
      const [delta, keyAt] = readVarint(records, deltaAt);
      const [keyLength, keyEnd] = readVarint(records, keyAt);
      const [valueLength, valueAt] = readVarint(records, keyEnd + Math.max(0, keyLength));
      if (base + delta >= next && valueLength >= stampBytes)
        onStamp(records.readDoubleBE(valueAt), records.readInt32BE(valueAt + 8));
      at = body + length;
    }
    next = base + records.readInt32BE(start + 23) + 1;
    start = end;
  }
  return next;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = ((value << 1) ^ (value >> 31)) >>> 0; rest > 0x7f; rest >>>= 7) bytes += 1;
  return bytes;
}

function writeVarint(out: Buffer, start: number, value: number): number {
  let at = start;
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest > 0x7f; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80;
  out[at++] = rest;
  return at;
}

function readVarint(bytes: Buffer, start: number): [value: number, next: number] {
  let raw = 0;
  let at = start;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] as number;
    raw |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [(raw >>> 1) ^ -(raw & 1), at];
  }
}
