import type { Clock, Timer } from '../../common/runtime/clock.js';
import { ByteBudget, BytePool } from '../core/byte-budget.js';
import type { ThreadSettings } from './protocol.js';

/** Other threads give memory back without a word: who waits for some looks again this often. */
const LOOK_MS = 50;

/** A thread's memory for what is in flight: its own, and what the others leave of the worker's. */
export class SharedMemory {
  readonly budget: ByteBudget;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor({ thread, memory }: Pick<ThreadSettings, 'thread' | 'memory'>, clock: Clock) {
    const { guaranteedBytes, sharedBytes, taken } = memory;
    this.#clock = clock;
    const pool = new BytePool(new Float64Array(taken), thread, sharedBytes);
    this.budget = new ByteBudget(guaranteedBytes, pool, () => this.#lookSoon());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #lookSoon(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#timer = undefined;
      this.budget.look();
      if (this.budget.isAwaited) this.#lookSoon();
    });
  }
}
