import { attributes, baseTimestamp } from '../../common/kafka/wire/records/batch-header.js';
import { codecOf, loadCodec } from '../../common/kafka/wire/records/compression.js';
import { type RecordsRange, recordsOf, walkRecords } from '../../common/kafka/wire/records/record-codec.js';
import type { QueuedBatch } from '../core/partition-queue.js';
import { judgeRefusal, type RecordWalk, type RefusalVerdict } from '../core/refusal.js';
import { MAX_REFUSED_AHEAD } from '../core/shaping.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';

const REFUSALS: ReadonlyMap<number, string> = new Map([
  [10, 'it is larger than the target topic’s max.message.bytes'],
  [18, 'it is larger than the target topic’s segment.bytes'],
  [32, 'a record’s timestamp is outside what the target topic allows'],
  [76, 'the target does not know its compression'],
  [87, 'a record breaks a rule of the target topic (a compacted topic refuses records without a key)'],
]);

/** Answers that speak of what is in the batch. */
export const REFUSALS_OF_RECORDS: { has(code: number): boolean } = REFUSALS;

export function refusalMessage(code: number, { sourceFirst, recordCount, bytes }: QueuedBatch): string {
  const why = REFUSALS.get(code) ?? `error ${code}`;
  return `the target refuses the batch at source offset ${sourceFirst} (${recordCount} records, ${bytes} bytes): ${why}`;
}

/** Looks into a refused batch for what is to blame. @throws BATCH_CORRUPT, BATCH_UNSUPPORTED */
export async function judgeBatch(
  { source, sourceFirst, sourceOffsets, recordCount }: QueuedBatch,
  code: number,
  blamed: readonly number[],
  wallMs: number,
): Promise<RefusalVerdict> {
  const { buffer, start } = source;
  await loadCodec(codecOf(attributes(buffer, start)));
  const base = baseTimestamp(buffer, start);
  let range: RecordsRange | undefined;
  const walk: RecordWalk = (visit) => {
    range ??= recordsOf(source);
    let index = 0;
    walkRecords(range, recordCount, (record) => {
      const offset = sourceOffsets?.[index] ?? sourceFirst + index;
      const timestamp = BigInt.asIntN(64, base + record.timestampDelta());
      visit({ offset, hasKey: record.keyLength >= 0, timestamp }, index);
      index += 1;
    });
  };
  return judgeRefusal(code, recordCount, walk, blamed, wallMs);
}

/** Remembers what the verdict says for when the batch comes again. @returns why the partition must stop, or undefined */
export function takeVerdict(
  partition: MirroredPartition,
  batch: QueuedBatch,
  verdict: RefusalVerdict,
  reason: Reason,
  nowMs: number,
): Reason | undefined {
  const { shaping, leavesOut } = partition;
  switch (verdict.kind) {
    case 'split':
      shaping.tooLarge(batch.bytes, nowMs);
      return undefined;
    case 'search':
      shaping.search(batch.sourceNext - 1, batch.bytes);
      return undefined;
    case 'recompress':
      if (shaping.codec !== undefined) return reason;
      shaping.codec = 'gzip';
      return undefined;
    case 'records': {
      const { offsets, reason: why } = verdict;
      const [first] = offsets;
      const which = `${offsets.length} record(s) from source offset ${first} on`;
      if (!leavesOut) return { ...reason, message: `${reason.message}; to blame: ${which}` };
      if (shaping.refusedCount + offsets.length > MAX_REFUSED_AHEAD) return reason;
      for (const offset of offsets) shaping.refuse(offset, { reason: why, detail: reason.message });
      return undefined;
    }
    case 'stop':
      return reason;
  }
}
