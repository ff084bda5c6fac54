import { CausewayError } from '../../../errors/error.js';

/**
 * LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), decoding only, in plain TypeScript: the input comes
 * from strangers, and here every length is checked and the output never exceeds its limit. Checksums of the frame are not checked: the
 * batch's CRC-32C covers them. (Old Kafka clients wrote a wrong header checksum anyway.)
 */
const FRAME_MAGIC = 0x184d2204;
const VERSION_MASK = 0xc0;
const VERSION_1 = 0x40;
const BLOCK_CHECKSUM_FLAG = 0x10;
const CONTENT_SIZE_FLAG = 0x08;
const DICTIONARY_FLAG = 0x01;
const UNCOMPRESSED_BLOCK = 0x8000_0000;
const MIN_MATCH = 4;

interface Frame {
  readonly dataStart: number;
  readonly blockChecksumBytes: number;
  readonly maxBlockBytes: number;
}

/** @throws BATCH_CORRUPT; BATCH_UNSUPPORTED when the content exceeds `maxBytes` or needs a dictionary */
export function lz4Decompress(input: Buffer, maxBytes: number): Buffer {
  const frame = readFrameHeader(input);
  const bound = contentBound(input, frame, maxBytes);
  const output = Buffer.allocUnsafeSlow(bound);
  let at = frame.dataStart;
  let written = 0;
  for (;;) {
    const word = readUInt32(input, at);
    at += 4;
    if (word === 0) break;
    const size = word & 0x7fff_ffff;
    // The bound has walked the same blocks: they lie inside the input.
    const limit = Math.min(bound, written + frame.maxBlockBytes);
    if (word >= UNCOMPRESSED_BLOCK) {
      if (written + size > limit) throw corrupt('a block is larger than the frame allows');
      input.copy(output, written, at, at + size);
      written += size;
    } else {
      written = decodeBlock(input, at, at + size, output, written, limit);
    }
    at += size + frame.blockChecksumBytes;
  }
  return output.subarray(0, written);
}

function readFrameHeader(input: Buffer): Frame {
  if (input.length < 7 || input.readUInt32LE(0) !== FRAME_MAGIC) throw corrupt('the frame’s magic number is missing');
  const flags = input[4] as number;
  const sizeCode = ((input[5] as number) >> 4) & 7;
  if ((flags & VERSION_MASK) !== VERSION_1 || sizeCode < 4) throw corrupt('the frame’s descriptor is not valid');
  if ((flags & DICTIONARY_FLAG) !== 0) throw new CausewayError('BATCH_UNSUPPORTED', 'an lz4 frame needs a dictionary');
  return {
    dataStart: 7 + ((flags & CONTENT_SIZE_FLAG) === 0 ? 0 : 8),
    blockChecksumBytes: (flags & BLOCK_CHECKSUM_FLAG) === 0 ? 0 : 4,
    maxBlockBytes: 1 << (8 + 2 * sizeCode),
  };
}

/** Walks the block headers only: what the content can be at most, so that one buffer of honest size is allocated. */
function contentBound(input: Buffer, frame: Frame, maxBytes: number): number {
  let at = frame.dataStart;
  let bound = 0;
  for (;;) {
    const word = readUInt32(input, at);
    at += 4;
    if (word === 0) return bound;
    const size = word & 0x7fff_ffff;
    at += size + frame.blockChecksumBytes;
    if (at > input.length) throw corrupt('a block reaches beyond the frame');
    // A length byte of 255 is the densest thing a block can hold.
    bound += word >= UNCOMPRESSED_BLOCK ? size : Math.min(frame.maxBlockBytes, size * 255);
    if (bound > maxBytes) {
      throw new CausewayError('BATCH_UNSUPPORTED', `an lz4 frame may hold more than the limit of ${maxBytes} bytes`);
    }
  }
}

/** Decodes one block behind `written`; matches may reach back into earlier blocks. Returns the new end. */
function decodeBlock(
  input: Buffer,
  start: number,
  end: number,
  output: Buffer,
  written: number,
  limit: number,
): number {
  let at = start;
  let out = written;
  while (at < end) {
    const token = input[at++] as number;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && at < end) literals += more = input[at++] as number;
    }
    if (at + literals > end || out + literals > limit) throw corrupt('literals reach beyond their block');
    if (literals > 32) input.copy(output, out, at, at + literals);
    else for (let i = 0; i < literals; i++) output[out + i] = input[at + i] as number;
    at += literals;
    out += literals;
    if (at === end) return out; // The last sequence is literals only.
    if (at + 2 > end) throw corrupt('a match has no distance');
    const distance = (input[at] as number) | ((input[at + 1] as number) << 8);
    at += 2;
    let length = (token & 15) + MIN_MATCH;
    if (length === 15 + MIN_MATCH) {
      let more = 255;
      while (more === 255 && at < end) length += more = input[at++] as number;
    }
    if (distance === 0 || distance > out || out + length > limit) throw corrupt('a match reaches outside the content');
    copyMatch(output, out, distance, length);
    out += length;
  }
  return out;
}

/** Copies from `distance` back; source and destination may overlap, and then repeat. */
export function copyMatch(output: Buffer, at: number, distance: number, length: number): void {
  if (distance >= length && length > 32) output.copyWithin(at, at - distance, at - distance + length);
  else if (distance === 1 && length > 32) output.fill(output[at - 1] as number, at, at + length);
  else for (let i = at; i < at + length; i++) output[i] = output[i - distance] as number;
}

function readUInt32(input: Buffer, at: number): number {
  if (at + 4 > input.length) throw corrupt('the frame is cut off');
  return input.readUInt32LE(at);
}

function corrupt(what: string): CausewayError {
  return new CausewayError('BATCH_CORRUPT', `lz4: ${what}`);
}
