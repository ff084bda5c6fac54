import type { Run } from '../../common/model/offset-map.js';
import { MAX_STRANDED_RANGES, type Stranded } from '../../common/model/recovery.js';

/** Collects offsets in ascending order into inclusive ranges. */
export class OffsetRanges {
  readonly #ranges: { from: bigint; to: bigint }[] = [];
  #records = 0;
  #truncated = false;
  #last = -1n;
  readonly #maxRanges: number;

  constructor(maxRanges = MAX_STRANDED_RANGES) {
    this.#maxRanges = Math.min(maxRanges, MAX_STRANDED_RANGES);
  }

  add(offset: bigint): void {
    this.#records += 1;
    this.#last = offset;
    const last = this.#ranges.at(-1);
    if (last !== undefined && !this.#truncated && offset === last.to + 1n) last.to = offset;
    else if (this.#ranges.length < this.#maxRanges && !this.#truncated) this.#ranges.push({ from: offset, to: offset });
    else this.#truncated = true;
  }

  of(topic: string, partition: number): Stranded {
    return {
      topic,
      partition,
      records: this.#records,
      ranges: this.#ranges,
      last: this.#last,
      truncated: this.#truncated,
    };
  }
}

/** A record as far as two copies of it agree. */
export interface Content {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [key: Uint8Array, value: Uint8Array | null])[];
  readonly timestamp: bigint;
}

/** Timestamps differ where a log stamps what it appends. */
export function sameContent(a: Content, b: Content): boolean {
  return sameBytes(a.key, b.key) && sameBytes(a.value, b.value) && sameHeaders(a.headers, b.headers);
}

/** Their order and repeats count. */
export function sameHeaders(a: Content['headers'], b: Content['headers']): boolean {
  return (
    a.length === b.length &&
    a.every(([key, value], i) => {
      const other = b[i];
      return other !== undefined && sameBytes(key, other[0]) && sameBytes(value, other[1]);
    })
  );
}

export function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export interface Located extends Content {
  readonly offset: bigint;
}

/**
 * Follows copies beside the log that they were made from: each copy is found among the source's records in order; those in between were left
 * out. What lies behind the last one found never crossed.
 */
export class Crossing {
  readonly #copies: readonly Located[];
  readonly #runs: Run[] = [];
  #found = 0;
  #next: bigint;

  /** @param from source position of the first record that may be one of the copies */
  constructor(copies: readonly Located[], from: bigint) {
    this.#copies = copies;
    this.#next = from;
  }

  /** All copies are found: the source position is that behind the last one. */
  get isDone(): boolean {
    return this.#found === this.#copies.length;
  }

  get missing(): number {
    return this.#copies.length - this.#found;
  }

  get position(): bigint {
    return this.#next;
  }

  /** Which originals have their copies where, of those found so far. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** The source's next record. */
  take(record: Located): void {
    const copy = this.#copies[this.#found];
    if (copy === undefined || !sameContent(copy, record)) return;
    this.#found += 1;
    this.#next = record.offset + 1n;
    const last = this.#runs.at(-1);
    const source = record.offset;
    const target = copy.offset;
    const isNext = last !== undefined && last.source + last.length === source && last.target + last.length === target;
    if (isNext) this.#runs[this.#runs.length - 1] = { ...last, length: last.length + 1n };
    else this.#runs.push({ source, target, length: 1n });
  }
}
