import { CausewayError } from '../errors/error.js';

/*
 * Records of MirrorMaker 2's own topics, byte for byte as org.apache.kafka.connect.mirror.{Heartbeat,Checkpoint,OffsetSync} write them:
 * big-endian, STRING = INT16 length in bytes + UTF-8. Keys and values are never null: a tombstone makes the Java readers throw.
 */

export interface Mm2Record {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** `heartbeats`: that the flow lives. */
export interface Heartbeat {
  readonly sourceClusterAlias: string;
  readonly targetClusterAlias: string;
  /** ms since 1970. */
  readonly timestampMs: bigint;
}

/** `<source>.checkpoints.internal`: where a group of the source would go on at the target. */
export interface Checkpoint {
  readonly group: string;
  /** The target's name. */
  readonly topic: string;
  readonly partition: number;
  /** Committed at the source. */
  readonly upstreamOffset: bigint;
  /** Its translation. */
  readonly downstreamOffset: bigint;
  /** As committed at the source; '' for none. */
  readonly metadata: string;
}

/** `mm2-offset-syncs.<alias>.internal`: a copied record's offset on both sides. */
export interface OffsetSync {
  /** The source's name. */
  readonly topic: string;
  readonly partition: number;
  readonly upstreamOffset: bigint;
  readonly downstreamOffset: bigint;
}

const VERSION = 0;
const MAX_STRING_BYTES = 0x7fff;

/** key: sourceClusterAlias STRING, targetClusterAlias STRING; value: version INT16, timestamp INT64. */
export function encodeHeartbeat({ sourceClusterAlias, targetClusterAlias, timestampMs }: Heartbeat): Mm2Record {
  const value = Buffer.alloc(10);
  value.writeInt16BE(VERSION, 0);
  value.writeBigInt64BE(timestampMs, 2);
  return { key: Buffer.concat([string(sourceClusterAlias), string(targetClusterAlias)]), value };
}

/** key: group STRING, topic STRING, partition INT32; value: version INT16, upstreamOffset INT64, offset INT64, metadata STRING. */
export function encodeCheckpoint(checkpoint: Checkpoint): Mm2Record {
  const { group, topic, partition, upstreamOffset, downstreamOffset, metadata } = checkpoint;
  const head = Buffer.alloc(18);
  head.writeInt16BE(VERSION, 0);
  head.writeBigInt64BE(upstreamOffset, 2);
  head.writeBigInt64BE(downstreamOffset, 10);
  return {
    key: Buffer.concat([string(group), string(topic), int32(partition)]),
    value: Buffer.concat([head, string(metadata)]),
  };
}

/** key: topic STRING, partition INT32; value, without a version: upstreamOffset INT64, offset INT64. */
export function encodeOffsetSync({ topic, partition, upstreamOffset, downstreamOffset }: OffsetSync): Mm2Record {
  const value = Buffer.alloc(16);
  value.writeBigInt64BE(upstreamOffset, 0);
  value.writeBigInt64BE(downstreamOffset, 8);
  return { key: Buffer.concat([string(topic), int32(partition)]), value };
}

/** @throws KAFKA_PROTOCOL when the bytes are none; so do all decoders here */
export function decodeHeartbeat({ key, value }: Mm2Record): Heartbeat {
  const names = new Fields(key);
  const sourceClusterAlias = names.string();
  const targetClusterAlias = names.string();
  const fields = versioned(value);
  return { sourceClusterAlias, targetClusterAlias, timestampMs: fields.int64() };
}

export function decodeCheckpoint({ key, value }: Mm2Record): Checkpoint {
  const place = new Fields(key);
  const group = place.string();
  const topic = place.string();
  const partition = place.int32();
  const fields = versioned(value);
  const upstreamOffset = fields.int64();
  const downstreamOffset = fields.int64();
  return { group, topic, partition, upstreamOffset, downstreamOffset, metadata: fields.string() };
}

export function decodeOffsetSync({ key, value }: Mm2Record): OffsetSync {
  const place = new Fields(key);
  const topic = place.string();
  const partition = place.int32();
  const fields = new Fields(value);
  return { topic, partition, upstreamOffset: fields.int64(), downstreamOffset: fields.int64() };
}

function versioned(value: Buffer): Fields {
  const fields = new Fields(value);
  const version = fields.int16();
  if (version !== VERSION) throw malformed(`version ${version} of the record is not known`);
  return fields;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > MAX_STRING_BYTES) throw malformed(`a string of ${bytes.length} bytes is too long`);
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length, 0);
  return Buffer.concat([length, bytes]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value, 0);
  return bytes;
}

/** Reads fields in order; what follows the last is ignored, as the Java readers do. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#move(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#move(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#move(8));
  }

  string(): string {
    const length = this.int16();
    const at = this.#move(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  #move(bytes: number): number {
    const at = this.#at;
    if (bytes < 0 || at + bytes > this.#bytes.length) {
      throw malformed(`a field of ${bytes} bytes at ${at}, of ${this.#bytes.length} bytes`);
    }
    this.#at = at + bytes;
    return at;
  }
}

function malformed(message: string): CausewayError {
  return new CausewayError('KAFKA_PROTOCOL', `not a record of MirrorMaker 2: ${message}`);
}
