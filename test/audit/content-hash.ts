import type { AuditRecord } from './record.js';

/*
 * Two 32-bit multiplicative lanes over every byte, lengths and nulls included, so that no two different records are the same
 * byte stream; 52 bits of them make a number that typed arrays hold. Not against malice, against accidents.
 */

const NULL_LENGTH = 0xffffffff;

interface Lanes {
  a: number;
  b: number;
}

function addNumber(lanes: Lanes, value: number): void {
  lanes.a = Math.imul(lanes.a ^ (value & 0xffff), 0x9e3779b1) ^ (value >>> 16);
  lanes.b = Math.imul(lanes.b ^ (value >>> 16), 0x5f356495) ^ (value & 0xffff);
}

function addBytes(lanes: Lanes, bytes: Buffer | null): void {
  if (bytes === null) {
    addNumber(lanes, NULL_LENGTH);
    return;
  }
  addNumber(lanes, bytes.length);
  let { a, b } = lanes;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    a = Math.imul(a ^ byte, 0x85ebca77);
    b = Math.imul(b ^ byte, 0xc2b2ae3d);
    // Multiplication carries upwards only; the rotation brings the high bits back down.
    b = (b << 13) | (b >>> 19);
  }
  lanes.a = a ^ (a >>> 15);
  lanes.b = b ^ (b >>> 13);
}

function finish(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Key, value, headers and timestamp as an integer in [0, 2^52). */
export function contentHash(record: AuditRecord): number {
  const lanes: Lanes = { a: 0x243f6a88, b: 0x13198a2e };
  addNumber(lanes, (record.timestamp % 2 ** 32) | 0);
  addNumber(lanes, Math.floor(record.timestamp / 2 ** 32) | 0);
  addBytes(lanes, record.key);
  addBytes(lanes, record.value);
  addNumber(lanes, record.headers.length);
  for (const [key, value] of record.headers) {
    addBytes(lanes, key);
    addBytes(lanes, value);
  }
  const high = finish(lanes.a ^ (lanes.b << 1));
  const low = finish(lanes.b ^ (high >>> 3));
  return (high & 0xfffff) * 2 ** 32 + low;
}
