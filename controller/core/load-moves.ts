import {
  byFill,
  canShift,
  compareWeighed,
  type Exchange,
  exchangesOf,
  fillAfter,
  lowerBound,
  mostAbove,
  type Shelf,
  turnsTheScales,
  type Weighed,
} from './exchange.js';
import type { LoadPolicy, Move, MoveReason, PlanPartition } from './plan-model.js';
import type { Group, Place, Seat, Table } from './seats.js';

/** A worker that carries too much looks for relief at this many of the least loaded. */
const PARTNERS = 8;
/** An exchange that takes less than this share of the worker's fair load off it is not worth two handoffs, */
const MIN_GAIN_SHARE = 0.01;
/** nor one that takes less than this share of the floor. */
const MIN_GAIN_OF_FLOOR = 0.1;
/** More than a fleet's round ever needs; ends a search that would not. */
const MAX_EXCHANGES = 20_000;
/** Stuck partitions moved in one round: where many are stuck at once the fault is not their worker's. */
const MAX_STUCK_MOVES = 3;

/**
 * Moves between workers that all have their number of partitions already: stuck ones to somebody else, and exchanges of heavy for light
 * ones where a worker carries too much. The numbers stay within the floor and the ceiling of each one's share.
 * Where nothing more can be gained it does nothing, so that the same world gives no move.
 */
export class LoadMoves {
  readonly #policy: LoadPolicy;
  readonly #loadOf: (partition: PlanPartition) => number;
  /** By group, by worker. */
  readonly #shelves: readonly ReadonlyMap<string, Shelf>[];
  readonly #seats: readonly Seat[];
  /** Partitions that are to move, with where they were, where they go now, and why. */
  readonly #moved = new Map<string, { readonly from: Place; to: Place; reason: MoveReason }>();
  readonly #budget: number;
  /** One group: a spare partition may simply change hands. Where there are several, one group's spare decides about another's. */
  readonly #mayShift: boolean;

  constructor(table: Table, policy: LoadPolicy, loadOf: (partition: PlanPartition) => number, budget: number) {
    this.#policy = policy;
    this.#loadOf = loadOf;
    this.#budget = Math.min(budget, policy.maxMoves);
    this.#mayShift = table.groups.length === 1;
    this.#seats = [...table.seats.values()];
    this.#shelves = table.groups.map((group) => this.#shelvesOf(group));
  }

