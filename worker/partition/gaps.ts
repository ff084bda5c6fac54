import { type BatchSlice, baseTimestamp } from '../../common/kafka/wire/records/batch-header.js';
import { recordsOf, walkRecords } from '../../common/kafka/wire/records/record-codec.js';
import type { RecordCursor } from '../../common/kafka/wire/records/record-cursor.js';
import { type ReshapeOptions, reshapeBatch } from '../../common/kafka/wire/records/reshape.js';
import type { SkipOrder } from '../../common/model/gap.js';
import type { Route } from '../../common/model/route.js';
import type { DeadLetter, PendingGap } from '../core/partition-queue.js';
import type { RefusedRecord } from '../core/shaping.js';

/** Of a gap itself, so that endless ones are not free of charge. */
const GAP_BYTES = 500;

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

/** Where an operator's order begins behind the position and inside the batch that ends at `lastOffset`; undefined where it does not. */
export function orderedFrom(skip: SkipOrder | undefined, position: number, lastOffset: number): number | undefined {
  if (skip === undefined) return undefined;
  const from = Number(skip.from);
  return from > position && from <= lastOffset ? from : undefined;
}

/** What a gap takes of the memory until it is written down. */
export function gapBytes({ deadLetters }: PendingGap): number {
  let bytes = GAP_BYTES;
  for (const { record } of deadLetters) {
    bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    for (const [key, value] of record.headers) bytes += key.length + (value?.length ?? 0);
  }
  return bytes;
}

/** One gap per stretch of refused records, with the records themselves where the route keeps them. */
export async function refusedGaps(
  batch: BatchSlice,
  refused: readonly Pick<RefusedRecord, 'offset' | 'refusal'>[],
  route: Pick<Route, 'onRefusedRecord'>,
  options: ReshapeOptions,
): Promise<PendingGap[]> {
  if (refused.length === 0) return [];
  const letters = route.onRefusedRecord === 'dead-letter' ? await recordsAt(batch, refused, options) : undefined;
  const gaps: { gap: PendingGap['gap']; deadLetters: DeadLetter[] }[] = [];
  for (const { offset, refusal } of refused) {
    const letter = letters?.get(offset);
    const deadLetters = letter === undefined ? [] : [letter];
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

/** By offset. */
async function recordsAt(
  batch: BatchSlice,
  refused: readonly { readonly offset: number }[],
  { fromOffset, appendTime, rewrite }: ReshapeOptions,
): Promise<ReadonlyMap<number, DeadLetter>> {
  const wanted = new Set(refused.map(({ offset }) => offset));
  const letters = new Map<number, DeadLetter>();
  // As the target would have got them: dense and of the present format, so that one decoder is enough.
  const parts = await reshapeBatch(batch, {
    codec: 'none',
    ...(fromOffset === undefined ? {} : { fromOffset }),
    ...(appendTime === undefined ? {} : { appendTime }),
    ...(rewrite === undefined ? {} : { rewrite }),
  });
  for (const { batch: part, firstOffset, sourceOffsets, recordCount } of parts) {
    const base = baseTimestamp(part.buffer, part.start);
    let index = 0;
    walkRecords(recordsOf(part), recordCount, (record) => {
      const offset = sourceOffsets?.[index] ?? firstOffset + index;
      index += 1;
      if (wanted.has(offset)) letters.set(offset, { offset, record: copied(record, base) });
    });
  }
  return letters;
}

/** In memory of its own: a few records must not hold a whole batch's. */
function copied(record: RecordCursor, base: bigint): DeadLetter['record'] {
  const { buffer, keyStart, keyLength, valueStart, valueLength } = record;
  return {
    key: keyLength < 0 ? null : Buffer.from(buffer.subarray(keyStart, keyStart + keyLength)),
    value: valueLength < 0 ? null : Buffer.from(buffer.subarray(valueStart, valueStart + valueLength)),
    headers: record.headers().map(([key, value]) => [Buffer.from(key), value === null ? null : Buffer.from(value)]),
    timestamp: BigInt.asIntN(64, base + record.timestampDelta()),
  };
}
