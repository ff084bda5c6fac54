import type { FetchedPartition } from '../../../../common/kafka/wire/apis/fetch.js';
import { BufferPool } from '../../../../common/kafka/wire/buffer-pool.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { UNBOUNDED } from '../../../../worker/core/allowance.js';
import { VerdictCounts } from '../../../../worker/core/batch-verdict.js';
import { ByteBudget } from '../../../../worker/core/byte-budget.js';
import type { PendingGap, QueuedBatch } from '../../../../worker/core/partition-queue.js';
import { ResponseBody } from '../../../../worker/fetch/response-body.js';
import { Intake } from '../../../../worker/partition/intake.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { RecordingPort, testPartition } from './partition-kit.js';

/** The source side of a running partition. */
export function intakeOf(partition: MirroredPartition, port: RecordingPort, budget: ByteBudget): Intake {
  return new Intake(partition, {
    budget,
    allowance: UNBOUNDED,
    counts: new VerdictCounts(),
    fetchMaxPartitionBytes: 1 << 20,
    crcCheckEvery: 1,
    port,
    treatment: () => undefined,
    treated: () => undefined,
    clock: systemClock,
    random: systemRandom,
  });
}

export function runningIntake(position: number): {
  readonly partition: MirroredPartition;
  readonly port: RecordingPort;
  readonly budget: ByteBudget;
  readonly intake: Intake;
} {
  const partition = testPartition();
  partition.begin({ source: position, target: 0, runSource: position, runTarget: 0 });
  partition.on({ type: 'copy' });
  const port = new RecordingPort();
  const budget = new ByteBudget(1 << 20);
  return { partition, port, budget, intake: intakeOf(partition, port, budget) };
}

export function fetched(records: Buffer | null, errorCode = 0, endOffset = 10): FetchedPartition {
  return {
    partition: 0,
    errorCode,
    highWatermark: endOffset,
    lastStableOffset: endOffset,
    logStartOffset: 0,
    abortedTransactions: [],
    preferredReadReplica: -1,
    records,
  };
}

export const body = (): ResponseBody => new ResponseBody(new BufferPool(0), Buffer.alloc(0));

/** Answers what the intake asks for with `log`, cut off before the position, until it has it all or stops. */
export async function feed(intake: Intake, partition: MirroredPartition, log: readonly Buffer[], end: number) {
  for (let fetches = 0; fetches < 1_000 && partition.state === 'running'; fetches++) {
    while (intake.wanted() === undefined && partition.state === 'running') {
      if (partition.judging) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (partition.state !== 'running' || partition.queue.fetchNext >= end) return;
    intake.accept(fetched(Buffer.concat(log), 0, end), body());
  }
}

/** What lies in the queue, in order: its source offsets, or those left out. */
export function queuedOffsets(partition: MirroredPartition): { records: number[][]; gaps: PendingGap['gap'][] } {
  const records: number[][] = [];
  const gaps: PendingGap['gap'][] = [];
  for (const batch of takeAll(partition)) {
    if (batch.gap === undefined) records.push(offsetsOf(batch));
    else gaps.push(batch.gap.gap);
  }
  return { records, gaps };
}

export function takeAll(partition: MirroredPartition): QueuedBatch[] {
  const { queue } = partition;
  const taken: QueuedBatch[] = [];
  for (let batch = queue.next(Infinity); batch !== undefined; batch = queue.next(Infinity)) {
    queue.markSent(batch);
    queue.ack(batch, batch.sourceFirst);
    taken.push(batch);
  }
  return taken;
}

function offsetsOf({ sourceFirst, sourceOffsets, recordCount }: QueuedBatch): number[] {
  return Array.from({ length: recordCount }, (_, i) => sourceOffsets?.[i] ?? sourceFirst + i);
}
