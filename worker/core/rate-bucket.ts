/** What was not used lately may be used at once, for this long; what comes in steps still adds up to the whole rate. */
const CREDIT_MS = 250;
const NS_PER_MS = 1_000_000;

/**
 * A token bucket whose whole state is one number: the moment at which everything taken so far is paid for (the generic cell rate
 * algorithm). Kept in shared memory, so that the threads of a process share one rate without sharing it out. What is taken may be more than
 * there is, since nobody knows a fetch's size before; then nothing more may be taken until that is paid for.
 */
export class RateBucket {
  readonly perS: number;
  readonly #paidAtNs: BigInt64Array;

  /** @param paidAt one number of shared memory: monotonic nanoseconds, one clock for all threads */
  constructor(perS: number, paidAt: BigInt64Array) {
    this.perS = perS;
    this.#paidAtNs = paidAt;
  }

  take(amount: number, nowMs: number): void {
    const cost = BigInt(Math.round((amount / this.perS) * 1_000 * NS_PER_MS));
    const earliest = BigInt(Math.round((nowMs - CREDIT_MS) * NS_PER_MS));
    this.#update((paidAt) => (paidAt > earliest ? paidAt : earliest) + cost);
  }

  /** How long nothing may be taken; 0: something may. */
  waitMs(nowMs: number): number {
    const waitNs = Atomics.load(this.#paidAtNs, 0) - BigInt(Math.round(nowMs * NS_PER_MS));
    return waitNs > 0n ? Math.ceil(Number(waitNs) / NS_PER_MS) : 0;
  }

  /** The rate became another: what is still to be paid is paid at the new one. Done once, by whoever hands the rates out. */
  static changeRate(paidAt: BigInt64Array, fromPerS: number, toPerS: number, nowMs: number): void {
    const nowNs = BigInt(Math.round(nowMs * NS_PER_MS));
    const debtNs = Number(Atomics.load(paidAt, 0) - nowNs);
    if (debtNs > 0) Atomics.store(paidAt, 0, nowNs + BigInt(Math.round((debtNs * fromPerS) / toPerS)));
  }

  #update(next: (paidAt: bigint) => bigint): void {
    for (;;) {
      const seen = Atomics.load(this.#paidAtNs, 0);
      if (Atomics.compareExchange(this.#paidAtNs, 0, seen, next(seen)) === seen) return;
    }
  }
}
