import zlib from 'node:zlib';

/**
 * A small encoder of the message formats 0 and 1, made from their description alone (https://kafka.apache.org/documentation/#messageset,
 * KIP-31, KIP-32, KAFKA-3160) and sharing nothing with the product.
 */
export type OldMagic = 0 | 1;
export type OldCodec = 'none' | 'gzip' | 'snappy' | 'lz4';
export const OLD_CODECS: readonly OldCodec[] = ['none', 'gzip', 'snappy', 'lz4'];

const LOG_APPEND_TIME = 0x08;

export interface OldMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Not written in magic 0. */
  readonly timestamp: bigint;
}

/** Bit by bit, so that it cannot share a fault with a table. */
function crc32(bytes: Buffer): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function field(bytes: Buffer | null): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes?.length ?? -1);
  return bytes === null ? length : Buffer.concat([length, bytes]);
}

/** Gives an entry whose bytes were changed a right CRC again. */
export function resealEntry(entry: Buffer): Buffer {
  if (entry.length > 16) entry.writeUInt32BE(crc32(entry.subarray(16)), 12);
  return entry;
}

export function oldEntry(magic: OldMagic, offset: number, message: OldMessage, attributes = 0): Buffer {
  const head = Buffer.alloc(magic === 0 ? 18 : 26);
  head.writeBigInt64BE(BigInt(offset), 0);
  head[16] = magic;
  head[17] = attributes;
  if (magic === 1) head.writeBigInt64BE(message.timestamp, 18);
  const entry = Buffer.concat([head, field(message.key), field(message.value)]);
  entry.writeInt32BE(entry.length - 12, 8);
  return resealEntry(entry);
}

export interface OldSetOptions {
  readonly magic: OldMagic;
  readonly codec: OldCodec;
  /** Offset of each message, growing. */
  readonly offsets: readonly number[];
  /** The log append time of a compressed set of magic 1. */
  readonly appendTime?: bigint;
  /** What the inner offsets of magic 1 begin with; default 0. Compaction leaves more. */
  readonly firstInner?: number;
}

/** The entries a broker would keep for these messages: one each, or one wrapper around all of them. */
export function oldSet(messages: readonly OldMessage[], options: OldSetOptions): Buffer {
  const { magic, codec, offsets, appendTime } = options;
  if (codec === 'none') {
    return Buffer.concat(messages.map((message, index) => oldEntry(magic, offsets[index] as number, message)));
  }
  const base = magic === 0 ? 0 : (offsets[0] as number) - (options.firstInner ?? 0);
  const inner = messages.map((message, index) => oldEntry(magic, (offsets[index] as number) - base, message));
  let latest = -1n;
  for (const { timestamp } of messages) if (timestamp > latest) latest = timestamp;
  return oldWrapper(magic, codec, offsets.at(-1) as number, Buffer.concat(inner), appendTime ?? latest, appendTime);
}

export function oldWrapper(
  magic: OldMagic,
  codec: OldCodec,
  offset: number,
  content: Buffer,
  timestamp = -1n,
  appendTime?: bigint,
): Buffer {
  const attributes = OLD_CODECS.indexOf(codec) | (appendTime === undefined ? 0 : LOG_APPEND_TIME);
  const value = compressed(magic, codec, content);
  return oldEntry(magic, offset, { key: null, value, timestamp }, attributes);
}

function compressed(magic: OldMagic, codec: OldCodec, content: Buffer): Buffer {
  if (codec === 'gzip') return zlib.gzipSync(content);
  if (codec === 'snappy') return xerial(content);
  return codec === 'lz4' ? storedLz4(magic, content) : content;
}

/** Raw snappy blocks of nothing but literals in snappy-java's framing. */
function xerial(content: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from('82534e41505059000000000100000001', 'hex')];
  for (let at = 0; at < content.length; at += 32_768) {
    const piece = content.subarray(at, at + 32_768);
    const head: number[] = [];
    let rest = piece.length;
    for (; rest >= 0x80; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
    // A literal whose length follows in two bytes.
    head.push(rest, 61 << 2, (piece.length - 1) & 0xff, (piece.length - 1) >>> 8);
    const length = Buffer.alloc(4);
    length.writeInt32BE(head.length + piece.length);
    parts.push(length, Buffer.from(head), piece);
  }
  return Buffer.concat(parts);
}

/** A frame of stored blocks. Magic 0 has the header checksum of clients before KAFKA-3160: that of the frame's magic number as well. */
function storedLz4(magic: OldMagic, content: Buffer): Buffer {
  const head = Buffer.from('04224d186040', 'hex');
  const checksum = (xxh32(magic === 0 ? head : head.subarray(4)) >>> 8) & 0xff;
  const parts: Buffer[] = [head, Buffer.from([checksum])];
  for (let at = 0; at < content.length; at += 65_536) {
    const piece = content.subarray(at, at + 65_536);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(0x8000_0000 + piece.length);
    parts.push(length, piece);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

/** xxHash32 with seed 0 of fewer than 16 bytes. */
function xxh32(bytes: Buffer): number {
  const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  let hash = (0x1656_67b1 + bytes.length) | 0;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = (hash + Math.imul(bytes.readUInt32LE(at), 0xc2b2_ae3d)) | 0;
    hash = Math.imul(rotated(hash, 17), 0x27d4_eb2f);
  }
  for (; at < bytes.length; at++) {
    hash = (hash + Math.imul(bytes[at] as number, 0x1656_67b1)) | 0;
    hash = Math.imul(rotated(hash, 11), 0x9e37_79b1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca77);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae3d);
  return (hash ^ (hash >>> 16)) >>> 0;
}
