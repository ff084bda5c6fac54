import { CausewayError } from '../../../errors/error.js';

/**
 * Zigzag varints of record format v2 (protobuf's sint32 and sint64).
 * Reading goes through a small cursor object so that value and position come back without an allocation.
 */
export const MAX_VARINT_BYTES = 5;
export const MAX_VARLONG_BYTES = 10;

/** Bytes an unsigned 32-bit number takes. */
function unsignedBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Bytes of an int32 as a zigzag varint: 1 to 5. */
export function varintBytes(value: number): number {
  return unsignedBytes(((value << 1) ^ (value >> 31)) >>> 0);
}

/** Writes an int32; returns the index behind it. The buffer must have room. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let position = at;
  while (rest >= 0x80) {
    out[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[position++] = rest;
  return position;
}

/** Bytes of an int64 as a zigzag varint: 1 to 10. */
export function varlongBytes(value: bigint): number {
  let rest = zigzag64(value);
  let bytes = 1;
  while (rest >= 0x80n) {
    rest >>= 7n;
    bytes++;
  }
  return bytes;
}

/** Writes an int64; returns the index behind it. */
export function writeVarlong(out: Uint8Array, at: number, value: bigint): number {
  let rest = zigzag64(value);
  let position = at;
  while (rest >= 0x80n) {
    out[position++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  out[position++] = Number(rest);
  return position;
}

/** Bytes of an int64 within ±2^52, given as a Number. */
export function varlongNumberBytes(value: number): number {
  if (value >= -INT30 && value < INT30) return varintBytes(value);
  let bytes = 1;
  for (let rest = zigzagNumber(value); rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** `writeVarlong` of an int64 within ±2^52, given as a Number. */
export function writeVarlongNumber(out: Uint8Array, at: number, value: number): number {
  if (value >= -INT30 && value < INT30) return writeVarint(out, at, value);
  let rest = zigzagNumber(value);
  let position = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[position++] = (rest % 0x80) | 0x80;
  out[position++] = rest;
  return position;
}

const INT30 = 0x4000_0000;

function zigzagNumber(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function zigzag64(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}

/** Reads the int64 that begins at `at` and ends before `end`. @throws BATCH_CORRUPT */
export function readVarlong(bytes: Uint8Array, at: number, end: number): bigint {
  let value = 0n;
  for (let i = 0; i < MAX_VARLONG_BYTES; i++) {
    if (at + i >= end) throw varintFault('is cut off');
    const byte = bytes[at + i] as number;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) {
      const raw = BigInt.asUintN(64, value);
      return BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n));
    }
  }
  throw varintFault('is too long');
}

export function varintFault(what: string): CausewayError {
  return new CausewayError('BATCH_CORRUPT', `a variable-length number of a record ${what}`);
}
