/** Source offsets [source, source + length) whose copies have the target offsets [target, target + length). */
export interface WalkedRun {
  readonly source: number;
  readonly target: number;
  readonly length: number;
}

/** Runs that a walk keeps, the newest; earlier ones only go to its listener. */
export const MAX_WALKED_RUNS = 4_096;

/** The offset map of what is walked (exactly-once.md 8.1), as runs of pairs that follow each other on both sides. */
export class RunList {
  readonly #ended: (run: WalkedRun) => void;
  #runs: WalkedRun[] = [];
  #leftOut = 0;
  #source = 0;
  #target = 0;
  #length = 0;

  /** @param ended sees every run once, in order */
  constructor(ended: (run: WalkedRun) => void) {
    this.#ended = ended;
  }

  /** How many early runs are not in the list any more. */
  get leftOut(): number {
    return this.#leftOut;
  }

  add(source: number, target: number, count: number): void {
    const length = this.#length;
    if (length > 0 && source === this.#source + length && target === this.#target + length) {
      this.#length += count;
      return;
    }
    this.#close();
    this.#source = source;
    this.#target = target;
    this.#length = count;
  }

  /** Ends the open run. */
  finish(): readonly WalkedRun[] {
    this.#close();
    const kept = this.#runs.slice(-MAX_WALKED_RUNS);
    this.#leftOut += this.#runs.length - kept.length;
    this.#runs = kept;
    return kept;
  }

  #close(): void {
    if (this.#length === 0) return;
    const run = { source: this.#source, target: this.#target, length: this.#length };
    this.#length = 0;
    this.#ended(run);
    this.#runs.push(run);
    if (this.#runs.length < 2 * MAX_WALKED_RUNS) return;
    this.#leftOut += MAX_WALKED_RUNS;
    this.#runs = this.#runs.slice(MAX_WALKED_RUNS);
  }
}
