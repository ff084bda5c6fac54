import type { QueuedBatch } from './partition-queue.js';

/** Where source and target offsets began to differ by a constant that still holds. */
export interface RunStart {
  readonly source: number;
  readonly target: number;
}

/** The run that is open at the end of a batch stored from `targetBase` on: a batch that was made dense may hold several. */
export function lastRun(
  { sourceFirst, sourceOffsets }: Pick<QueuedBatch, 'sourceFirst' | 'sourceOffsets'>,
  targetBase: number,
): RunStart {
  if (sourceOffsets === null || sourceOffsets.length === 0) return { source: sourceFirst, target: targetBase };
  let first = sourceOffsets.length - 1;
  while (first > 0 && sourceOffsets[first - 1] === (sourceOffsets[first] as number) - 1) first -= 1;
  return { source: sourceOffsets[first] as number, target: targetBase + first };
}
