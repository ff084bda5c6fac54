/** How many ticks without a word mean what. A tick is a second of the supervisor’s own: while it does not run itself, nobody is late. */
export interface PulseBounds {
  /** From then on what the thread last said counts as old. */
  readonly tellAfter: number;
  /** It will not speak again: it is ended. */
  readonly endAfter: number;
  /** The same for one that has not said its first word: it loads its code, on a machine that may be busy. */
  readonly endUnbornAfter: number;
}

export const PULSE_TICK_MS = 1_000;
/** Longer than any batch takes to be decoded, shorter than people are patient. */
export const PULSE_BOUNDS: PulseBounds = { tellAfter: 5, endAfter: 20, endUnbornAfter: 60 };

export type Pulse =
  | { readonly kind: 'beats' }
  /** Not heard of for so many ticks. */
  | { readonly kind: 'silent'; readonly ticks: number }
  /** To be ended, now; said once. */
  | { readonly kind: 'lost'; readonly ticks: number };

/**
 * The signs of life of one data thread: any message is one, and each has a message at least once a second. Ticks are counted and not time, so
 * that a process that was stopped, or a supervisor that was late itself, takes none of its threads for dead.
 */
export class ThreadPulse {
  readonly #bounds: PulseBounds;
  #isBorn = false;
  #missed = 0;
  #isLost = false;

  constructor(bounds: PulseBounds) {
    this.#bounds = bounds;
  }

  heard(): void {
    this.#isBorn = true;
    this.#missed = 0;
  }

  tick(): Pulse {
    const { tellAfter, endAfter, endUnbornAfter } = this.#bounds;
    // What came since the last tick counts for this one.
    this.#missed += 1;
    const ticks = this.#missed - 1;
    if (!this.#isLost && ticks >= (this.#isBorn ? endAfter : endUnbornAfter)) {
      this.#isLost = true;
      return { kind: 'lost', ticks };
    }
    return ticks >= tellAfter ? { kind: 'silent', ticks } : { kind: 'beats' };
  }
}
