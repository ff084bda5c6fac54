import zlib from 'node:zlib';
import { CausewayError } from '../../../errors/error.js';
import { readOffset } from './batch-header.js';

const NOTHING = Buffer.alloc(0);
/** int64 offset and int32 size: what the size does not count. */
const ENTRY_PREFIX_BYTES = 12;
/** CRC, magic, attributes, key length, value length. */
const MIN_MESSAGE_BYTES = 14;
const TIMESTAMP_BYTES = 8;

const CRC_IN_ENTRY = 12;
const MAGIC_IN_ENTRY = 16;
/** One byte. */
export const MESSAGE_ATTRIBUTES_AT = 17;
const BODY_IN_ENTRY = 18;

/**
 * Walks the entries of a message set of the formats 0 and 1 (https://kafka.apache.org/documentation/#messageset), the fields being
 * indexes into `buffer` that speak of the current entry. Each entry is checked, its CRC-32 too. An entry that is cut off ends the
 * walk, as it does for Kafka's own readers.
 *
 * entry: int64 offset, int32 size, uint32 crc (of what follows it), int8 magic, int8 attributes, [int64 timestamp], int32 keyLength, key,
 * int32 valueLength, value
 */
export class MessageCursor {
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** As written: inside a wrapper of magic 1 it is relative. */
  offset = 0;
  magic = 0;
  attributes = 0;
  /** -1 in magic 0, which has no timestamps. */
  timestampStart = -1;
  keyStart = 0;
  /** -1 = null, as for values. */
  keyLength = -1;
  valueStart = 0;
  valueLength = -1;
  #next = 0;
  #end = 0;

  reset(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.#next = start;
    this.#end = end;
    return this;
  }

  /** Moves to the next entry; false behind the last. @throws BATCH_CORRUPT, BATCH_UNSUPPORTED */
  next(): boolean {
    const { buffer } = this;
    const start = this.#next;
    const left = this.#end - start;
    if (left < ENTRY_PREFIX_BYTES) return false;
    const size = buffer.readInt32BE(start + 8);
    if (size < MIN_MESSAGE_BYTES) throw messageFault(`a message claims ${size} bytes`);
    const end = start + ENTRY_PREFIX_BYTES + size;
    if (end > this.#end) return false;
    const magic = buffer.readInt8(start + MAGIC_IN_ENTRY);
    if (magic !== 0 && magic !== 1) throw messageFault(`a message has the magic ${magic}`);
    this.#verifyCrc(start, end);
    this.start = start;
    this.end = end;
    this.offset = readOffset(buffer, start);
    this.magic = magic;
    this.attributes = buffer.readUInt8(start + MESSAGE_ATTRIBUTES_AT);
    const body = start + BODY_IN_ENTRY;
    this.timestampStart = magic === 1 ? body : -1;
    this.#fields(magic === 1 ? body + TIMESTAMP_BYTES : body, end);
    this.#next = end;
    return true;
  }

  #fields(at: number, end: number): void {
    const { buffer } = this;
    if (at + 8 > end) throw messageFault('a message is too short for its fields');
    this.keyLength = buffer.readInt32BE(at);
    this.keyStart = at + 4;
    const behindKey = this.keyStart + Math.max(0, this.keyLength);
    if (this.keyLength < -1 || behindKey + 4 > end) throw messageFault('a message’s key has an impossible length');
    this.valueLength = buffer.readInt32BE(behindKey);
    this.valueStart = behindKey + 4;
    const behindValue = this.valueStart + Math.max(0, this.valueLength);
    if (this.valueLength < -1 || behindValue !== end)
      throw messageFault('a message’s key and value do not fill its length');
  }

  #verifyCrc(start: number, end: number): void {
    const claimed = this.buffer.readUInt32BE(start + CRC_IN_ENTRY);
    const computed = zlib.crc32(this.buffer.subarray(start + MAGIC_IN_ENTRY, end));
    if (claimed !== computed) throw messageFault(`a message’s CRC-32 is ${computed}, it says ${claimed}`);
  }
}

export function messageFault(what: string): CausewayError {
  return new CausewayError('BATCH_CORRUPT', what);
}
