import { crc32c } from '@node-rs/crc32';
import type { TreeEffect } from './tree.js';

/*
 * A file is an 8-byte magic and frames: u32 length of the payload, u32 CRC-32C of the payload, payload (big endian).
 * Payload: u64 transaction, u32 number of effects, effects. Effect: u8 type, u16 length of the path, path;
 * put (1) adds u32 version, u64 creation transaction, u32 length of the data, data; remove (2) adds nothing.
 * A snapshot's first frame has no effects and says how many nodes follow: u64 transaction, u32 nodes.
 */
export const JOURNAL_MAGIC = Buffer.from('CWJRNL01');
export const SNAPSHOT_MAGIC = Buffer.from('CWSNAP01');
const FRAME_HEADER_BYTES = 8;
const PAYLOAD_HEADER_BYTES = 12;
const PUT = 1;
const REMOVE = 2;

/** The changes of one group commit, or a part of a snapshot. */
export interface Batch {
  readonly transaction: bigint;
  readonly effects: readonly TreeEffect[];
}

export type Frame =
  | { readonly kind: 'whole'; readonly payload: Buffer; readonly end: number }
  /** The file ends inside the frame, or before its header was written: a write that was never acknowledged. */
  | { readonly kind: 'torn' }
  /** Damage with further data behind it, which was only written after this frame was safely on disk. */
  | { readonly kind: 'corrupt' };

export function frameOf(payload: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(crc32c(payload), 4);
  return Buffer.concat([header, payload]);
}

/** The frame at `offset`, which is before the end of the file. */
export function readFrame(file: Buffer, offset: number): Frame {
  const start = offset + FRAME_HEADER_BYTES;
  if (start > file.length) return { kind: 'torn' };
  const length = file.readUInt32BE(offset);
  const end = start + length;
  if (end > file.length) return { kind: 'torn' };
  const payload = file.subarray(start, end);
  const whole = length >= PAYLOAD_HEADER_BYTES && crc32c(payload) === file.readUInt32BE(offset + 4);
  if (whole) return { kind: 'whole', payload, end };
  // The last write may have reached the disk in any part: an unwritten header reads as zeros.
  const unwritten = length === 0 && file.readUInt32BE(offset + 4) === 0;
  return { kind: unwritten || end === file.length ? 'torn' : 'corrupt' };
}

export function encodeBatch(batch: Batch): Buffer {
  const head = Buffer.alloc(PAYLOAD_HEADER_BYTES);
  head.writeBigUInt64BE(batch.transaction, 0);
  head.writeUInt32BE(batch.effects.length, 8);
  return Buffer.concat([head, ...batch.effects.flatMap(encodeEffect)]);
}

function encodeEffect(effect: TreeEffect): Buffer[] {
  const path = Buffer.from(effect.path);
  const head = Buffer.alloc(3);
  head.writeUInt8(effect.type === 'put' ? PUT : REMOVE, 0);
  head.writeUInt16BE(path.length, 1);
  if (effect.type === 'remove') return [head, path];
  const numbers = Buffer.alloc(16);
  numbers.writeUInt32BE(effect.version, 0);
  numbers.writeBigUInt64BE(effect.createdAt, 4);
  numbers.writeUInt32BE(effect.data.length, 12);
  return [head, path, numbers, effect.data];
}

/** Throws RangeError where a payload with a good checksum does not follow the format. */
export function decodeBatch(payload: Buffer): Batch {
  const transaction = payload.readBigUInt64BE(0);
  const count = payload.readUInt32BE(8);
  const effects: TreeEffect[] = [];
  let at = PAYLOAD_HEADER_BYTES;
  for (let i = 0; i < count; i += 1) {
    const type = payload.readUInt8(at);
    const pathEnd = at + 3 + payload.readUInt16BE(at + 1);
    const path = payload.toString('utf8', at + 3, pathEnd);
    if (type === REMOVE) {
      effects.push({ type: 'remove', path });
      at = pathEnd;
      continue;
    }
    if (type !== PUT) throw new RangeError(`effect of type ${type}`);
    const version = payload.readUInt32BE(pathEnd);
    const createdAt = payload.readBigUInt64BE(pathEnd + 4);
    const dataStart = pathEnd + 16;
    at = dataStart + payload.readUInt32BE(pathEnd + 12);
    if (at > payload.length) throw new RangeError('data beyond the frame');
    effects.push({ type: 'put', path, version, createdAt, data: Buffer.from(payload.subarray(dataStart, at)) });
  }
  return { transaction, effects };
}

/** `nodes` is written in the place of the number of effects. */
export function encodeSnapshotHead(transaction: bigint, nodes: number): Buffer {
  const head = Buffer.alloc(PAYLOAD_HEADER_BYTES);
  head.writeBigUInt64BE(transaction, 0);
  head.writeUInt32BE(nodes, 8);
  return head;
}

export function decodeSnapshotHead(payload: Buffer): { readonly transaction: bigint; readonly nodes: number } {
  return { transaction: payload.readBigUInt64BE(0), nodes: payload.readUInt32BE(8) };
}
