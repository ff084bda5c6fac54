import { crc32 } from '@node-rs/crc32';
import type { AuditRecord } from './record.js';

/*
 * What the load generator puts into each record so that the auditor knows it anywhere: magic, run, topic, partition,
 * sequence, wanted timestamp, and a checksum over them. It opens the value; records without room there carry it at the
 * start of the key, records with neither in a header of its own.
 */

export const TAG_BYTES = 36;
export const TAG_HEADER = Buffer.from('audit-tag');
const MAGIC = 0x43774131;

export interface Tag {
  readonly run: number;
  /** `topicHash` of the topic's name at the source. */
  readonly topic: number;
  readonly partition: number;
  readonly sequence: number;
  readonly timestamp: number;
}

/** 32 bits that stand for a topic's name in tags. */
export function topicHash(topic: string): number {
  return crc32(Buffer.from(topic));
}

export function writeTag(into: Buffer, tag: Tag, at = 0): void {
  into.writeUInt32BE(MAGIC, at);
  into.writeUInt32BE(tag.run, at + 4);
  into.writeUInt32BE(tag.topic, at + 8);
  into.writeUInt32BE(tag.partition, at + 12);
  into.writeDoubleBE(tag.sequence, at + 16);
  into.writeDoubleBE(tag.timestamp, at + 24);
  into.writeUInt32BE(crc32(into.subarray(at, at + 32)), at + 32);
}

function tagAt(bytes: Buffer | null): Tag | undefined {
  if (bytes === null || bytes.length < TAG_BYTES || bytes.readUInt32BE(0) !== MAGIC) return undefined;
  if (bytes.readUInt32BE(32) !== crc32(bytes.subarray(0, 32))) return undefined;
  return {
    run: bytes.readUInt32BE(4),
    topic: bytes.readUInt32BE(8),
    partition: bytes.readUInt32BE(12),
    sequence: bytes.readDoubleBE(16),
    timestamp: bytes.readDoubleBE(24),
  };
}

/** The record's tag; undefined where it never had one or where it was damaged. */
export function tagOf(record: AuditRecord): Tag | undefined {
  const tag = tagAt(record.value) ?? tagAt(record.key);
  if (tag !== undefined) return tag;
  for (const [key, value] of record.headers) {
    if (key.equals(TAG_HEADER)) return tagAt(value);
  }
  return undefined;
}