  /** Stuck partitions first: they are why somebody waits. */
  relieveStuck(table: Table): void {
    let moved = 0;
    for (const [i, { places }] of table.groups.entries()) {
      const shelves = this.#shelves[i] as ReadonlyMap<string, Shelf>;
      const suffering = new Set(places.filter(({ kept }) => kept.some(({ stuck }) => stuck === true)));
      for (const place of suffering) {
        for (const partition of place.kept) {
          if (partition.stuck !== true || partition.rests === true || moved >= MAX_STUCK_MOVES) continue;
          const gives = { partition, load: this.#loadOf(partition) };
          if (this.#giveAway(shelves, shelves.get(place.seat.worker) as Shelf, gives, suffering)) moved++;
        }
      }
    }
  }

  relieveLoaded(): void {
    const isAbove = (tolerance: number, floor: number) => (seat: Seat) =>
      seat.load > seat.fairLoad * (1 + tolerance) + floor * seat.capacity;
    const { tolerance, floor } = this.#policy;
    if (!this.#seats.some(isAbove(tolerance, floor))) return;
    const isHigh = isAbove(tolerance / 2, floor / 2);
    let hopeless = new Set<Seat>();
    for (let exchanges = 0; exchanges < MAX_EXCHANGES; exchanges++) {
      const seat = mostAbove(this.#seats.filter((candidate) => isHigh(candidate) && !hopeless.has(candidate)));
      if (seat === undefined) return;
      const exchange = this.#bestExchange(seat);
      if (exchange === undefined) hopeless.add(seat);
      else {
        this.#carryOut(exchange, 'load', 'load');
        // What changed may help those that found nothing before.
        hopeless = new Set();
      }
    }
  }

  get moves(): Move[] {
    return [...this.#moved].map(([key, { from, to, reason }]) => ({
      key,
      from: from.seat.worker,
      to: to.seat.worker,
      reason,
    }));
  }

  #shelvesOf({ places }: Group): Map<string, Shelf> {
    return new Map(
      places.map((place) => {
        const movable = place.kept
          .filter(({ rests, stuck, begins }) => rests !== true && stuck !== true && begins !== true)
          .map((partition) => ({ partition, load: this.#loadOf(partition) }))
          .sort(compareWeighed);
        return [place.seat.worker, { place, movable }];
      }),
    );
  }

  /** To the least loaded worker without stuck ones; against its lightest partition where the numbers have to stay. */
  #giveAway(shelves: ReadonlyMap<string, Shelf>, from: Shelf, gives: Weighed, suffering: ReadonlySet<Place>): boolean {
    for (const to of byFill(shelves)) {
      if (to === from || suffering.has(to.place)) continue;
      const shifts = this.#mayShift && canShift(from.place, to.place);
      const takes = shifts ? undefined : to.movable[0];
      const exchange = { from, to, gives, takes };
      if ((takes === undefined && !shifts) || !this.#affordable(exchange)) continue;
      this.#carryOut(exchange, 'stuck', 'balance');
      return true;
    }
    return false;
  }

  /**
   * The exchange after which the fuller of the two is least full; undefined where none is worth it. One that would turn the scales is
   * taken only where no other helps: a giant does not wander while its neighbours could.
   */
  #bestExchange(seat: Seat): Exchange | undefined {
    const { floor } = this.#policy;
    const fill = seat.load / seat.capacity;
    const gain = MIN_GAIN_SHARE * (seat.fairLoad / seat.capacity) + MIN_GAIN_OF_FLOOR * floor;
    const worthwhile = fill - Math.max(gain, Number.EPSILON * fill);
    const gentle = { exchange: undefined as Exchange | undefined, fill: worthwhile };
    const any = { exchange: undefined as Exchange | undefined, fill: worthwhile };
    for (const shelves of this.#shelves) {
      const from = shelves.get(seat.worker);
      if (from === undefined) continue;
      for (const to of byFill(shelves).slice(0, PARTNERS)) {
        if (to === from) continue;
        for (const exchange of exchangesOf(from, to, this.#mayShift)) {
          const after = fillAfter(exchange);
          const best = turnsTheScales(exchange) ? any : gentle;
          if (after >= best.fill || !this.#affordable(exchange)) continue;
          best.exchange = exchange;
          best.fill = after;
        }
      }
    }
    return gentle.exchange ?? any.exchange;
  }

  #affordable({ gives, takes, from, to }: Exchange): boolean {
    let size = this.#moved.size;
    for (const [weighed, place] of [[gives, to.place] as const, [takes, from.place] as const]) {
      if (weighed === undefined) continue;
      const before = this.#moved.get(weighed.partition.key);
      if (before === undefined) size++;
      else if (before.from === place) size--;
    }
    return size <= this.#budget;
  }

  #carryOut({ from, to, gives, takes }: Exchange, reason: MoveReason, returnReason: MoveReason): void {
    this.#transfer(gives, from, to, reason);
    if (takes !== undefined) this.#transfer(takes, to, from, returnReason);
  }

  #transfer(weighed: Weighed, from: Shelf, to: Shelf, reason: MoveReason): void {
    const { key } = weighed.partition;
    const index = from.movable.indexOf(weighed);
    if (index >= 0) {
      from.movable.splice(index, 1);
      to.movable.splice(lowerBound(to.movable, weighed), 0, weighed);
    }
    from.place.count -= 1;
    from.place.seat.load -= weighed.load;
    to.place.count += 1;
    to.place.seat.load += weighed.load;
    const before = this.#moved.get(key);
    if (before === undefined) this.#moved.set(key, { from: from.place, to: to.place, reason });
    else if (before.from === to.place) this.#moved.delete(key);
    else before.to = to.place;
  }
}
