import type { PlanPartition } from './plan-model.js';
import type { Place, Seat } from './seats.js';
import { compareText } from './text-order.js';

/** Of the difference between two workers: moving more than that turns the scales. */
const MAX_TURN = 1.5;

/** A partition with what it costs. */
export interface Weighed {
  readonly partition: PlanPartition;
  readonly load: number;
}

/** What one worker has of one group, the heaviest last. */
export interface Shelf {
  readonly place: Place;
  readonly movable: Weighed[];
}

/** One partition changes hands, or two do. */
export interface Exchange {
  readonly from: Shelf;
  readonly to: Shelf;
  readonly gives: Weighed;
  /** What comes back for it, so that both keep their number of partitions. */
  readonly takes: Weighed | undefined;
}

/** Ascending by load for capacity. */
export function byFill(shelves: ReadonlyMap<string, Shelf>): Shelf[] {
  return [...shelves.values()].sort(
    ({ place: { seat: a } }, { place: { seat: b } }) =>
      a.load / a.capacity - b.load / b.capacity || compareText(a.worker, b.worker),
  );
}

/** The one with the most above its fair load, for its capacity. */
export function mostAbove(seats: readonly Seat[]): Seat | undefined {
  const excess = ({ load, fairLoad, capacity }: Seat): number => (load - fairLoad) / capacity;
  let most: Seat | undefined;
  for (const seat of seats) if (most === undefined || excess(seat) > excess(most)) most = seat;
  return most;
}

/** May a partition simply change hands, both numbers staying within the floor and ceiling of their shares? */
export function canShift(from: Place, to: Place): boolean {
  return from.count > from.low && to.count < to.high;
}

/** For each partition of the fuller one: giving it away, or for the partner's one that comes nearest to making both equally full. */
export function* exchangesOf(from: Shelf, to: Shelf, mayShift: boolean): Generator<Exchange> {
  const [a, b] = [from.place.seat, to.place.seat];
  const difference = a.load / a.capacity - b.load / b.capacity;
  if (difference <= 0) return;
  const ideal = difference / (1 / a.capacity + 1 / b.capacity);
  const shift = mayShift && canShift(from.place, to.place);
  for (const gives of from.movable) {
    if (shift) yield { from, to, gives, takes: undefined };
    const wanted = gives.load - ideal;
    const above = firstAtLeast(to.movable, wanted);
    for (const takes of [to.movable[above - 1], to.movable[above]]) {
      if (takes !== undefined && takes.load < gives.load) yield { from, to, gives, takes };
    }
  }
}

/** Does it leave the other one fuller than this one was? */
export function turnsTheScales({ from, to, gives, takes }: Exchange): boolean {
  const moved = gives.load - (takes?.load ?? 0);
  const [a, b] = [from.place.seat, to.place.seat];
  const excess = a.load / a.capacity - b.load / b.capacity;
  return moved * (1 / a.capacity + 1 / b.capacity) > MAX_TURN * excess;
}

/** How full the fuller of the two would be. */
export function fillAfter({ from, to, gives, takes }: Exchange): number {
  const moved = gives.load - (takes?.load ?? 0);
  const [a, b] = [from.place.seat, to.place.seat];
  return Math.max((a.load - moved) / a.capacity, (b.load + moved) / b.capacity);
}

/** Lightest first; the key decides among equals. */
export function compareWeighed(a: Weighed, b: Weighed): number {
  return a.load - b.load || compareText(a.partition.key, b.partition.key);
}

/** Where the entry belongs in a sorted list. */
export function lowerBound(list: readonly Weighed[], weighed: Weighed): number {
  return search(list, (entry) => compareWeighed(entry, weighed) < 0);
}

function firstAtLeast(list: readonly Weighed[], load: number): number {
  return search(list, (entry) => entry.load < load);
}

/** Index of the first entry for which `isBefore` does not hold. */
function search(list: readonly Weighed[], isBefore: (entry: Weighed) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(list[middle] as Weighed)) low = middle + 1;
    else high = middle;
  }
  return low;
}
