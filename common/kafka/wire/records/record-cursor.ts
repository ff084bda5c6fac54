import { CausewayError } from '../../../errors/error.js';
import { MAX_VARINT_BYTES, MAX_VARLONG_BYTES, readVarlong, varintFault } from './varint.js';

const NOTHING = Buffer.alloc(0);
/** A record of v2 without key, value, headers: seven one-byte fields. */
export const MIN_RECORD_BYTES = 7;

/**
 * Walks the (decompressed) records of a v2 batch without an object per record: `while (cursor.next()) {...}`.
 * The fields are indexes into `buffer` and speak of the current record. Everything is checked: a record's parts fill exactly its
 * length, and the records exactly the range; anything else is BATCH_CORRUPT.
 *
 * record: varint length, int8 attributes, varlong timestampDelta, varint offsetDelta, varint keyLength, key, varint valueLength, value,
 * varint headerCount, { varint keyLength, key, varint valueLength, value }
 */
export class RecordCursor {
  buffer: Buffer = NOTHING;
  /** Index of the record's length varint, and behind its last byte. */
  recordStart = 0;
  recordEnd = 0;
  /** Index of the attributes byte: the first behind the length. */
  bodyStart = 0;
  timestampStart = 0;
  offsetStart = 0;
  offsetDelta = 0;
  /** Index of the key's length varint: what lies from here to recordEnd does not depend on the record's place in the batch. */
  contentStart = 0;
  keyStart = 0;
  /** -1 = null, as for values. */
  keyLength = -1;
  valueStart = 0;
  valueLength = -1;
  headersStart = 0;
  headerCount = 0;
  #at = 0;
  #end = 0;
  #left = 0;

  /** @throws BATCH_CORRUPT when `count` records cannot fit into the range */
  reset(buffer: Buffer, start: number, end: number, count: number): this {
    if (count < 0 || count * MIN_RECORD_BYTES > end - start) {
      throw new CausewayError(
        'BATCH_CORRUPT',
        `${end - start} bytes cannot hold the ${count} records that the batch claims`,
      );
    }
    this.buffer = buffer;
    this.#at = start;
    this.#end = end;
    this.#left = count;
    return this;
  }

  /** Moves to the next record; false behind the last. */
  next(): boolean {
    if (this.#left === 0) {
      if (this.#at !== this.#end) throw fault(`${this.#end - this.#at} bytes follow the last record`);
      return false;
    }
    this.#left--;
    this.recordStart = this.#at;
    const length = this.#varint();
    this.bodyStart = this.#at;
    const end = this.#at + length;
    if (length < MIN_RECORD_BYTES - 1 || end > this.#end) throw fault(`a record claims ${length} bytes`);
    this.recordEnd = end;
    this.#at++;
    this.timestampStart = this.#at;
    this.#skipVarlong();
    this.offsetStart = this.#at;
    this.offsetDelta = this.#varint();
    this.contentStart = this.#at;
    this.keyLength = this.#varint();
    this.keyStart = this.#at;
    if (this.keyLength > 0) this.#at += this.keyLength;
    this.valueLength = this.#varint();
    this.valueStart = this.#at;
    if (this.valueLength > 0) this.#at += this.valueLength;
    if (this.keyLength < -1 || this.valueLength < -1 || this.#at >= end)
      throw fault('a key or value has an impossible length');
    this.headerCount = this.#varint();
    this.headersStart = this.#at;
    if (this.headerCount !== 0) this.#skipHeaders(end);
    if (this.#at !== end) throw fault('a record’s parts do not fill its length');
    return true;
  }

  /** Milliseconds relative to the batch's baseTimestamp. */
  timestampDelta(): bigint {
    return readVarlong(this.buffer, this.timestampStart, this.offsetStart);
  }

  /** The same as a Number, NaN where a Number would not be exact. */
  timestampDeltaNumber(): number {
    let raw = 0;
    let scale = 1;
    // Seven bytes carry 49 bits: exact. Longer ones are rare enough for a bigint.
    if (this.offsetStart - this.timestampStart > 7) return Number.NaN;
    for (let i = this.timestampStart; i < this.offsetStart; i++, scale *= 128)
      raw += ((this.buffer[i] as number) & 0x7f) * scale;
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  /** The current record's headers as views, in order. */
  headers(): [key: Buffer, value: Buffer | null][] {
    const headers: [Buffer, Buffer | null][] = [];
    const behind = this.#at;
    this.#at = this.headersStart;
    for (let i = 0; i < this.headerCount; i++) headers.push([this.#bytes() as Buffer, this.#bytes()]);
    this.#at = behind;
    return headers;
  }

  #bytes(): Buffer | null {
    const length = this.#varint();
    if (length < 0) return null;
    this.#at += length;
    return this.buffer.subarray(this.#at - length, this.#at);
  }

  #skipHeaders(end: number): void {
    if (this.headerCount < 0 || this.headerCount * 2 > end - this.#at)
      throw fault(`a record claims ${this.headerCount} headers`);
    for (let i = 0; i < this.headerCount; i++) {
      const keyLength = this.#varint();
      if (keyLength < 0) throw fault('a header has no key');
      this.#at += keyLength;
      const valueLength = this.#varint();
      if (valueLength < -1) throw fault('a header value has an impossible length');
      if (valueLength > 0) this.#at += valueLength;
      if (this.#at > end) throw fault('a header reaches beyond its record');
    }
  }

  #varint(): number {
    const buffer = this.buffer;
    let at = this.#at;
    const limit = Math.min(this.#end, at + MAX_VARINT_BYTES);
    let raw = 0;
    for (let shift = 0; at < limit; shift += 7) {
      const byte = buffer[at++] as number;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#at = at;
        return (raw >>> 1) ^ -(raw & 1);
      }
    }
    throw varintFault(at >= this.#end ? 'is cut off' : 'is too long');
  }

  #skipVarlong(): void {
    const limit = Math.min(this.#end, this.#at + MAX_VARLONG_BYTES);
    for (let at = this.#at; at < limit; at++) {
      if ((this.buffer[at] as number) < 0x80) {
        this.#at = at + 1;
        return;
      }
    }
    throw varintFault('is cut off or too long');
  }
}

function fault(what: string): CausewayError {
  return new CausewayError('BATCH_CORRUPT', what);
}
