import type { QueuedBatch } from './partition-queue.js';

/** Merged batches grow up to this: beyond, a round trip is hidden well enough (design.md section 9). */
const MAX_COALESCED_BYTES = 256 * 1024;
/** Merging pays at brokers nearby only for the tiniest: each batch costs them far more than its bytes. */
const NEAR_THRESHOLD_BYTES = 2 * 1024;
/** Nor for more records than these: merging costs by the record, and a well compressed batch of few bytes may hold hundreds. */
const NEAR_MAX_RECORDS = 4;
/** Far away a partition's rate is window x batch / round trip: everything below this is worth the CPU. */
const FAR_THRESHOLD_BYTES = 128 * 1024;
/** A target is far from this round trip on. */
const FAR_ROUND_TRIP_MS = 20;
/** Batches looked at for one merge. */
export const MAX_COALESCED_BATCHES = 4_096;

/** Which batches are merged while they wait: smaller than `belowBytes`, of at most `maxRecords`. */
export interface CoalesceRule {
  readonly belowBytes: number;
  readonly maxRecords: number;
}

/** @param wantedBytes the route's own bound, whatever it costs */
export function coalesceRule(wantedBytes: number | undefined, roundTripMs: number): CoalesceRule {
  if (wantedBytes !== undefined) return { belowBytes: wantedBytes, maxRecords: Number.POSITIVE_INFINITY };
  if (roundTripMs < FAR_ROUND_TRIP_MS) return { belowBytes: NEAR_THRESHOLD_BYTES, maxRecords: NEAR_MAX_RECORDS };
  return { belowBytes: FAR_THRESHOLD_BYTES, maxRecords: Number.POSITIVE_INFINITY };
}

export function isTiny({ bytes, recordCount }: QueuedBatch, { belowBytes, maxRecords }: CoalesceRule): boolean {
  return bytes < belowBytes && recordCount <= maxRecords;
}

/**
 * How many of `waiting`, from the first on, to send as one batch: small ones of one codec; below 2: none.
 * @param waiting batches never sent, in source order
 * @param maxBytes what the target takes
 */
export function coalescible(
  waiting: readonly QueuedBatch[],
  rule: CoalesceRule,
  maxBytes: number,
  codecOf: (source: QueuedBatch['source']) => number,
): number {
  const limitBytes = Math.min(MAX_COALESCED_BYTES, maxBytes);
  let codec = -1;
  let bytes = 0;
  let count = 0;
  for (const batch of waiting) {
    if (batch.gap !== undefined || !isTiny(batch, rule)) break;
    bytes += batch.bytes;
    if (bytes > limitBytes) break;
    const own = codecOf(batch.source);
    if (codec >= 0 && own !== codec) break;
    codec = own;
    count += 1;
  }
  return count;
}
