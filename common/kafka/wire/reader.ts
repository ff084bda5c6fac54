import { CausewayError } from '../../errors/error.js';

/** 2^53 - 1 split at bit 32: the high word of the largest int64 that a number holds exactly. */
const MAX_SAFE_HIGH = 0x1f_ffff;
const MIN_SAFE_HIGH = -0x20_0000;

/** More tagged fields than any Kafka message has; bounds what a broker may make us walk. */
const MAX_TAGGED_FIELDS = 1024;

const EMPTY = Buffer.alloc(0);

/** The protocol error all of this folder throws when a peer's bytes do not follow the protocol. */
export function protocolError(message: string): CausewayError {
  return new CausewayError('KAFKA_PROTOCOL', message, {
    fix: 'Check that the address belongs to a Kafka broker and that nothing between alters the bytes.',
  });
}

/**
 * Reads Kafka's primitive types (https://kafka.apache.org/protocol#protocol_types) from a buffer. Every length is checked
 * against what is left before anything is allocated; a violation throws KAFKA_PROTOCOL.
 * `flexible` chooses the encoding of strings, bytes, arrays and tagged fields (KIP-482), so that one decoder serves all versions.
 */
export class Reader {
  readonly #buffer: Buffer;
  readonly #end: number;
  readonly #flexible: boolean;
  #at: number;

  constructor(buffer: Buffer, flexible: boolean, start = 0, end = buffer.length) {
    this.#buffer = buffer;
    this.#flexible = flexible;
    this.#at = start;
    this.#end = end;
  }

  get position(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Moves over `bytes` and gives where they began. */
  #take(bytes: number): number {
    const at = this.#at;
    if (bytes < 0 || bytes > this.#end - at) {
      throw protocolError(`a field of ${bytes} bytes at ${at} where ${this.#end - at} are left`);
    }
    this.#at = at + bytes;
    return at;
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  int8(): number {
    const at = this.#take(1);
    return this.#buffer.readInt8(at);
  }

  int16(): number {
    const at = this.#take(2);
    return this.#buffer.readInt16BE(at);
  }

  int32(): number {
    const at = this.#take(4);
    return this.#buffer.readInt32BE(at);
  }

  int64(): bigint {
    const at = this.#take(8);
    return this.#buffer.readBigInt64BE(at);
  }

  /** An int64 as a number; KAFKA_PROTOCOL beyond +-2^53. For offsets and times, never for producer ids. */
  int64AsNumber(): number {
    const at = this.#take(8);
    const high = this.#buffer.readInt32BE(at);
    if (high > MAX_SAFE_HIGH || high < MIN_SAFE_HIGH) throw protocolError(`an offset or time beyond 2^53 at ${at}`);
    return high * 0x1_0000_0000 + this.#buffer.readUInt32BE(at + 4);
  }

  float64(): number {
    const at = this.#take(8);
    return this.#buffer.readDoubleBE(at);
  }

  /** UNSIGNED_VARINT: at most five bytes, at most 2^32 - 1. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer[this.#take(1)] as number;
      if (shift === 28 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw protocolError(`an unsigned varint of more than 32 bits before ${this.#at}`);
  }

  /** VARINT: zigzag, 32 bits. */
  varint(): number {
    const raw = this.uvarint();
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** VARLONG: zigzag, 64 bits, at most ten bytes. */
  varlong(): bigint {
    let raw = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#buffer[this.#take(1)] as number;
      if (shift === 63n && byte > 1) break;
      raw |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n));
    }
    throw protocolError(`a varlong of more than 64 bits before ${this.#at}`);
  }

  nullableString(): string | null {
    const length = this.#flexible ? this.uvarint() - 1 : this.int16();
    if (length === -1) return null;
    const at = this.#take(length);
    return this.#buffer.toString('utf8', at, at + length);
  }

  string(): string {
    const text = this.nullableString();
    if (text === null) throw protocolError(`null for a string that must not be null before ${this.#at}`);
    return text;
  }

  /** A view of the bytes, not a copy. */
  nullableBytes(): Buffer | null {
    const length = this.#flexible ? this.uvarint() - 1 : this.int32();
    if (length === -1) return null;
    const at = this.#take(length);
    return length === 0 ? EMPTY : this.#buffer.subarray(at, at + length);
  }

  bytes(): Buffer {
    const bytes = this.nullableBytes();
    if (bytes === null) throw protocolError(`null for bytes that must not be null before ${this.#at}`);
    return bytes;
  }

  /**
   * The element count of an array, -1 for null.
   * @param minElementBytes the fewest bytes one element takes: a count that cannot fit into what is left is refused.
   */
  nullableArrayLength(minElementBytes: number): number {
    const count = this.#flexible ? this.uvarint() - 1 : this.int32();
    if (count < -1 || count * minElementBytes > this.remaining) {
      throw protocolError(`an array of ${count} elements before ${this.#at} where ${this.remaining} bytes are left`);
    }
    return count;
  }

  arrayLength(minElementBytes: number): number {
    const count = this.nullableArrayLength(minElementBytes);
    if (count === -1) throw protocolError(`null for an array that must not be null before ${this.#at}`);
    return count;
  }

  /** A whole array; `read` reads one element. */
  array<T>(minElementBytes: number, read: () => T): T[] {
    const count = this.arrayLength(minElementBytes);
    const items: T[] = [];
    for (let i = 0; i < count; i += 1) items.push(read());
    return items;
  }

  /** Canonical text, lower case: `0b5c1c4e-...`. */
  uuid(): string {
    const at = this.#take(16);
    const hex = this.#buffer.toString('hex', at, at + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** Moves over the tagged fields that end every structure of a flexible version; nothing in other versions. */
  tags(): void {
    if (!this.#flexible) return;
    const count = this.uvarint();
    if (count > MAX_TAGGED_FIELDS) throw protocolError(`${count} tagged fields before ${this.#at}`);
    for (let i = 0; i < count; i += 1) {
      this.uvarint();
      this.#take(this.uvarint());
    }
  }

  /** The message must end here. */
  end(): void {
    if (this.remaining !== 0) throw protocolError(`${this.remaining} bytes follow the end of the message`);
  }
}
