import { invariant } from '../../common/errors/assert.js';
import { Connections } from './connections.js';
import { weigh } from './load.js';
import { LoadMoves } from './load-moves.js';
import { type Pending, placeAll } from './placing.js';
import type { Move, Plan, PlanInput, PlanPartition, WorkerShare } from './plan-model.js';
import { type Group, setTable, type Table } from './seats.js';
import { pickSurplus } from './surplus.js';
import { compareText } from './text-order.js';

/**
 * Decides which worker should have which partition. Pure and deterministic: the order of the input does not matter, and the
 * same world in gives no move out. Every partition that may stay stays, unless its worker has more than its fair share
 * (floor or ceiling of partitions x capacity / total capacity); what has no worker fills up those below their share, preferring those
 * that are not overloaded, with the fewest partitions of that topic, and among equals those that talk to its brokers already. Only where everybody has their number, and nothing is on its way,
 * heavy partitions are exchanged for light ones until measured loads are even as well.
 */
export function plan(input: PlanInput): Plan {
  const partitions = [...input.partitions].sort((a, b) => compareText(a.key, b.key));
  const measured = input.load === undefined ? undefined : weigh(partitions);
  const loadOf = measured ?? (() => 1);
  const table = setTable(input, partitions, loadOf);
  // What stays may have to be given back to its worker first.
  const moves = table.staying.flatMap(({ key, at, from, why }): Move[] =>
    'owner' in at && why !== undefined ? [{ key, from, to: at.owner, reason: why }] : [],
  );
  if (table.seats.size > 0) {
    const maxLoadFactor = measured === undefined ? Number.POSITIVE_INFINITY : 1 + (input.load?.tolerance ?? 0);
    let budget = input.maxBalanceMoves;
    let isCalm = true;
    const connections = new Connections(partitions, input.brokersOf);
    for (const group of table.groups) {
      const { pending, spent } = pendingOf(group, budget, input.pools);
      for (const { partition } of pending) leaveSeat(table, partition, loadOf);
      budget -= spent;
      moves.push(...placeAll(group, pending, { loadOf, maxLoadFactor, connections }));
      // What is only beginning is not waited for: it may never get that far.
      isCalm &&= pending.length === 0 && group.misplaced.every(({ begins }) => begins === true);
    }
    if (isCalm && input.load !== undefined && input.load.maxMoves > 0) {
      const exchanges = new LoadMoves(table, input.load, loadOf, budget);
      exchanges.relieveStuck(table);
      if (measured !== undefined) exchanges.relieveLoaded();
      moves.push(...exchanges.moves);
    }
  }
  const owners = ownersOf(partitions, table, moves);
  const unassigned = partitions.filter(({ key }) => !owners.has(key)).map(({ key }) => key);
  verify(owners, table, partitions);
  return { owners, moves, unassigned, shares: sharesOf(owners, table, measured !== undefined) };
}

/** What needs a place in the group: the homeless, and as the budget allows those at the wrong worker and those too many at one. */
function pendingOf(
  group: Group,
  budget: number,
  pools: PlanInput['pools'],
): { readonly pending: readonly Pending[]; readonly spent: number } {
  const homeless = group.homeless.map((partition): Pending => {
    const { at, why } = partition;
    const own = 'homeless' in at && at.homeless !== 'moving' ? at.homeless : undefined;
    // Its worker was taken off the list without having been seen to go.
    const gone = 'owner' in at ? ('left' as const) : undefined;
    return { partition, reason: why ?? own ?? gone };
  });
  const misplaced = group.misplaced.filter(({ begins }) => begins !== true).slice(0, Math.max(0, budget));
  const moving = new Set(misplaced);
  group.misplaced = group.misplaced.filter((partition) => !moving.has(partition));
  const surplus = takeSurplus(group, budget - misplaced.length);
  const pending = [
    ...homeless,
    ...misplaced.map((partition): Pending => ({ partition, reason: pools?.get(partition.pool ?? '')?.reason })),
    ...surplus.map((partition): Pending => ({ partition, reason: undefined })),
  ];
  return { pending, spent: misplaced.length + surplus.length };
}

function leaveSeat({ seats }: Table, partition: PlanPartition, loadOf: (partition: PlanPartition) => number): void {
  const seat = 'owner' in partition.at ? seats.get(partition.at.owner) : undefined;
  if (seat !== undefined) seat.load -= loadOf(partition);
}

/** Takes partitions off workers above their quota, the fullest first, within the round's limit. */
function takeSurplus({ places }: Group, maxMoves: number): PlanPartition[] {
  const surplus: PlanPartition[] = [];
  const shedOfTopic = new Map<string, number>();
  const over = places
    .filter(({ count, quota }) => count > quota)
    .sort((a, b) => b.count / b.seat.capacity - a.count / a.seat.capacity || compareText(a.seat.worker, b.seat.worker));
  for (const place of over) {
    const count = Math.min(place.count - place.quota, maxMoves - surplus.length);
    if (count <= 0) break;
    const movable = place.kept.filter(({ begins }) => begins !== true);
    const picked = pickSurplus(movable, count, shedOfTopic);
    surplus.push(...picked);
    const gone = new Set(picked);
    place.kept = place.kept.filter((partition) => !gone.has(partition));
    place.count -= picked.length;
  }
  return surplus;
}

function ownersOf(partitions: readonly PlanPartition[], table: Table, moves: readonly Move[]): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { key, at } of partitions) {
    if ('owner' in at && ('stays' in at || table.seats.has(at.owner))) owners.set(key, at.owner);
  }
  for (const { key, to } of moves) owners.set(key, to);
  return owners;
}

function sharesOf(owners: ReadonlyMap<string, string>, { seats }: Table, isMeasured: boolean): WorkerShare[] {
  const counts = new Map<string, number>();
  for (const worker of owners.values()) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  return [...seats.values()].map(({ worker, load, fairLoad }) => ({
    worker,
    partitions: counts.get(worker) ?? 0,
    load: isMeasured ? load : null,
    fairLoad: isMeasured ? fairLoad : null,
  }));
}

/** What must hold of every plan; a violation is a bug and publishes nothing. */
function verify(owners: ReadonlyMap<string, string>, { seats }: Table, partitions: readonly PlanPartition[]): void {
  const staying = new Set<string>();
  const keys = new Set<string>();
  for (const { key, at } of partitions) {
    keys.add(key);
    if ('stays' in at) staying.add(key);
  }
  invariant(keys.size === partitions.length, 'a partition is listed twice');
  invariant(seats.size === 0 || owners.size === keys.size, 'a partition has no worker though there are workers');
  for (const [key, worker] of owners) {
    invariant(keys.has(key), `partition ${key} is not wanted`);
    invariant(seats.has(worker) || staying.has(key), `partition ${key} is with ${worker}, which takes none`);
  }
}
