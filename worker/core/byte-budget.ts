import { invariant } from '../../common/errors/assert.js';

/**
 * Bytes in this thread's memory between source and target. Charged with the most a fetch may bring when it is sent,
 * corrected when it arrives, released on acknowledgement.
 */
export class ByteBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;
  #waiters: { readonly bytes: number; readonly wake: () => void }[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get freeBytes(): number {
    return Math.max(0, this.#limitBytes - this.#usedBytes);
  }

  charge(bytes: number): void {
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    invariant(this.#usedBytes >= 0, 'more bytes released than were charged');
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.freeBytes >= waiter.bytes) waiter.wake();
      else this.#waiters.push(waiter);
    }
  }

  /** Calls back once, as soon as a release leaves at least `bytes` free, whoever released them. */
  whenFree(bytes: number, wake: () => void): void {
    this.#waiters.push({ bytes, wake });
  }
}
