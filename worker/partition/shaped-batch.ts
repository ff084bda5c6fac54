import { CausewayError } from '../../common/errors/error.js';
import type { BatchSlice } from '../../common/kafka/wire/records/batch-header.js';
import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import type { CodecName } from '../../common/kafka/wire/records/compression.js';
import type { DenseRecords, RecodedBatch } from '../../common/kafka/wire/records/recoded-batch.js';
import { type ReshapeOptions, reshapeBatch } from '../../common/kafka/wire/records/reshape.js';
import type { ShapingRules } from '../core/batch-verdict.js';
import type { PendingGap } from '../core/partition-queue.js';
import type { BatchTreatment, Treatment } from '../rules/treatment.js';
import { orderedFrom, refusedGaps } from './gaps.js';
import type { MirroredPartition } from './mirrored-partition.js';

/** A batch that has to be split into more is fetched again for the rest: the byte limits do not feel many tiny ones. */
const MAX_PARTS = 2_000;

/** A source batch as the target takes it. */
export interface ShapedBatch {
  /** What is left out of it and not written down yet. */
  readonly gaps: readonly PendingGap[];
  readonly parts: readonly RecodedBatch[];
  /** What rules had to say of its records; undefined where none are asked. */
  readonly treated: BatchTreatment | undefined;
  /** Source offset behind what the gaps and parts stand for. */
  readonly next: number;
  /** False: the rest of the batch is to be fetched again, behind what an operator's order leaves out of it; or lies behind the range's end. */
  readonly isWhole: boolean;
}

/** What the target's batches are to be compressed with; undefined: as the source's are. */
export function targetCodec({ shaping, route }: MirroredPartition): CodecName | undefined {
  return shaping.codec ?? (route.compression === 'source' ? undefined : route.compression);
}

/** The batch is read before the first await and may be a cursor. @throws BATCH_CORRUPT, BATCH_UNSUPPORTED */
export async function shapeBatch(
  partition: MirroredPartition,
  { buffer, start, length, baseOffset, lastOffset, magic }: BatchView,
  { appendTime, maxBytes, until }: Readonly<ShapingRules>,
  treatment: Treatment | undefined,
): Promise<ShapedBatch> {
  const { queue, shaping, route, item, leavesOut } = partition;
  const slice: BatchSlice = { buffer, start, length };
  const fromOffset = queue.fetchNext;
  const ordered = orderedFrom(item.skip, fromOffset, lastOffset);
  const untilOffset = Math.min(ordered ?? lastOffset + 1, until);
  const codec = targetCodec(partition);
  const options: ReshapeOptions = {
    fromOffset,
    untilOffset,
    appendTime,
    maxBytes,
    maxParts: MAX_PARTS,
    ...(codec === undefined ? {} : { codec }),
  };
  // An old compressed message tells only its last offset: its first may be anything since the position.
  const first = magic < 2 ? fromOffset : Math.max(fromOffset, baseOffset);
  const refused = leavesOut ? shaping.refusedIn(first, untilOffset - 1) : [];
  const undeclared = refused.filter(({ declared }) => !declared);
  const omit = new Set(refused.map(({ offset }) => offset));
  const { result: parts, treated } = await decided(treatment, (rewrite) => {
    return reshapeBatch(slice, { ...options, omit, ...rewrite });
  });
  // Dead letters are what the target would have got: nothing that rules hide goes there.
  const { result: gaps } = await decided(treatment, (rewrite) => {
    return refusedGaps(slice, undeclared, route, { ...options, ...rewrite });
  });
  const last = parts.at(-1);
  const isComplete = last === undefined || parts.length < MAX_PARTS;
  const next = isComplete ? (treated?.stop?.offset ?? untilOffset) : last.lastOffset + 1;
  return { gaps, parts, treated, next, isWhole: next > lastOffset };
}

/**
 * How often a batch is read for the schema ids in it: once to know them, once for what those at the target stand for, once with all that was found,
 * and once more in case it was forgotten.
 */
const MAX_READINGS = 4;

type Rewriting = Pick<ReshapeOptions, 'rewrite'>;

/** Reads until nothing has to be looked up any more. @throws SCHEMA_CONFLICT, REGISTRY_UNREACHABLE... */
async function decided<T>(
  treatment: Treatment | undefined,
  read: (rewriting: Rewriting) => Promise<T>,
): Promise<{ readonly result: T; readonly treated: BatchTreatment | undefined }> {
  if (treatment === undefined) return { result: await read({}), treated: undefined };
  for (let reading = 1; ; reading += 1) {
    const treated = treatment.begin();
    const result = await read({ rewrite: (records: DenseRecords) => treated.rewrite(records) });
    if (!treated.isWanting) return { result, treated };
    if (reading === MAX_READINGS) {
      const message = 'the batch has more schema ids than can be remembered at a time';
      throw new CausewayError('REGISTRY_UNREACHABLE', message);
    }
    await treatment.learn(treated.wanted);
  }
}
