import type { Clock } from './clock.js';

/** A sleeper that can be woken early; a wake-up while nobody sleeps counts for the next sleep. */
export class Nudge {
  readonly #clock: Clock;
  #woken = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Sleeps until woken or `maxMs` passed; true when woken. */
  async wait(maxMs: number): Promise<boolean> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(maxMs, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
      this.#wake = undefined;
    }
    const woken = this.#woken;
    this.#woken = false;
    return woken;
  }
}
