import type { BatchSlice } from '../../common/kafka/wire/records/batch-header.js';
import { decodeBatch } from '../../common/kafka/wire/records/record-codec.js';
import { type ReshapeOptions, reshapeBatch } from '../../common/kafka/wire/records/reshape.js';
import type { SkipOrder } from '../../common/model/gap.js';
import type { Route } from '../../common/model/route.js';
import type { DeadLetter, PendingGap } from '../core/partition-queue.js';
import type { Refusal } from '../core/shaping.js';

/** What an operator's order leaves out at this position; undefined when it does not concern it. `sourceEnd` -1: not known. */
export function operatorGap(skip: SkipOrder | undefined, position: number, sourceEnd: number): PendingGap | undefined {
  if (skip === undefined || position < Number(skip.from) || sourceEnd < 0) return undefined;
  const end = Math.min(Number(skip.to), sourceEnd);
  if (position >= end) return undefined;
  return {
    gap: { firstOffset: position, lastOffset: end - 1, reason: 'operator', detail: skip.reason },
    deadLetters: [],
  };
}

/** One gap per stretch of refused records, with the records themselves where the route keeps them. */
export async function refusedGaps(
  batch: BatchSlice,
  refused: readonly { readonly offset: number; readonly refusal: Refusal }[],
  route: Pick<Route, 'onRefusedRecord'>,
  options: ReshapeOptions,
): Promise<PendingGap[]> {
  const letters = route.onRefusedRecord === 'dead-letter' ? await recordsAt(batch, refused, options) : [];
  const gaps: { gap: PendingGap['gap']; deadLetters: DeadLetter[] }[] = [];
  for (const { offset, refusal } of refused) {
    const deadLetters = letters.filter((letter) => letter.offset === offset);
    const last = gaps.at(-1);
    if (last !== undefined && last.gap.lastOffset === offset - 1 && last.gap.reason === refusal.reason) {
      last.gap = { ...last.gap, lastOffset: offset };
      last.deadLetters.push(...deadLetters);
    } else {
      gaps.push({ gap: { firstOffset: offset, lastOffset: offset, ...refusal }, deadLetters });
    }
  }
  return gaps;
}

async function recordsAt(
  batch: BatchSlice,
  refused: readonly { readonly offset: number }[],
  { fromOffset, appendTime }: ReshapeOptions,
): Promise<DeadLetter[]> {
  const wanted = new Set(refused.map(({ offset }) => offset));
  const letters: DeadLetter[] = [];
  // As the target would have got them: dense and of the present format, so that one decoder is enough.
  const parts = await reshapeBatch(batch, {
    codec: 'none',
    ...(fromOffset === undefined ? {} : { fromOffset }),
    ...(appendTime === undefined ? {} : { appendTime }),
  });
  for (const { batch: part, firstOffset, sourceOffsets } of parts) {
    const { records } = decodeBatch(part.buffer.subarray(part.start, part.start + part.length));
    records.forEach((record, i) => {
      const offset = sourceOffsets?.[i] ?? firstOffset + i;
      if (wanted.has(offset)) letters.push({ offset, record });
    });
  }
  return letters;
}
