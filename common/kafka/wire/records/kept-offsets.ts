/** The source offsets of the records that are kept, in order; listed one by one only from the first hole on. */
export class KeptOffsets {
  readonly #capacity: number;
  #list: Float64Array | undefined;
  #first = 0;
  #last = -1;
  count = 0;

  /** @param capacity at most this many are added */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(offset: number): void {
    this.addRun(offset, 1);
  }

  /** `count` offsets from this one on, one after the other. */
  addRun(offset: number, count: number): void {
    if (this.count === 0) this.#first = offset;
    else if (this.#list === undefined && offset !== this.#last + 1) this.#list = this.#counted();
    if (this.#list !== undefined) for (let i = 0; i < count; i++) this.#list[this.count + i] = offset + i;
    this.#last = offset + count - 1;
    this.count += count;
  }

  get last(): number {
    return this.#last;
  }

  result(): { count: number; firstOffset: number; lastOffset: number; offsets: Float64Array | null } {
    const list = this.#list;
    const offsets = list === undefined ? null : list.length === this.count ? list : list.slice(0, this.count);
    return { count: this.count, firstOffset: this.#first, lastOffset: this.#last, offsets };
  }

  #counted(): Float64Array {
    const list = new Float64Array(this.#capacity);
    for (let i = 0; i < this.count; i++) list[i] = this.#first + i;
    return list;
  }
}
