/** Source offsets [first, last] that were declared as left out. */
export interface SkippedRange {
  readonly first: number;
  readonly last: number;
}

/** Ranges of one partition that are kept in memory; 16 bytes each. A partition with more has another problem than single records. */
export const MAX_SKIPPED_RANGES = 1_000_000;

/**
 * What was declared as left out of one source partition, in order and merged. A skip is decided once: whoever reads the partition again
 * leaves out exactly this (exactly-once.md 6.5).
 */
export class SkipSet {
  static readonly none = new SkipSet([]);
  readonly #firsts: Float64Array;
  readonly #lasts: Float64Array;

  private constructor(ranges: readonly SkippedRange[]) {
    this.#firsts = Float64Array.from(ranges, ({ first }) => first);
    this.#lasts = Float64Array.from(ranges, ({ last }) => last);
  }

  /** In any order; they may overlap, as a repeated declaration does. */
  static of(ranges: readonly SkippedRange[]): SkipSet {
    const merged: { first: number; last: number }[] = [];
    for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
      const previous = merged.at(-1);
      if (previous !== undefined && first <= previous.last + 1) previous.last = Math.max(previous.last, last);
      else merged.push({ first, last });
    }
    return new SkipSet(merged);
  }

  /** Behind the last offset that is left out; 0 when none is. */
  get end(): number {
    return (this.#lasts.at(-1) ?? -1) + 1;
  }

  has(offset: number): boolean {
    return this.overlaps(offset, offset);
  }

  /** True when something of [first, last] is left out. */
  overlaps(first: number, last: number): boolean {
    if (this.#firsts.length === 0) return false;
    return (this.#firsts[this.#at(first)] ?? Number.POSITIVE_INFINITY) <= last;
  }

  /** True when all of [first, last] is left out. */
  covers(first: number, last: number): boolean {
    return this.after(first) > last;
  }

  /** The first offset from this one on that is not left out. */
  after(offset: number): number {
    const at = this.#at(offset);
    return (this.#firsts[at] ?? Number.POSITIVE_INFINITY) <= offset ? (this.#lasts[at] as number) + 1 : offset;
  }

  /** How many offsets of [from, to) are left out. */
  countIn(from: number, to: number): number {
    let count = 0;
    for (let at = this.#at(from); at < this.#firsts.length && (this.#firsts[at] as number) < to; at++) {
      count += Math.min(to, (this.#lasts[at] as number) + 1) - Math.max(from, this.#firsts[at] as number);
    }
    return count;
  }

  /** Behind the next `count` offsets from this one on that are not left out. */
  advance(from: number, count: number): number {
    let offset = from;
    let left = count;
    for (let at = this.#at(from); at < this.#firsts.length; at++) {
      const free = Math.max(0, (this.#firsts[at] as number) - offset);
      if (free >= left) break;
      left -= free;
      offset = (this.#lasts[at] as number) + 1;
    }
    return offset + left;
  }

  /** What is left out from this offset on. */
  from(offset: number): SkippedRange[] {
    const ranges: SkippedRange[] = [];
    for (let at = this.#at(offset); at < this.#firsts.length; at++) {
      ranges.push({ first: Math.max(offset, this.#firsts[at] as number), last: this.#lasts[at] as number });
    }
    return ranges;
  }

  /** Index of the first range that ends at or behind the offset. */
  #at(offset: number): number {
    let low = 0;
    let high = this.#lasts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lasts[middle] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
