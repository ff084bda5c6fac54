/** About how many seconds the moving averages look back. */
const HORIZON_S = 10;

/** Exponential moving averages of records and bytes per second. Time comes in with each tick. */
export class RateMeter {
  #records = 0;
  #bytes = 0;
  #recordsPerS = 0;
  #bytesPerS = 0;

  add(records: number, bytes: number): void {
    this.#records += records;
    this.#bytes += bytes;
  }

  /** Folds in what was added since the last tick, `elapsedS` seconds ago. */
  tick(elapsedS: number): void {
    if (elapsedS <= 0) return;
    const weight = 1 - Math.exp(-elapsedS / HORIZON_S);
    this.#recordsPerS += weight * (this.#records / elapsedS - this.#recordsPerS);
    this.#bytesPerS += weight * (this.#bytes / elapsedS - this.#bytesPerS);
    this.#records = 0;
    this.#bytes = 0;
  }

  get recordsPerS(): number {
    return Math.round(this.#recordsPerS);
  }

  get bytesPerS(): number {
    return Math.round(this.#bytesPerS);
  }
}
