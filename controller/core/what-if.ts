import type { MoveReason, Plan, PlanInput, PlanPartition, PlanPool, PlanWorker, WorkerShare } from './plan-model.js';
import { plan } from './planner.js';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

export interface WhatIf {
  /** As they would be. */
  readonly workers: readonly PlanWorker[];
  readonly pools: ReadonlyMap<string, PlanPool>;
  /** What all measured loads are multiplied with. */
  readonly loadFactor: number;
}

export interface Outcome {
  /** As it would be once everything has moved. */
  readonly shares: readonly WorkerShare[];
  /** Partitions that would be with another worker than now, by why they move. */
  readonly moves: ReadonlyMap<MoveReason, number>;
  readonly unassigned: number;
}

/** What would become of the partitions, with the loads measured now: planned to the end, without limits of moves. */
export function simulate(input: PlanInput, { workers, pools, loadFactor }: WhatIf): Outcome {
  const ids = new Set(workers.map(({ worker }) => worker));
  const partitions = input.partitions.map((partition) => supposed(partition, ids, loadFactor));
  const load = input.load === undefined ? {} : { load: { ...input.load, maxMoves: UNLIMITED } };
  const supposedInput = { workers, pools, maxBalanceMoves: UNLIMITED, ...load };
  const counted = plan({ ...supposedInput, partitions });
  // Loads are exchanged once everybody has their number.
  const even = plan({ ...supposedInput, partitions: partitions.map((partition) => placed(partition, counted)) });
  const moves = new Map<MoveReason, number>();
  const reasons = new Map([...counted.moves, ...even.moves].map(({ key, reason }) => [key, reason]));
  for (const { key, at, from } of input.partitions) {
    const before = 'owner' in at ? at.owner : from;
    const reason = reasons.get(key);
    if (reason === undefined || even.owners.get(key) === before) continue;
    moves.set(reason, (moves.get(reason) ?? 0) + 1);
  }
  return { shares: even.shares, moves, unassigned: even.unassigned.length };
}

/** The partition as it is, running and at rest; at a worker that would not be there it would have none. */
function supposed(partition: PlanPartition, workers: ReadonlySet<string>, loadFactor: number): PlanPartition {
  const { at, load, rests: _, stuck: __, begins: ___, ...rest } = partition;
  const weighed = { ...rest, ...(load === undefined ? {} : { load: load * loadFactor }) };
  if ('owner' in at && !workers.has(at.owner) && at.stays !== true) {
    return { ...weighed, at: { homeless: 'left' }, from: at.owner };
  }
  return { ...weighed, at };
}

function placed(partition: PlanPartition, { owners }: Plan): PlanPartition {
  const owner = owners.get(partition.key);
  const { prefers: _, ...rest } = partition;
  return owner === undefined || 'stays' in partition.at ? partition : { ...rest, at: { owner } };
}

export interface WorkerNeed {
  /** Of capacity 1. */
  readonly expected: number;
  /** Null while too little is measured. */
  readonly byLoad: number | null;
  readonly byPartitions: number;
}

/** How many workers of capacity 1 the fleet needs, by what one is to carry. */
export function workersNeeded(
  { shares }: Pick<Plan, 'shares'>,
  partitions: number,
  { workerLoad, workerPartitions }: { readonly workerLoad: number; readonly workerPartitions: number },
): WorkerNeed {
  const byPartitions = Math.ceil(partitions / workerPartitions);
  const isMeasured = shares.length > 0 && shares.every(({ load }) => load !== null);
  const total = shares.reduce((sum, { load }) => sum + (load ?? 0), 0);
  const byLoad = isMeasured ? Math.ceil(total / workerLoad) : null;
  return { expected: Math.max(1, byPartitions, byLoad ?? 0), byLoad, byPartitions };
}
