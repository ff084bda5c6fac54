import { isCausewayError, messageOf } from '../../common/errors/error.js';
import { attributes, baseTimestamp } from '../../common/kafka/wire/records/batch-header.js';
import { codecOf, loadCodec } from '../../common/kafka/wire/records/compression.js';
import { type RecordsRange, recordsOf, walkRecords } from '../../common/kafka/wire/records/record-codec.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { QueuedBatch } from '../core/partition-queue.js';
import { judgeRefusal, type RecordWalk, type RefusalVerdict } from '../core/refusal.js';
import { MAX_REFUSED_AHEAD } from '../core/shaping.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';
import type { PartitionPort } from './port.js';

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

/** A batch that the target will not take as it is. */
export interface Refused {
  readonly batch: QueuedBatch;
  readonly reason: Reason;
  readonly code: number;
  /** Indexes of records that the target named. */
  readonly blamed: readonly number[];
}

/** Finds out what in the batch is refused; it is fetched again, and shaped by what was learned. */
export async function judgeRefused(
  partition: MirroredPartition,
  { batch, reason, code, blamed }: Refused,
  { port, clock }: { readonly port: PartitionPort; readonly clock: Pick<Clock, 'monotonicMs' | 'wallMs'> },
): Promise<void> {
  const { life } = partition;
  partition.judging = true;
  const stop = await judgeBatch(batch, code, blamed, clock.wallMs()).then(
    (verdict) => takeVerdict(partition, batch, verdict, reason, clock.monotonicMs()),
    (error: unknown): Reason => {
      const code = isCausewayError(error, 'BATCH_UNSUPPORTED') ? 'BATCH_UNSUPPORTED' : 'BATCH_CORRUPT';
      return { code, message: messageOf(error) };
    },
  );
  if (partition.life !== life) return;
  partition.judging = false;
  if (stop !== undefined) port.pause(partition, stop);
  else port.freed(partition);
}

/** Looks into a refused batch for what is to blame. @throws BATCH_CORRUPT, BATCH_UNSUPPORTED */
async function judgeBatch(
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
function takeVerdict(
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
