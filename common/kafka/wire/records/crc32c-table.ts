/** The Castagnoli polynomial 0x1EDC6F41, bits reflected. */
export const CRC32C_POLYNOMIAL = 0x82f63b78 | 0;

const SLICES = 8;
const TABLES = buildTables();

/** `CRC32C_TABLE[b]`: the raw remainder after one byte b; the first of the slicing tables. */
export const CRC32C_TABLE: Int32Array = TABLES.subarray(0, 256);

function buildTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ CRC32C_POLYNOMIAL : value >>> 1;
    tables[byte] = value;
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const previous = tables[(slice - 1) * 256 + byte] as number;
      tables[slice * 256 + byte] = (previous >>> 8) ^ (tables[previous & 0xff] as number);
    }
  }
  return tables;
}

/** CRC-32C of the bytes as an unsigned 32-bit number, in plain JavaScript (slicing by eight). */
export function crc32cPortable(data: Uint8Array, start = 0, end = data.length): number {
  const t = TABLES as unknown as Record<number, number> & Int32Array;
  const bulk = end - ((end - start) % SLICES);
  const d = data as unknown as Record<number, number>;
  let crc = -1;
  let i = start;
  for (; i < bulk; i += SLICES) {
    crc ^= at(d, i) | (at(d, i + 1) << 8) | (at(d, i + 2) << 16) | (at(d, i + 3) << 24);
    crc =
      at(t, 1792 + (crc & 0xff)) ^
      at(t, 1536 + ((crc >>> 8) & 0xff)) ^
      at(t, 1280 + ((crc >>> 16) & 0xff)) ^
      at(t, 1024 + (crc >>> 24)) ^
      at(t, 768 + at(d, i + 4)) ^
      at(t, 512 + at(d, i + 5)) ^
      at(t, 256 + at(d, i + 6)) ^
      at(t, at(d, i + 7));
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ at(t, (crc ^ at(d, i)) & 0xff);
  return ~crc >>> 0;
}

function at(array: Record<number, number>, index: number): number {
  return array[index] as number;
}
