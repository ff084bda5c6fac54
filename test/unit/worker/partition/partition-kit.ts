import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import type { AssignmentItem } from '../../../../common/model/assignment.js';
import type { Route } from '../../../../common/model/route.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { ByteBudget } from '../../../../worker/core/byte-budget.js';
import type { PendingGap, QueuedBatch } from '../../../../worker/core/partition-queue.js';
import { Lane } from '../../../../worker/lane/lane.js';
import { MirroredPartition, type Reason } from '../../../../worker/partition/mirrored-partition.js';
import { Outlet } from '../../../../worker/partition/outlet.js';
import type { ExactTarget, OutletDeps } from '../../../../worker/partition/outlet-deps.js';
import type { PartitionPort } from '../../../../worker/partition/port.js';

export function testPartition(route = 'r', partition = 0): MirroredPartition {
  const settings: Route = {
    name: route,
    source: 's',
    target: 't',
    naming: { policy: 'identity' },
    delivery: 'at-least-once',
    start: 'earliest',
    isolation: 'read_committed',
    targetTopics: { create: true },
    compression: 'source',
    onRefusedRecord: 'pause',
    limits: {},
  };
  const item: AssignmentItem = {
    route,
    topic: 'topic',
    partition,
    state: 'own',
    paused: false,
    sourceTopicId: null,
    targetTopic: 'topic',
    timeline: 1,
    started: false,
    start: 'earliest',
  };
  return new MirroredPartition(item, settings);
}

/** Remembers what a partition tells its thread. */
export class RecordingPort implements PartitionPort {
  readonly calls: string[] = [];
  readonly reasons: Reason[] = [];
  ready(): void {
    this.calls.push('ready');
  }
  freed(): void {
    this.calls.push('freed');
  }
  pause(partition: MirroredPartition, reason: Reason): void {
    partition.on({ type: 'pause', reason });
    this.calls.push(`pause ${reason.code}`);
  }
  restart(_partition: MirroredPartition, reason: Reason): void {
    this.calls.push(`restart ${reason.code}`);
  }
  abandon(_partition: MirroredPartition, reason: Reason): void {
    this.reasons.push(reason);
    this.calls.push(`abandon ${reason.code}`);
  }
  laneDead(): void {
    this.calls.push('lane-dead');
  }
  refreshSource(): void {
    this.calls.push('refresh-source');
  }
  refreshTarget(): void {
    this.calls.push('refresh-target');
  }
}

/** It forgets nobody, and knows every lane. */
const CERTAIN_TARGET: ExactTarget = { forgetsAfterMs: Number.POSITIVE_INFINITY, confirms: () => true };

/** The target side of a running partition with `count` batches of ten records queued, and a lane that knows the target. */
export function runningOutlet(
  count: number,
  options: {
    readonly route?: Partial<Route>;
    readonly declare?: (gap: PendingGap) => Promise<void>;
    readonly divert?: OutletDeps['divert'];
    readonly exactTarget?: Partial<ExactTarget>;
    readonly clock?: Partial<OutletDeps['clock']>;
  } = {},
): {
  partition: MirroredPartition;
  outlet: Outlet;
  port: RecordingPort;
  budget: ByteBudget;
  lane: Lane;
} {
  const partition = testPartition();
  partition.route = { ...partition.route, coalesceBelowBytes: 0, ...options.route };
  const port = new RecordingPort();
  const budget = new ByteBudget(1 << 20);
  const lane = new Lane({
    transactionalId: 'causeway.f.w.i.0',
    worker: 'w',
    incarnation: 'i',
    index: 0,
    target: 't',
    producerId: 7n,
    producerEpoch: 0,
    state: 'active',
    http: '',
    createdAt: '',
  });
  lane.acked(partition.targetKey, 0);
  partition.lane = lane;
  partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
  partition.on({ type: 'copy' });
  for (let i = 0; i < count; i++) {
    const batch = batchOf(i * 10, 10);
    budget.charge(batch.bytes);
    partition.queue.push(batch);
  }
  const outlet = new Outlet(partition, {
    budget,
    port,
    clock: { monotonicMs: () => 0, wallMs: () => 0, after: (ms, run) => systemClock.after(ms, run), ...options.clock },
    random: systemRandom,
    declare: (_partition, gap) => options.declare?.(gap) ?? Promise.resolve(),
    divert: options.divert ?? (() => Promise.resolve()),
    exactTarget: () => ({ ...CERTAIN_TARGET, ...options.exactTarget }),
    coalesced: () => undefined,
    copied: () => undefined,
    crowded: () => undefined,
    repeated: () => undefined,
  });
  return { partition, outlet, port, budget, lane };
}

export function batchOf(sourceFirst: number, recordCount: number): QueuedBatch {
  const records = Array.from({ length: recordCount }, () => ({
    key: null,
    value: Buffer.from('v'),
    headers: [],
    timestamp: 1n,
  }));
  const buffer = buildBatch(records, { baseOffset: BigInt(sourceFirst) });
  return {
    sourceFirst,
    sourceNext: sourceFirst + recordCount,
    recordCount,
    sourceOffsets: null,
    gap: undefined,
    bytes: buffer.length,
    leaderEpoch: 0,
    maxTimestampMs: 1,
    source: { buffer, start: 0, length: buffer.length },
    body: undefined,
    image: undefined,
    baseSequence: -1,
    targetBase: -1,
    state: 'queued',
    resend: false,
  };
}

/** Everything the outlet gives at once. */
export function sendAll(outlet: Outlet): QueuedBatch[] {
  const sent: QueuedBatch[] = [];
  for (let batch = outlet.next(0); batch !== undefined; batch = outlet.next(0)) sent.push(batch);
  return sent;
}
