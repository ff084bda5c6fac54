import { CausewayError } from '../../errors/error.js';

/** First chunk; most requests fit into it. */
const FIRST_CHUNK_BYTES = 512;
/** Later chunks double up to this. */
const MAX_CHUNK_BYTES = 64 * 1024;

/** From this size on a foreign buffer is passed on by reference; smaller ones are cheaper to copy than to hand to writev. */
const MIN_EMBED_BYTES = 2048;

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Writes Kafka's primitive types into chunks that are never zero-filled nor moved. Foreign buffers (record batches) are embedded by
 * reference: they must stay unchanged until the request was sent. The counterpart of Reader; `flexible` as there.
 */
export class Writer {
  readonly #flexible: boolean;
  readonly #pieces: Buffer[] = [];
  #chunk: Buffer;
  #from = 0;
  #at = 0;
  #sealedBytes = 0;

  constructor(flexible: boolean) {
    this.#flexible = flexible;
    this.#chunk = Buffer.allocUnsafe(FIRST_CHUNK_BYTES);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#sealedBytes + this.#at - this.#from;
  }

  #seal(): void {
    if (this.#at === this.#from) return;
    this.#pieces.push(this.#chunk.subarray(this.#from, this.#at));
    this.#sealedBytes += this.#at - this.#from;
    this.#from = this.#at;
  }

  /** Makes room for `bytes` in one piece and gives where they begin. */
  #room(bytes: number): number {
    if (this.#at + bytes > this.#chunk.length) {
      this.#seal();
      const size = Math.max(bytes, Math.min(MAX_CHUNK_BYTES, this.#chunk.length * 2));
      this.#chunk = Buffer.allocUnsafe(size);
      this.#from = 0;
      this.#at = 0;
    }
    const at = this.#at;
    this.#at = at + bytes;
    return at;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int8(value: number): this {
    const at = this.#room(1);
    this.#chunk.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.#room(2);
    this.#chunk.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#room(4);
    this.#chunk.writeInt32BE(value, at);
    return this;
  }

  int64(value: bigint): this {
    const at = this.#room(8);
    this.#chunk.writeBigInt64BE(value, at);
    return this;
  }

  /** An int64 given as a number; it must be a safe integer. */
  int64FromNumber(value: number): this {
    if (!Number.isSafeInteger(value)) throw new CausewayError('INTERNAL_INVARIANT', `not an exact integer: ${value}`);
    const at = this.#room(8);
    this.#chunk.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.#chunk.writeUInt32BE(value >>> 0, at + 4);
    return this;
  }

  float64(value: number): this {
    const at = this.#room(8);
    this.#chunk.writeDoubleBE(value, at);
    return this;
  }

  uvarint(value: number): this {
    let rest = value;
    while (rest > 0x7f) {
      const at = this.#room(1);
      this.#chunk[at] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 128);
    }
    const at = this.#room(1);
    this.#chunk[at] = rest;
    return this;
  }

  varint(value: number): this {
    return this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  varlong(value: bigint): this {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest > 0x7fn) {
      const at = this.#room(1);
      this.#chunk[at] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    const at = this.#room(1);
    this.#chunk[at] = Number(rest);
    return this;
  }

  nullableString(value: string | null): this {
    if (value === null) {
      if (this.#flexible) this.uvarint(0);
      else this.int16(-1);
      return this;
    }
    const bytes = Buffer.byteLength(value);
    if (bytes > 0x7fff) throw new CausewayError('INTERNAL_INVARIANT', `a string of ${bytes} bytes; Kafka allows 32767`);
    if (this.#flexible) this.uvarint(bytes + 1);
    else this.int16(bytes);
    const at = this.#room(bytes);
    this.#chunk.write(value, at, bytes, 'utf8');
    return this;
  }

  string(value: string): this {
    return this.nullableString(value);
  }

  /** Length and bytes, copied. */
  bytes(value: Buffer): this {
    this.#bytesLength(value.length);
    const at = this.#room(value.length);
    value.copy(this.#chunk, at);
    return this;
  }

  /** Length and bytes of a `bytes` or `records` field made of several buffers; large ones are embedded by reference. */
  records(pieces: readonly Buffer[]): this {
    let total = 0;
    for (const piece of pieces) total += piece.length;
    this.#bytesLength(total);
    for (const piece of pieces) this.embed(piece);
    return this;
  }

  #bytesLength(length: number): void {
    if (this.#flexible) this.uvarint(length + 1);
    else this.int32(length);
  }

  /** The bytes without a length; by reference unless they are few. */
  embed(piece: Buffer): this {
    if (piece.length < MIN_EMBED_BYTES) {
      const at = this.#room(piece.length);
      piece.copy(this.#chunk, at);
      return this;
    }
    this.#seal();
    this.#pieces.push(piece);
    this.#sealedBytes += piece.length;
    return this;
  }

  /** The element count of an array; -1 for null. The elements follow. */
  arrayLength(count: number): this {
    return this.#flexible ? this.uvarint(count + 1) : this.int32(count);
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.arrayLength(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** From canonical text; null is the zero UUID. */
  uuid(value: string | null): this {
    if (value !== null && !UUID_TEXT.test(value)) throw new CausewayError('INTERNAL_INVARIANT', `not a UUID: ${value}`);
    const at = this.#room(16);
    if (value === null) this.#chunk.fill(0, at, at + 16);
    else this.#chunk.write(value.replaceAll('-', ''), at, 16, 'hex');
    return this;
  }

  /** No tagged fields; nothing in versions that have none. */
  tags(): this {
    return this.#flexible ? this.uvarint(0) : this;
  }

  /** All that was written, in order. The writer must not be used afterwards. */
  toBuffers(): Buffer[] {
    this.#seal();
    return this.#pieces;
  }
}
