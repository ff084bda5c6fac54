import type { Connections } from './connections.js';
import type { Move, MoveReason, PlanPartition } from './plan-model.js';
import type { Group, Place } from './seats.js';
import { compareText } from './text-order.js';

/** A partition that is to be given to a worker of its group. */
export interface Pending {
  readonly partition: PlanPartition;
  /** Undefined: for balance, of whichever kind it turns out to be. */
  readonly reason: MoveReason | undefined;
}

export interface PlacingOptions {
  readonly loadOf: (partition: PlanPartition) => number;
  /** A worker is overloaded when it would have this many times its fair load. */
  readonly maxLoadFactor: number;
  readonly connections: Connections;
}

/** Gives each pending partition a worker, heavy ones first, and says why. */
export function placeAll(group: Group, pending: readonly Pending[], options: PlacingOptions): Move[] {
  if (pending.length === 0) return [];
  const { places } = group;
  const { loadOf, connections } = options;
  const perTopic = countTopics(group, pending);
  const order = [...pending].sort(
    (a, b) =>
      // Those that would go home choose first, so that nobody else takes their room.
      homeRank(a) - homeRank(b) ||
      loadOf(b.partition) - loadOf(a.partition) ||
      compareText(a.partition.topic, b.partition.topic) ||
      compareText(a.partition.key, b.partition.key),
  );
  return order.map(({ partition, reason }) => {
    const counts = perTopic.get(partition.topic) as Int32Array;
    const load = loadOf(partition);
    const home = partition.prefers === undefined ? undefined : group.placeOf.get(partition.prefers);
    const index =
      home !== undefined && home.count < home.quota
        ? places.indexOf(home)
        : choose({ key: partition.key, places, counts, load }, options);
    const place = places[index] as Place;
    counts[index] = (counts[index] as number) + 1;
    place.count += 1;
    place.seat.load += load;
    place.kept.push(partition);
    connections.took(place.seat.worker, partition.key);
    const from = 'owner' in partition.at ? partition.at.owner : (partition.from ?? partition.prefers);
    return { key: partition.key, from, to: place.seat.worker, reason: reason ?? balanceReason(place) };
  });
}

function balanceReason({ before, quota }: Place): MoveReason {
  return before < quota / 2 ? 'joined' : 'balance';
}

function homeRank({ partition }: Pending): number {
  return partition.prefers === undefined ? 1 : 0;
}

/** How many partitions of each topic concerned each place has. */
function countTopics({ places }: Group, pending: readonly Pending[]): Map<string, Int32Array> {
  const perTopic = new Map<string, Int32Array>();
  for (const { partition } of pending) {
    if (!perTopic.has(partition.topic)) perTopic.set(partition.topic, new Int32Array(places.length));
  }
  for (const [i, { kept }] of places.entries()) {
    for (const { topic } of kept) {
      const counts = perTopic.get(topic);
      if (counts !== undefined) counts[i] = (counts[i] as number) + 1;
    }
  }
  return perTopic;
}

interface Choice {
  readonly key: string;
  readonly places: readonly Place[];
  /** Partitions of the topic at each place. */
  readonly counts: Int32Array;
  readonly load: number;
}

/** The place below its quota, not overloaded, with the fewest of the topic, then the least load, then the most room, then the fewest new connections. */
function choose({ key, places, counts, load }: Choice, { maxLoadFactor, connections }: PlacingOptions): number {
  let best = 0;
  let bestRank = 3;
  let bestTopic = 0;
  /** Asked for only where all else is equal: it is the dearest question. */
  let bestFresh: number | undefined;
  let bestLoad = 0;
  let bestFill = 0;
  for (let i = 0; i < places.length; i++) {
    const { seat, count, quota } = places[i] as Place;
    const after = seat.load + load;
    const rank = count >= quota ? 2 : after > seat.fairLoad * maxLoadFactor ? 1 : 0;
    if (rank > bestRank) continue;
    const topic = (counts[i] as number) / seat.capacity;
    const loadFill = after / seat.capacity;
    const fill = (count + 1) / seat.capacity;
    let fresh: number | undefined;
    if (rank === bestRank) {
      let order =
        rank === 0
          ? topic - bestTopic || loadFill - bestLoad || fill - bestFill
          : // Beyond its share in load or number nobody may go further than needed, whatever the topic's spread.
            rank === 1
            ? loadFill - bestLoad || topic - bestTopic || fill - bestFill
            : fill - bestFill || topic - bestTopic || loadFill - bestLoad;
      if (order === 0 && rank === 0) {
        bestFresh ??= connections.fresh((places[best] as Place).seat.worker, key);
        if (bestFresh === 0) continue;
        fresh = connections.fresh(seat.worker, key);
        order = fresh - bestFresh;
      }
      if (order >= 0) continue;
    }
    best = i;
    bestRank = rank;
    bestTopic = topic;
    bestFresh = fresh;
    bestLoad = loadFill;
    bestFill = fill;
  }
  return best;
}
