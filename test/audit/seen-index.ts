/** More records than this in one partition are refused rather than half-judged (16 bytes each while the table is at most half full). */
const MAX_ENTRIES = 32_000_000;
const FIRST_CAPACITY = 1 << 12;

/** Number -> number in open addressing: what a Map does at a fifth of the memory. Keys are finite numbers. */
export class SeenIndex {
  #keys = new Float64Array(FIRST_CAPACITY).fill(Number.NaN);
  #values = new Float64Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: number): number | undefined {
    const slot = this.#slotOf(key);
    return this.#keys[slot] === key ? this.#values[slot] : undefined;
  }

  set(key: number, value: number): void {
    const slot = this.#slotOf(key);
    if (this.#keys[slot] !== key) {
      this.#keys[slot] = key;
      this.#size += 1;
    }
    this.#values[slot] = value;
    if (this.#size * 2 > this.#keys.length) this.#grow();
  }

  #slotOf(key: number): number {
    const mask = this.#keys.length - 1;
    const folded = Math.imul((key % 2 ** 31) ^ Math.floor(key / 2 ** 31), 0x9e3779b1);
    let slot = (folded ^ (folded >>> 15)) & mask;
    while (this.#keys[slot] !== key && !Number.isNaN(this.#keys[slot])) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    if (this.#size > MAX_ENTRIES) throw new Error(`the auditor judges at most ${MAX_ENTRIES} records of one partition`);
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Float64Array(keys.length * 2).fill(Number.NaN);
    this.#values = new Float64Array(keys.length * 2);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number;
      if (Number.isNaN(key)) continue;
      const slot = this.#slotOf(key);
      this.#keys[slot] = key;
      this.#values[slot] = values[i] as number;
    }
  }
}
