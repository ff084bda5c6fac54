import { gzipSync } from 'node:zlib';
import type { CodecName } from '../../common/kafka/wire/records/compression.js';
import { snappyFrame } from '../../common/kafka/wire/records/snappy-block.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Compressed blocks that claim, and mostly hold, `bytes` of zeros in next to nothing. */
export function bomb(codec: Exclude<CodecName, 'none'>, bytes: number): Buffer {
  switch (codec) {
    case 'gzip':
      return gzipSync(Buffer.alloc(bytes));
    case 'zstd':
      return zstdBomb(bytes);
    case 'lz4':
      return lz4Bomb(bytes);
    case 'snappy':
      return snappyFrame(Buffer.alloc(bytes), snappyZeros);
  }
}

/** RFC 8878: a frame with a window of 1 MiB and nothing but blocks of one repeated byte. */
function zstdBomb(bytes: number): Buffer {
  const blockBytes = 128 * KIB;
  const blocks = Math.ceil(bytes / blockBytes);
  const out = Buffer.alloc(6 + 4 * blocks);
  out.writeUInt32LE(0xfd2fb528, 0);
  out[5] = 10 << 3;
  for (let i = 0; i < blocks; i += 1) {
    out.writeUIntLE((blockBytes << 3) | (1 << 1) | (i === blocks - 1 ? 1 : 0), 6 + 4 * i, 3);
  }
  return out;
}

/** Blocks of 4 MiB: one literal, then a match of distance 1 as long as the block allows, then five literals. */
function lz4Bomb(bytes: number): Buffer {
  const blockBytes = 4 * MIB;
  const matchBytes = blockBytes - 6;
  const more = matchBytes - 4 - 15;
  const block = Buffer.concat([
    Buffer.from([0x1f, 0, 1, 0]),
    Buffer.alloc(Math.floor(more / 255), 255),
    Buffer.from([more % 255, 0x50, 0, 0, 0, 0, 0]),
  ]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  const blocks = new Array<Buffer>(Math.ceil(bytes / blockBytes)).fill(Buffer.concat([size, block]));
  return Buffer.concat([Buffer.from('04224d18407082', 'hex'), ...blocks, Buffer.alloc(4)]);
}

/** A raw snappy block of zeros: one literal, then copies of 64 bytes from one byte back. */
function snappyZeros(content: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) break;
  }
  const parts: Buffer[] = [Buffer.from([...length, 0, 0])];
  let left = content.length - 1;
  const whole = Math.floor(left / 64);
  parts.push(...new Array<Buffer>(whole).fill(Buffer.from([(63 << 2) | 2, 1, 0])));
  left -= whole * 64;
  if (left > 0) parts.push(Buffer.from([((left - 1) << 2) | 2, 1, 0]));
  return Buffer.concat(parts);
}
