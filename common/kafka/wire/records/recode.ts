import type { BatchSlice } from './batch-header.js';
import type { RecodedBatch } from './recoded-batch.js';
import { type ReshapeOptions, reshapeBatch } from './reshape.js';

/** `reshapeBatch` where one batch comes out: without a limit of its size. */
export async function recodeBatch(
  source: BatchSlice,
  options: Pick<ReshapeOptions, 'fromOffset' | 'appendTime'> = {},
): Promise<RecodedBatch | undefined> {
  return (await reshapeBatch(source, options))[0];
}
