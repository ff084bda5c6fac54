import type { QueuedBatch } from './partition-queue.js';

/** Doubt older than this ends in fence and walk (exactly-once.md 3.3). */
export const MAX_DOUBT_MS = 3_600_000;

export interface DoubtTerms {
  readonly nowMs: number;
  readonly wallMs: number;
  /** Target brokers may forget a producer whose newest record is this old (docs/adr/010). */
  readonly forgetsAfterMs: number;
}

/** Whether brokers may have forgotten, or soon forget, a producer whose last batch had this newest timestamp; -1: it had none. */
export function isForgettable(maxTimestampMs: number, { wallMs, forgetsAfterMs }: DoubtTerms): boolean {
  return maxTimestampMs < 0 || wallMs - maxTimestampMs >= forgetsAfterMs;
}

type Doubted = Pick<QueuedBatch, 'sourceFirst' | 'maxTimestampMs' | 'doubtSinceMs'>;

/**
 * Why batches in doubt must not be sent again: the target could not tell a repeat from a first (exactly-once.md 3.2, 3.3). Undefined: the same
 * bytes again are safe.
 */
export function whyNoRepeat(doubted: readonly Doubted[], terms: DoubtTerms): string | undefined {
  for (const { sourceFirst, maxTimestampMs, doubtSinceMs } of doubted) {
    if (doubtSinceMs === undefined) continue;
    const batch = `whether the batch at source offset ${sourceFirst} is stored`;
    if (terms.nowMs - doubtSinceMs >= MAX_DOUBT_MS) return `${batch} has been unknown for more than an hour`;
    if (isForgettable(maxTimestampMs, terms)) {
      return `${batch} is unknown, and its records are so old that the target may have forgotten who wrote them`;
    }
  }
  return undefined;
}
