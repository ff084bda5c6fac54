import { invariant } from '../../common/errors/assert.js';
import { fairQuotas } from './quotas.js';
import { pickSurplus } from './surplus.js';
import { compareText } from './text-order.js';

/** A worker that may be given partitions. */
export interface PlanWorker {
  readonly worker: string;
  /** Relative share of the load; > 0. */
  readonly capacity: number;
}

/** Why a partition is with nobody. `moving`: it is on its way from a worker that had too many. */
export type Homeless = 'new' | 'left' | 'died' | 'moving';
export type MoveReason = 'joined' | 'left' | 'died' | 'new' | 'balance';

export interface PlanPartition {
  /** Unique over the fleet. */
  readonly key: string;
  /** What is spread over the workers: the partitions of one topic of one route. */
  readonly topic: string;
  /** The worker that has it and may keep it, or why it has none. */
  readonly at: { readonly owner: string } | { readonly homeless: Homeless };
  /** The worker it was with until now: it goes back there if that worker has room. */
  readonly prefers?: string;
  /** The worker it was with until now, for the record of the move. */
  readonly from?: string;
}

export interface PlanInput {
  readonly workers: readonly PlanWorker[];
  readonly partitions: readonly PlanPartition[];
  /** Moves between living workers of this round; the rest follows in later rounds. */
  readonly maxBalanceMoves: number;
}

export interface Move {
  readonly key: string;
  readonly from: string | undefined;
  readonly to: string;
  readonly reason: MoveReason;
}

export interface Plan {
  /** Partition key -> worker. Partitions without a worker are absent. */
  readonly owners: ReadonlyMap<string, string>;
  readonly moves: readonly Move[];
  readonly unassigned: readonly string[];
}

/** At most this many partitions leave living workers for balance in one round: a join is gradual, not a storm. */
export const MAX_BALANCE_MOVES_PER_ROUND = 500;

interface Seat {
  readonly worker: string;
  readonly capacity: number;
  readonly kept: PlanPartition[];
  quota: number;
  load: number;
}

/**
 * Decides which worker should have which partition. Pure and deterministic: the order of the input does not matter, and the
 * same world in gives no move out. Every partition that may stay stays, unless its worker has more than its fair share
 * (floor or ceiling of partitions x capacity / total capacity); what has no worker fills up those below their share,
 * preferring the worker with the fewest partitions of that topic.
 */
export function plan(input: PlanInput): Plan {
  const partitions = [...input.partitions].sort((a, b) => compareText(a.key, b.key));
  const seats = seatWorkers(input.workers, partitions);
  if (seats.size === 0) {
    return { owners: new Map(), moves: [], unassigned: partitions.map((partition) => partition.key) };
  }
  setQuotas(seats, partitions.length);
  const surplus = takeSurplus(seats, input.maxBalanceMoves);
  const homeless = partitions.filter((partition) => !('owner' in partition.at) || !seats.has(partition.at.owner));
  const result = place(seats, [...homeless, ...surplus]);
  verify(result, seats, partitions);
  return result;
}

function seatWorkers(workers: readonly PlanWorker[], partitions: readonly PlanPartition[]): Map<string, Seat> {
  const seats = new Map<string, Seat>();
  for (const { worker, capacity } of [...workers].sort((a, b) => compareText(a.worker, b.worker))) {
    invariant(capacity > 0 && !seats.has(worker), `worker ${worker} is listed twice or has no capacity`);
    seats.set(worker, { worker, capacity, kept: [], quota: 0, load: 0 });
  }
  for (const partition of partitions) {
    if ('owner' in partition.at) seats.get(partition.at.owner)?.kept.push(partition);
  }
  return seats;
}

function setQuotas(seats: ReadonlyMap<string, Seat>, total: number): void {
  const list = [...seats.values()];
  const quotas = fairQuotas(
    list.map((seat) => ({ capacity: seat.capacity, current: seat.kept.length })),
    total,
  );
  list.forEach((seat, i) => {
    seat.quota = quotas[i] as number;
    seat.load = seat.kept.length;
  });
}

