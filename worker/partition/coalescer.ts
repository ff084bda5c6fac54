import { isCausewayError } from '../../common/errors/error.js';
import { attributes, CODEC_MASK } from '../../common/kafka/wire/records/batch-header.js';
import { coalesceBatches } from '../../common/kafka/wire/records/coalesce.js';
import { CODEC_NAMES, type CodecName, codecReady, loadCodec } from '../../common/kafka/wire/records/compression.js';
import type { ByteAccount } from '../core/allowance.js';
import { coalesceRule, coalescible, isTiny, MAX_COALESCED_BATCHES } from '../core/coalescing.js';
import type { QueuedBatch } from '../core/partition-queue.js';
import type { MirroredPartition } from './mirrored-partition.js';

/** Of the records of one merge, not compressed: tiny batches that hold more are hardly honest, and this happens between two sends. */
const MAX_CONTENT_BYTES = 16 * 1024 * 1024;

export interface CoalescerDeps {
  readonly budget: ByteAccount;
  readonly coalesced: (batches: number) => void;
}

/**
 * Merges tiny batches that wait behind each other into one, which takes their place: a partition's rate is its window times its batches'
 * size per round trip, and each batch costs a broker more than its bytes. Nothing waits for it: what is alone goes as it is.
 * @param first the batch whose turn it is; returned as it is where there is nothing to merge
 */
export function coalesceWaiting(
  partition: MirroredPartition,
  first: QueuedBatch,
  roundTripMs: number,
  { budget, coalesced }: CoalescerDeps,
): QueuedBatch {
  const { queue, route, shaping } = partition;
  const rule = coalesceRule(route.coalesceBelowBytes, roundTripMs);
  if (!isTiny(first, rule)) return first;
  const waiting = queue.waitingFrom(first, MAX_COALESCED_BATCHES);
  if (waiting.length < 2) return first;
  const maxBytes = shaping.maxBatchBytes(first.sourceFirst, 0);
  const count = coalescible(waiting, rule, maxBytes, codecOf);
  if (count < 2) return first;
  const codec = shaping.codec ?? (route.compression === 'source' ? sourceCodec(first) : route.compression);
  if (!isLoaded(sourceCodec(first)) || !isLoaded(codec)) return first;
  const merged = merge(waiting.slice(0, count), codec);
  // Larger than its sources it may be where it is compressed less than they are.
  if (merged === undefined || merged.bytes > maxBytes) return first;
  const replaced = queue.replace(first, count, merged);
  for (const batch of replaced) {
    batch.body?.release();
    budget.release(batch.bytes);
  }
  budget.charge(merged.bytes);
  coalesced(count);
  return merged;
}

const requested = new Set<CodecName>();

/** What passes raw needs no codec: the first merge asks for it, and a later one finds it. */
function isLoaded(codec: CodecName): boolean {
  if (codecReady(codec)) return true;
  if (!requested.has(codec)) loadCodec(codec).catch(() => undefined);
  requested.add(codec);
  return false;
}

function merge(batches: readonly QueuedBatch[], codec: CodecName): QueuedBatch | undefined {
  try {
    const { batch, recordCount, sourceOffsets } = coalesceBatches(
      batches.map(({ source }) => source),
      { codec, maxContentBytes: MAX_CONTENT_BYTES },
    );
    const first = batches[0] as QueuedBatch;
    const last = batches.at(-1) as QueuedBatch;
    return {
      ...last,
      sourceFirst: first.sourceFirst,
      recordCount,
      sourceOffsets: offsetsOf(batches, recordCount, sourceOffsets),
      bytes: batch.length,
      maxTimestampMs: batches.reduce((max, { maxTimestampMs }) => Math.max(max, maxTimestampMs), -1),
      source: batch,
      body: undefined,
    };
  } catch (error) {
    // One of them is damaged: sent on its own the target will say so, and it is fetched again. Or they hold far more than it seems, or
    // their codec cannot be read here: on their own they pass as they are.
    if (!isCausewayError(error, 'BATCH_CORRUPT') && !isCausewayError(error, 'BATCH_UNSUPPORTED')) throw error;
    return undefined;
  }
}

/** A batch that was made dense before has forgotten its source offsets: they are kept beside it. */
function offsetsOf(
  batches: readonly QueuedBatch[],
  recordCount: number,
  merged: Float64Array | null,
): Float64Array | null {
  if (batches.every(({ sourceOffsets }) => sourceOffsets === null)) return merged;
  const offsets = new Float64Array(recordCount);
  let at = 0;
  for (const batch of batches) {
    for (let i = 0; i < batch.recordCount; i++) offsets[at++] = batch.sourceOffsets?.[i] ?? batch.sourceFirst + i;
  }
  return offsets;
}

function sourceCodec({ source }: QueuedBatch): CodecName {
  return CODEC_NAMES[codecOf(source)] as CodecName;
}

function codecOf({ buffer, start }: { readonly buffer: Buffer; readonly start: number }): number {
  return attributes(buffer, start) & CODEC_MASK;
}
