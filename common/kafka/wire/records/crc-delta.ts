import { MAX_BATCH_BYTES } from './batch-header.js';
import { CRC32C_TABLE } from './crc32c-table.js';

/**
 * CRC-32C after a change of a few bytes, without reading the rest. A CRC is linear: crc(new) xor crc(old) is the plain remainder
 * (no initial value, no final inversion) of (new xor old). The remainder of the changed bytes is multiplied by x^(8n) for the n
 * unchanged bytes behind them; multiplying by x^(8 * 2^k) is a fixed linear map, kept as four tables of 256 words for each k.
 * The old CRC is trusted, not checked: a batch damaged before keeps a wrong CRC afterwards, so the target still detects it.
 */
const POWERS = 29; // 2^28 = MAX_BATCH_BYTES
const WORDS_PER_POWER = 4 * 256;
const SHIFT_TABLES = buildShiftTables();

/** `POSITION_TABLES[256 * k + b]`: the remainder of byte b with k zero bytes behind it; look-ups that do not wait for each other. */
const POSITIONS = 36;
const POSITION_TABLES = buildPositionTables();

function buildPositionTables(): Int32Array {
  const tables = new Int32Array(POSITIONS * 256);
  tables.set(CRC32C_TABLE);
  for (let at = 256; at < tables.length; at++) {
    const previous = tables[at - 256] as number;
    tables[at] = (previous >>> 8) ^ (CRC32C_TABLE[previous & 0xff] as number);
  }
  return tables;
}

function buildShiftTables(): Int32Array {
  const tables = new Int32Array(POWERS * WORDS_PER_POWER);
  for (let bit = 0; bit < 32; bit++) {
    // x^8 on a single bit: one zero byte through the ordinary table.
    const unit = 1 << bit;
    storeUnit(tables, 0, bit, (unit >>> 8) ^ (CRC32C_TABLE[unit & 0xff] as number));
  }
  fillFromUnits(tables, 0);
  for (let power = 1; power < POWERS; power++) {
    for (let bit = 0; bit < 32; bit++) {
      const once = applyShift(tables, power - 1, 1 << bit);
      storeUnit(tables, power, bit, applyShift(tables, power - 1, once));
    }
    fillFromUnits(tables, power);
  }
  return tables;
}

function storeUnit(tables: Int32Array, power: number, bit: number, value: number): void {
  tables[power * WORDS_PER_POWER + (bit >>> 3) * 256 + (1 << (bit & 7))] = value;
}

/** Every other entry is the xor of its lowest bit's entry and the rest's. */
function fillFromUnits(tables: Int32Array, power: number): void {
  for (let lane = 0; lane < 4; lane++) {
    const at = power * WORDS_PER_POWER + lane * 256;
    for (let byte = 1; byte < 256; byte++) {
      const lowest = byte & -byte;
      if (lowest !== byte)
        tables[at + byte] = (tables[at + lowest] as number) ^ (tables[at + (byte ^ lowest)] as number);
    }
  }
}

function applyShift(tables: Int32Array, power: number, value: number): number {
  const at = power * WORDS_PER_POWER;
  return (
    (tables[at + (value & 0xff)] as number) ^
    (tables[at + 256 + ((value >>> 8) & 0xff)] as number) ^
    (tables[at + 512 + ((value >>> 16) & 0xff)] as number) ^
    (tables[at + 768 + (value >>> 24)] as number)
  );
}

/**
 * The remainder after `zeroBytes` more zero bytes.
 * @param zeroBytes 0 up to MAX_BATCH_BYTES
 */
export function shiftRemainder(remainder: number, zeroBytes: number): number {
  let value = remainder;
  let rest = zeroBytes;
  for (let power = 0; rest !== 0; power++, rest >>>= 1) {
    if (rest & 1) value = applyShift(SHIFT_TABLES, power, value);
  }
  return value;
}

/**
 * The CRC of `oldBytes[oldAt..]` after `changedBytes` of them became those of `newBytes[newAt..]`, with `trailingBytes` unchanged
 * bytes behind, all inside the CRC's range. Bytes before the change do not matter.
 * @param changedBytes at most 36: the header from the attributes to the base sequence
 * @returns unsigned 32 bits
 */
export function patchCrc32c(
  oldCrc: number,
  oldBytes: Uint8Array,
  oldAt: number,
  newBytes: Uint8Array,
  newAt: number,
  changedBytes: number,
  trailingBytes: number,
): number {
  if (changedBytes > POSITIONS || trailingBytes < 0 || trailingBytes > MAX_BATCH_BYTES) {
    throw new RangeError(`${changedBytes} changed and ${trailingBytes} trailing bytes`);
  }
  let remainder = 0;
  let table = (changedBytes - 1) * 256;
  for (let i = 0; i < changedBytes; i++, table -= 256) {
    const difference = (oldBytes[oldAt + i] as number) ^ (newBytes[newAt + i] as number);
    if (difference !== 0) remainder ^= POSITION_TABLES[table + difference] as number;
  }
  return (oldCrc ^ shiftRemainder(remainder, trailingBytes)) >>> 0;
}
