import type { Node } from './node.js';

/** Deeper values are none that somebody writes; recursive schemas allow any depth. */
const MAX_DEPTH = 200;
/** Values within a value that are passed in one reading: items of no bytes cost nothing to write. */
const MAX_VISITS = 2_000_000;
const MAX_LONG_BYTES = 10;

/** Why bytes are not what the schema says. */
export class AvroFault extends Error {}

/** A position within the bytes of a value. It never reads beyond them, deeper than MAX_DEPTH, or for ever. */
export class AvroReader {
  readonly #bytes: Buffer;
  at = 0;
  #visits = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  /** Of an int or a long; bigint beyond what numbers hold exactly. */
  long(): number | bigint {
    const start = this.at;
    let value = 0;
    // Seven groups of seven bits are exact in a number.
    for (let group = 0; group < 7; group++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** (7 * group);
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    this.at = start;
    return this.#big();
  }

  /** A count, an index or a length. */
  size(): number {
    const value = this.long();
    if (typeof value === 'number' && value >= 0) return value;
    throw new AvroFault(`it has a length or an index of ${value}`);
  }

  /** A length in front, then so many bytes. */
  blob(): Buffer {
    return this.take(this.size());
  }

  /** Views of the bytes. */
  take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new AvroFault('it ends too early');
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  boolean(): boolean {
    const byte = this.#byte();
    if (byte > 1) throw new AvroFault(`it has a boolean of ${byte}`);
    return byte === 1;
  }

  /** The branch that the value has, and its number. */
  branch(branches: readonly Node[]): { readonly node: Node; readonly index: number } {
    const index = this.size();
    const node = branches[index];
    if (node === undefined) throw new AvroFault(`it has branch ${index} of a union that has ${branches.length}`);
    return { node, index };
  }

  /** Calls `visit` with the reader at each item of an array or entry of a map; it has to read all of it. */
  items(visit: (index: number) => void): void {
    let index = 0;
    for (let count = this.#blockCount(); count > 0; count = this.#blockCount()) {
      for (; count > 0; count--) visit(index++);
    }
  }

  skip(node: Node, depth: number): void {
    this.visited(depth);
    switch (node.kind) {
      case 'null':
        return;
      case 'boolean':
        this.boolean();
        return;
      case 'int':
        this.#int();
        return;
      case 'long':
        this.long();
        return;
      case 'float':
        this.take(4);
        return;
      case 'double':
        this.take(8);
        return;
      case 'bytes':
      case 'string':
        this.take(this.size());
        return;
      case 'fixed':
        this.take(node.size);
        return;
      case 'enum':
        this.symbol(node.symbols);
        return;
      case 'array':
        this.items(() => this.skip(node.items, depth + 1));
        return;
      case 'map':
        this.items(() => {
          this.take(this.size());
          this.skip(node.items, depth + 1);
        });
        return;
      case 'record':
        for (const field of node.fields) this.skip(field.node, depth + 1);
        return;
      case 'union':
        this.skip(this.branch(node.branches).node, depth + 1);
        return;
    }
  }

  symbol(symbols: readonly string[]): string {
    const index = this.size();
    const symbol = symbols[index];
    if (symbol === undefined) throw new AvroFault(`it has symbol ${index} of an enum that has ${symbols.length}`);
    return symbol;
  }

  /** To be called for every value that is passed. */
  visited(depth: number): void {
    if (depth > MAX_DEPTH) throw new AvroFault(`it nests deeper than ${MAX_DEPTH}`);
    this.#visits += 1;
    if (this.#visits > MAX_VISITS) throw new AvroFault(`it has more than ${MAX_VISITS} values within it`);
  }

  #int(): void {
    const value = this.long();
    if (typeof value !== 'number' || value < -(2 ** 31) || value >= 2 ** 31) {
      throw new AvroFault(`it has an int of ${value}`);
    }
  }

  /** Of the next block; 0: there are no more. A negative one is followed by the block's length in bytes. */
  #blockCount(): number {
    const count = this.long();
    if (typeof count !== 'number') throw new AvroFault(`it has a block of ${count} items`);
    if (count < 0) this.size();
    return Math.abs(count);
  }

  #big(): number | bigint {
    let value = 0n;
    for (let group = 0; group < MAX_LONG_BYTES; group++) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << BigInt(7 * group);
      if (byte >= 0x80) continue;
      if (value >= 1n << 64n) break;
      const signed = (value >> 1n) ^ -(value & 1n);
      const number = Number(signed);
      return Number.isSafeInteger(number) ? number : signed;
    }
    throw new AvroFault('it has a number of more than 64 bits');
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new AvroFault('it ends too early');
    this.at += 1;
    return byte;
  }
}
