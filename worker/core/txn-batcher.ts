/** Bounds of one target transaction. Readers of committed records wait for its end, and what it did is done again when it is aborted. */
export interface TransactionBounds {
  /** Ended no later than this after it began, while there is more to copy. */
  readonly maxIntervalMs: number;
  /** Nothing more goes in beyond this; a batch that crosses it still does. */
  readonly maxBytes: number;
  /** An end that nothing presses for waits until this many times what the last one took have passed since: under a trickle of records ends take a fifth of the time at most. */
  readonly restFactor: number;
  /** After transactions that were aborted, interval and bytes shrink to this share at least, so that something gets done between two faults. */
  readonly minShare: number;
}

export const TRANSACTION_BOUNDS: TransactionBounds = {
  maxIntervalMs: 500,
  maxBytes: 64 * 1024 * 1024,
  restFactor: 4,
  minShare: 1 / 64,
};

/** What there is to know about the transaction that is open. */
export interface TransactionLoad {
  /** Everything its partitions had to send is stored. */
  readonly isIdle: boolean;
  /** Somebody waits for a position to be committed. */
  readonly isUrgent: boolean;
}

export type TransactionStep = { readonly kind: 'end' } | { readonly kind: 'wait'; readonly forMs: number };

const END: TransactionStep = { kind: 'end' };

/** When a transaction ends: at once when nothing is left to send, at the latest when it is old or large. Pure; times are monotonic ms. */
export class TxnBatcher {
  readonly #bounds: TransactionBounds;
  #openedMs = 0;
  #bytes = 0;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  /** Of the bounds, that holds now. */
  #share = 1;

  constructor(bounds: TransactionBounds = TRANSACTION_BOUNDS) {
    this.#bounds = bounds;
  }

  opened(nowMs: number): void {
    this.#openedMs = nowMs;
    this.#bytes = 0;
  }

  /** A batch goes out in it. */
  sent(bytes: number): void {
    this.#bytes += bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bounds.maxBytes * this.#share;
  }

  /** @param tookMs from the decision to end it to its end */
  committed(nowMs: number, tookMs: number): void {
    this.#restUntilMs = nowMs + this.#bounds.restFactor * tookMs;
    this.#share = Math.min(1, this.#share * 2);
  }

  aborted(): void {
    this.#share = Math.max(this.#bounds.minShare, this.#share / 4);
  }

  step(nowMs: number, { isIdle, isUrgent }: TransactionLoad): TransactionStep {
    const leftMs = this.#openedMs + this.#bounds.maxIntervalMs * this.#share - nowMs;
    if (isUrgent || this.isFull || leftMs <= 0) return END;
    if (!isIdle) return { kind: 'wait', forMs: leftMs };
    const restMs = this.#restUntilMs - nowMs;
    return restMs <= 0 ? END : { kind: 'wait', forMs: Math.min(restMs, leftMs) };
  }
}

/** What is known about the position of a partition that rides a transactional lane. */
export interface PositionFacts {
  /** Source offsets, `settled` with what the transaction under way stored; undefined: none is committed in this stay. */
  readonly settled: number;
  readonly committed: number | undefined;
  readonly committedAtMs: number;
  /** Somebody waits for it: a partition that begins, or is let go, or runs of its offset map. */
  readonly isAwaited: boolean;
  /** Not to be committed before this: its last commit was refused. */
  readonly barredUntilMs: number;
}

/** Whether its position belongs into the transaction that ends now. */
export function isPositionDue(facts: PositionFacts, nowMs: number, refreshMs: number): boolean {
  const { settled, committed, committedAtMs, isAwaited, barredUntilMs } = facts;
  if (nowMs < barredUntilMs) return false;
  if (isAwaited) return true;
  // The first is committed when the start procedure says so: before that there is nothing to go by.
  if (committed === undefined) return false;
  return settled !== committed || nowMs - committedAtMs >= refreshMs;
}
