import { invariant } from '../../common/errors/assert.js';
import type { PlanInput, PlanPartition, PlanPool, PlanWorker } from './plan-model.js';
import { fairQuotas, fairShares, shareBounds } from './quotas.js';
import { compareText } from './text-order.js';

/** A worker while a plan is made. */
export interface Seat {
  readonly worker: string;
  readonly capacity: number;
  /** Of everything it has, of whatever pool. */
  load: number;
  fairLoad: number;
  /** What stays with it, and the quotas of the groups dealt out so far. */
  base: number;
}

/** A worker as seen by one group of partitions. */
export interface Place {
  readonly seat: Seat;
  /** What it has of the group and may keep, in the order of keys. */
  kept: PlanPartition[];
  /** As `kept` was at first: who has little yet is joining. */
  before: number;
  /** `kept` and what was added since. */
  count: number;
  quota: number;
  /** What the quota might be as well. */
  low: number;
  high: number;
}

/** The partitions that the same workers may have; worker ids have no commas. Without pools there is one group. */
export interface Group {
  readonly places: readonly Place[];
  readonly placeOf: ReadonlyMap<string, Place>;
  readonly homeless: PlanPartition[];
  /** With a worker that is not one of the pool's. */
  misplaced: PlanPartition[];
  total: number;
  load: number;
}

export interface Table {
  readonly seats: ReadonlyMap<string, Seat>;
  /** Those with the fewest workers first: the others fill up around them. */
  readonly groups: readonly Group[];
  /** Not planned with: they stay. */
  readonly staying: readonly PlanPartition[];
}

/** @param partitions in the order of keys */
export function setTable(
  { workers, pools }: Pick<PlanInput, 'workers' | 'pools'>,
  partitions: readonly PlanPartition[],
  loadOf: (partition: PlanPartition) => number,
): Table {
  const seats = seatWorkers(workers);
  const groups = new Map<string, Group>();
  const staying: PlanPartition[] = [];
  const members = new Map<string, string>();
  const groupOf = (pool: string | undefined): Group => {
    const name = pool === undefined ? '' : (members.get(pool) ?? membersOf(pools?.get(pool), seats));
    if (pool !== undefined) members.set(pool, name);
    let group = groups.get(name);
    if (group === undefined) {
      group = newGroup(seats, name);
      groups.set(name, group);
    }
    return group;
  };
  for (const partition of partitions) {
    const load = loadOf(partition);
    const owner = 'owner' in partition.at ? seats.get(partition.at.owner) : undefined;
    if (owner !== undefined) owner.load += load;
    if ('stays' in partition.at) {
      staying.push(partition);
      if (owner === undefined) continue;
      owner.base += 1;
      owner.fairLoad += load;
      continue;
    }
    const group = groupOf(partition.pool);
    group.total += 1;
    group.load += load;
    const place = owner === undefined ? undefined : group.placeOf.get(owner.worker);
    if (place !== undefined) place.kept.push(partition);
    else if (owner !== undefined) group.misplaced.push(partition);
    else group.homeless.push(partition);
  }
  const order = [...groups].sort(([a, { places: x }], [b, { places: y }]) => x.length - y.length || compareText(a, b));
  for (const [, group] of order) dealOut(group);
  return { seats, groups: order.map(([, group]) => group), staying };
}

function seatWorkers(workers: readonly PlanWorker[]): Map<string, Seat> {
  const seats = new Map<string, Seat>();
  for (const { worker, capacity } of [...workers].sort((a, b) => compareText(a.worker, b.worker))) {
    invariant(capacity > 0 && !seats.has(worker), `worker ${worker} is listed twice or has no capacity`);
    seats.set(worker, { worker, capacity, load: 0, fairLoad: 0, base: 0 });
  }
  return seats;
}

/** The pool's workers that are there, as a name that equal pools share; empty where it is no pool: then all are meant. */
function membersOf(pool: PlanPool | undefined, seats: ReadonlyMap<string, Seat>): string {
  const present = new Set(pool?.workers.filter((worker) => seats.has(worker)));
  return present.size === seats.size ? '' : [...present].sort(compareText).join(',');
}

function newGroup(seats: ReadonlyMap<string, Seat>, name: string): Group {
  const members = name === '' ? undefined : new Set(name.split(','));
  const places = [...seats.values()]
    .filter((seat) => members?.has(seat.worker) !== false)
    .map((seat): Place => ({ seat, kept: [], before: 0, count: 0, quota: 0, low: 0, high: 0 }));
  const placeOf = new Map(places.map((place) => [place.seat.worker, place]));
  return { places, placeOf, homeless: [], misplaced: [], total: 0, load: 0 };
}

/** Sets the places' quotas, and adds the group's part to what is fair for each worker. */
function dealOut({ places, homeless, total, load }: Group): void {
  // What was promised counts as held, or the promise would lose its room to somebody else's spare unit.
  const promised = new Map<string, number>();
  for (const { prefers } of homeless) {
    if (prefers !== undefined) promised.set(prefers, (promised.get(prefers) ?? 0) + 1);
  }
  const vessels = places.map(({ seat, kept }) => ({
    capacity: seat.capacity,
    base: seat.base,
    current: kept.length + (promised.get(seat.worker) ?? 0),
  }));
  const shares = fairShares(vessels, total);
  const quotas = fairQuotas(vessels, total);
  const loads = fairShares(
    places.map(({ seat }) => ({ capacity: seat.capacity, base: seat.fairLoad })),
    load,
  );
  for (const [i, place] of places.entries()) {
    place.before = place.kept.length;
    place.count = place.kept.length;
    place.quota = quotas[i] as number;
    Object.assign(place, shareBounds(shares[i] as number));
    place.seat.base += place.quota;
    place.seat.fairLoad += loads[i] as number;
  }
}
