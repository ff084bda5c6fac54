import type { RecordCursor } from './record-cursor.js';

/** The greatest timestamp of the records seen, all relative to one base; bigints only where a Number would not be exact. */
export class LatestTimestamp {
  readonly #base: bigint;
  #delta = Number.NEGATIVE_INFINITY;
  #exact: bigint | undefined;

  constructor(base: bigint) {
    this.#base = base;
  }

  /** The cursor's current record, whose delta is relative to this base. */
  add(record: RecordCursor): void {
    const delta = record.timestampDeltaNumber();
    if (Number.isNaN(delta)) this.addExact(BigInt.asIntN(64, this.#base + record.timestampDelta()));
    else this.addDelta(delta);
  }

  addDelta(delta: number): void {
    if (delta > this.#delta) this.#delta = delta;
  }

  addExact(timestamp: bigint): void {
    if (this.#exact === undefined || timestamp > this.#exact) this.#exact = timestamp;
  }

  /** -1 when no record was seen. */
  get value(): bigint {
    const near = Number.isFinite(this.#delta) ? BigInt.asIntN(64, this.#base + BigInt(this.#delta)) : undefined;
    if (near === undefined) return this.#exact ?? -1n;
    return this.#exact === undefined || near > this.#exact ? near : this.#exact;
  }
}
