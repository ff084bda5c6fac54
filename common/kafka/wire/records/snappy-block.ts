import { CausewayError } from '../../../errors/error.js';
import { copyMatch } from './lz4-frame.js';

/**
 * Snappy as Kafka carries it: raw blocks (https://github.com/google/snappy/blob/main/format_description.txt) inside snappy-java's
 * ("xerial") framing, or one bare raw block. Decoding in plain TypeScript, for the same reason as lz4-frame.ts.
 */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;
/** snappy-java's default block. */
const XERIAL_BLOCK_BYTES = 32 * 1024;
/** A copy element of three bytes gives at most 64: nothing can be denser. */
const MAX_RATIO = 64;

/** @throws BATCH_CORRUPT; BATCH_UNSUPPORTED when the content exceeds `maxBytes` */
export function snappyDecompress(input: Buffer, maxBytes: number): Buffer {
  const blocks = isXerial(input) ? xerialBlocks(input) : [input];
  let total = 0;
  for (const block of blocks) total += contentBytes(block).value;
  if (total > maxBytes) {
    throw new CausewayError('BATCH_UNSUPPORTED', `a snappy batch holds ${total} bytes, the limit is ${maxBytes}`);
  }
  const output = Buffer.allocUnsafeSlow(total);
  let written = 0;
  for (const block of blocks) {
    const { value, next } = contentBytes(block);
    decodeBlock(block, next, output, written, written + value);
    written += value;
  }
  return output;
}

/** The content in snappy-java's framing, each block compressed by `compressBlock` (raw snappy). */
export function snappyFrame(content: Buffer, compressBlock: (block: Buffer) => Buffer): Buffer {
  const header = Buffer.alloc(XERIAL_HEADER_BYTES);
  XERIAL_MAGIC.copy(header);
  header.writeInt32BE(1, 8);
  header.writeInt32BE(1, 12);
  const parts: Buffer[] = [header];
  for (let at = 0; at < content.length; at += XERIAL_BLOCK_BYTES) {
    const block = compressBlock(content.subarray(at, at + XERIAL_BLOCK_BYTES));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

function isXerial(input: Buffer): boolean {
  return input.length >= XERIAL_HEADER_BYTES && input.compare(XERIAL_MAGIC, 0, 8, 0, 8) === 0;
}

function xerialBlocks(input: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < input.length; ) {
    if (at + 4 > input.length) throw corrupt('a block’s length is cut off');
    const length = input.readInt32BE(at);
    at += 4;
    if (length <= 0 || at + length > input.length) throw corrupt(`a block claims ${length} bytes`);
    blocks.push(input.subarray(at, at + length));
    at += length;
  }
  return blocks;
}

/** The varint in front of a raw block, and the index behind it. */
function contentBytes(block: Buffer): { value: number; next: number } {
  let value = 0;
  for (let i = 0, scale = 1; i < 5 && i < block.length; i++, scale *= 128) {
    const byte = block[i] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (value > block.length * MAX_RATIO) throw corrupt(`${block.length} bytes claim to hold ${value}`);
      return { value, next: i + 1 };
    }
  }
  throw corrupt('the content length is cut off');
}

function decodeBlock(input: Buffer, start: number, output: Buffer, base: number, limit: number): void {
  const end = input.length;
  let at = start;
  let out = base;
  while (at < end) {
    const tag = input[at++] as number;
    const kind = tag & 3;
    if (kind === 0) {
      let length = (tag >> 2) + 1;
      if (length > 60) {
        const extra = length - 60;
        if (at + extra > end) throw corrupt('a literal’s length is cut off');
        length = input.readUIntLE(at, extra) + 1;
        at += extra;
      }
      if (at + length > end || out + length > limit) throw corrupt('a literal reaches beyond its block');
      input.copy(output, out, at, at + length);
      at += length;
      out += length;
      continue;
    }
    const extra = kind === 3 ? 4 : kind;
    if (at + extra > end) throw corrupt('a copy’s distance is cut off');
    const low = input.readUIntLE(at, extra);
    at += extra;
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const distance = kind === 1 ? ((tag >> 5) << 8) | low : low;
    if (distance === 0 || distance > out - base || out + length > limit)
      throw corrupt('a copy reaches outside its block');
    copyMatch(output, out, distance, length);
    out += length;
  }
  if (out !== limit) throw corrupt('a block holds less than it claims');
}

function corrupt(what: string): CausewayError {
  return new CausewayError('BATCH_CORRUPT', `snappy: ${what}`);
}