/** Takes partitions off workers above their quota, the fullest first, within the round's limit. */
function takeSurplus(seats: ReadonlyMap<string, Seat>, maxMoves: number): PlanPartition[] {
  const surplus: PlanPartition[] = [];
  const shedOfTopic = new Map<string, number>();
  const over = [...seats.values()]
    .filter((seat) => seat.load > seat.quota)
    .sort((a, b) => b.load / b.capacity - a.load / a.capacity || compareText(a.worker, b.worker));
  for (const seat of over) {
    const count = Math.min(seat.load - seat.quota, maxMoves - surplus.length);
    if (count <= 0) break;
    const picked = pickSurplus(seat.kept, count, shedOfTopic);
    seat.load -= picked.length;
    surplus.push(...picked);
    const gone = new Set(picked);
    const stay = seat.kept.filter((partition) => !gone.has(partition));
    seat.kept.length = 0;
    seat.kept.push(...stay);
  }
  return surplus;
}

/** Gives each partition to the worker below its quota that has the fewest of its topic, then the most room. */
function place(seats: ReadonlyMap<string, Seat>, pending: readonly PlanPartition[]): Plan {
  const list = [...seats.values()];
  const owners = new Map<string, string>();
  const perTopic = new Map<string, Int32Array>();
  const countsOf = (topic: string): Int32Array => {
    let counts = perTopic.get(topic);
    if (counts === undefined) {
      counts = new Int32Array(list.length);
      perTopic.set(topic, counts);
    }
    return counts;
  };
  const wasEmpty = new Set(list.filter((seat) => seat.kept.length === 0).map((seat) => seat.worker));
  list.forEach((seat, i) => {
    for (const partition of seat.kept) {
      owners.set(partition.key, seat.worker);
      const counts = countsOf(partition.topic);
      counts[i] = (counts[i] as number) + 1;
    }
  });
  const moves: Move[] = [];
  const order = [...pending].sort((a, b) => compareText(a.topic, b.topic) || compareText(a.key, b.key));
  // Those that would go home choose first, so that nobody else takes their room.
  for (const partition of [...order.filter(hasHome), ...order.filter((candidate) => !hasHome(candidate))]) {
    const counts = countsOf(partition.topic);
    const index = choose(list, counts, partition.prefers);
    const seat = list[index] as Seat;
    counts[index] = (counts[index] as number) + 1;
    seat.load += 1;
    owners.set(partition.key, seat.worker);
    const from = 'owner' in partition.at ? partition.at.owner : (partition.from ?? partition.prefers);
    moves.push({ key: partition.key, from, to: seat.worker, reason: reasonOf(partition, wasEmpty.has(seat.worker)) });
  }
  return { owners, moves, unassigned: [] };
}

function hasHome(partition: PlanPartition): boolean {
  return partition.prefers !== undefined;
}

function choose(list: readonly Seat[], counts: Int32Array, prefers: string | undefined): number {
  let best = 0;
  let bestScore: readonly [number, number, number] | undefined;
  for (let i = 0; i < list.length; i++) {
    const seat = list[i] as Seat;
    const full = seat.load >= seat.quota;
    if (!full && seat.worker === prefers) return i;
    const score = [full ? 1 : 0, (counts[i] as number) / seat.capacity, (seat.load + 1) / seat.capacity] as const;
    if (bestScore === undefined || compareScores(score, bestScore) < 0) {
      best = i;
      bestScore = score;
    }
  }
  return best;
}

function compareScores(a: readonly [number, number, number], b: readonly [number, number, number]): number {
  // Once all are full, room decides before the topic's spread: nobody may go further beyond its share than needed.
  return a[0] - b[0] || (a[0] === 1 ? a[2] - b[2] || a[1] - b[1] : a[1] - b[1] || a[2] - b[2]);
}

function reasonOf(partition: PlanPartition, destinationWasEmpty: boolean): MoveReason {
  if ('homeless' in partition.at && partition.at.homeless !== 'moving') return partition.at.homeless;
  return destinationWasEmpty ? 'joined' : 'balance';
}

/** What must hold of every plan; a violation is a bug and publishes nothing. */
function verify(result: Plan, seats: ReadonlyMap<string, Seat>, partitions: readonly PlanPartition[]): void {
  const keys = new Set(partitions.map((partition) => partition.key));
  invariant(keys.size === partitions.length, 'a partition is listed twice');
  invariant(result.owners.size === keys.size, 'a partition has no worker though there are workers');
  for (const [key, worker] of result.owners) {
    invariant(keys.has(key), `partition ${key} is not wanted`);
    invariant(seats.has(worker), `partition ${key} is with ${worker}, which takes none`);
  }
}
