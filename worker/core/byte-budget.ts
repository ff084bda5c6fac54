import { invariant } from '../../common/errors/assert.js';
import type { ByteAccount } from './allowance.js';

/**
 * What the threads of a process share of the memory between them: each notes in its own slot what it uses beyond its guaranteed part, and
 * reads everybody's. Nobody writes another's slot, so no lock is needed; two that look at the same moment may take a fetch too much.
 */
export class BytePool {
  readonly #taken: Float64Array;
  readonly #slot: number;
  readonly #limitBytes: number;

  /** @param taken one slot per thread, in shared memory */
  constructor(taken: Float64Array, slot: number, limitBytes: number) {
    this.#taken = taken;
    this.#slot = slot;
    this.#limitBytes = limitBytes;
    // What a thread that died here had taken went with it.
    this.hold(0);
  }

  /** This thread uses `bytes` beyond its guaranteed part. */
  hold(bytes: number): void {
    this.#taken[this.#slot] = bytes;
  }

  get freeBytes(): number {
    let free = this.#limitBytes;
    for (const taken of this.#taken) free -= taken;
    return Math.max(0, free);
  }
}

/**
 * Bytes in this thread's memory between source and target. Charged with the most a fetch may bring when it is sent,
 * corrected when it arrives, released on acknowledgement.
 */
export class ByteBudget implements ByteAccount {
  readonly #guaranteedBytes: number;
  readonly #pool: BytePool | undefined;
  #usedBytes = 0;
  readonly #awaited: () => void;
  #waiters: { readonly bytes: number; readonly wake: () => void }[] = [];

  /**
   * @param guaranteedBytes this thread's alone
   * @param pool what it may use beyond that while the other threads do not
   * @param awaited somebody waits from now on: other threads release without a word, so `look` has to be called now and then
   */
  constructor(guaranteedBytes: number, pool?: BytePool, awaited: () => void = () => undefined) {
    this.#guaranteedBytes = guaranteedBytes;
    this.#pool = pool;
    this.#awaited = awaited;
  }

  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get freeBytes(): number {
    return Math.max(0, this.#guaranteedBytes - this.#usedBytes) + (this.#pool?.freeBytes ?? 0);
  }

  charge(bytes: number): void {
    this.#usedBytes += bytes;
    this.#pool?.hold(Math.max(0, this.#usedBytes - this.#guaranteedBytes));
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    invariant(this.#usedBytes >= 0, 'more bytes released than were charged');
    this.#pool?.hold(Math.max(0, this.#usedBytes - this.#guaranteedBytes));
    this.look();
  }

  /** Calls back once, as soon as at least `bytes` are free, whoever released them. */
  whenFree(bytes: number, wake: () => void): void {
    this.#waiters.push({ bytes, wake });
    this.#awaited();
  }

  /** Wakes whom there is room for; other threads release without a word. */
  look(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.freeBytes >= waiter.bytes) waiter.wake();
      else this.#waiters.push(waiter);
    }
  }
}

export interface ThreadBytes {
  /** Each thread's alone. */
  readonly guaranteedBytes: number;
  /** For whoever needs more. */
  readonly sharedBytes: number;
}

/** Half of the process's budget is dealt out, half is for whoever is busy: an idle thread ties up little, and none can be starved. */
export function divideBytes(totalBytes: number, threads: number, minThreadBytes: number): ThreadBytes {
  const guaranteedBytes = Math.max(minThreadBytes, Math.floor(totalBytes / (2 * threads)));
  return { guaranteedBytes, sharedBytes: Math.max(0, totalBytes - guaranteedBytes * threads) };
}
