import type { QueuedBatch } from '../../../../worker/core/partition-queue.js';

/** A batch of 100 bytes whose records lie at [sourceFirst, sourceFirst + recordCount). */
export function queued(sourceFirst: number, recordCount: number): QueuedBatch {
  return {
    sourceFirst,
    sourceNext: sourceFirst + recordCount,
    recordCount,
    sourceOffsets: null,
    gap: undefined,
    bytes: 100,
    leaderEpoch: 0,
    maxTimestampMs: 0,
    source: { buffer: Buffer.alloc(100), start: 0, length: 100 },
    body: undefined,
    image: undefined,
    baseSequence: -1,
    targetBase: -1,
    state: 'queued',
    resend: false,
  };
}
