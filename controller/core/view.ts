import { type AssignmentItem, refKey } from '../../common/model/assignment.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { Desired } from './desired.js';
import type { DesiredTopic } from './desired-topic.js';
import { findDuplicates, type Holder, hasBegun, itemKeys, itemTopicKeys } from './holders.js';
import type { LoadFacts } from './load-book.js';
import type { BrokersOf, Homeless, LoadPolicy, MoveReason, PlanInput, PlanPartition, PlanPool } from './plan-model.js';

/** Why and from whom a partition was taken that is in no node now. */
export interface Vacated {
  readonly worker: string;
  readonly why: Exclude<Homeless, 'new'>;
}

/** Where a partition was going when it was taken from its worker. */
export interface Promised {
  readonly to: string;
  readonly reason: MoveReason;
}

/** Everything planning depends on, as values. */
export interface World {
  readonly desired: Desired;
  /** Every readable assignment node, by worker. */
  readonly holders: ReadonlyMap<string, Holder>;
  /** Living workers that take partitions, by id. */
  readonly accepting: ReadonlyMap<string, LiveWorker>;
  /** Those that keep what they have and take nothing more. */
  readonly keeping: ReadonlySet<string>;
  /** The workers of a route, by its name; where there is none any worker may have it. */
  readonly pools: ReadonlyMap<string, PlanPool>;
  readonly vacated: ReadonlyMap<string, Vacated>;
  /** Of partitions on their way between two living workers. */
  readonly promised: ReadonlyMap<string, Promised>;
  readonly loads: LoadFacts;
  /** Nothing goes from one worker to another: what has lost its worker waits for it. */
  readonly isFrozen: boolean;
  /** Workers that are about to be restarted: what they let go of waits for them. */
  readonly awaited: ReadonlySet<string>;
}

/** A mirrored partition the planner decides about. */
export interface Planned {
  readonly topic: DesiredTopic;
  readonly partition: number;
}

export interface View {
  readonly input: PlanInput;
  readonly planned: ReadonlyMap<string, Planned>;
}

interface Located {
  readonly key: string;
  readonly holder: Holder;
  readonly item: AssignmentItem;
}

/**
 * Is this item still wanted by what operators desire? `keep`: nothing is known, so nothing changes.
 * @param topicKey `route/topic` of the item
 */
export function itemVerdict(desired: Desired, item: AssignmentItem, topicKey: string): 'wanted' | 'keep' | 'unwanted' {
  const topic = desired.topics.get(topicKey);
  if (topic !== undefined) return isWanted(topic, item.partition) ? 'wanted' : 'unwanted';
  return desired.untouchable.has(topicKey) ? 'keep' : 'unwanted';
}

function isWanted(topic: DesiredTopic, partition: number): boolean {
  return partition < topic.limit && !topic.excluded.has(partition);
}

/** Turns the world into the planner's question. Partitions nobody may touch now (absent workers, duplicates) are left out of it. */
export function buildView(world: World, maxBalanceMoves: number, load?: LoadPolicy): View {
  const located = locate(world.holders.values());
  const duplicates = findDuplicates([...world.holders.values()].map((holder) => holder.assignment));
  const planned = new Map<string, Planned>();
  const partitions: PlanPartition[] = [];
  let underWay = 0;
  const consider = (topic: DesiredTopic, partition: number, where: Located | undefined): void => {
    if (!isWanted(topic, partition)) return;
    const key = where?.key ?? refKey({ route: topic.route.name, topic: topic.topic, partition });
    if (planned.has(key) || duplicates.has(key)) return;
    if (where?.holder.state === 'absent') return;
    planned.set(key, { topic, partition });
    const place = waitingPlace(locatePartition(key, where, world), world);
    if (place === undefined) return;
    if ('homeless' in place.at && place.at.homeless === 'moving') underWay++;
    const pool = world.pools.has(topic.route.name) ? { pool: topic.route.name } : {};
    const begins = isBeginning(key, topic, where, world.loads) ? { begins: true } : {};
    partitions.push({ key, topic: topic.key, ...place, ...pool, ...measured(key, world.loads), ...begins });
  };
  for (const topic of world.desired.topics.values()) {
    const places = located.get(topic.key);
    for (let partition = 0; partition < topic.assignable; partition++)
      consider(topic, partition, places?.get(partition));
    // What has started is there at both ends, though no cluster may tell so at the moment: on its way between two nodes it is not lost.
    for (const partition of topic.started) {
      if (partition >= topic.assignable && partition < topic.limit) consider(topic, partition, places?.get(partition));
    }
    for (const [partition, where] of places ?? []) if (partition >= topic.assignable) consider(topic, partition, where);
  }
  const workers = [...world.accepting.values()].map(({ worker, capacity }) => ({ worker, capacity }));
  const left = world.isFrozen ? 0 : Math.max(0, maxBalanceMoves - underWay);
  const { pools } = world;
  const input = {
    workers,
    partitions,
    pools,
    maxBalanceMoves: left,
    brokersOf: brokersOf(planned),
    ...(load === undefined ? {} : { load: world.isFrozen ? { ...load, maxMoves: 0 } : load }),
  };
  return { input, planned };
}

/** Broker names are made once each: a fleet has few brokers and many partitions. */
function brokersOf(planned: ReadonlyMap<string, Planned>): BrokersOf {
  const names = new Map<string, string[]>();
  const nameOf = (cluster: string, leader: number | undefined): readonly string[] => {
    if (leader === undefined || leader < 0) return [];
    let ofCluster = names.get(cluster);
    if (ofCluster === undefined) {
      ofCluster = [];
      names.set(cluster, ofCluster);
    }
    ofCluster[leader] ??= `${cluster}/${leader}`;
    return [ofCluster[leader]];
  };
  return (key) => {
    const found = planned.get(key);
    if (found === undefined) return [];
    const { topic, partition } = found;
    const { source, target } = topic.leaders ?? {};
    return [...nameOf(topic.route.source, source?.[partition]), ...nameOf(topic.route.target, target?.[partition])];
  };
}

/** Where each partition is, by `route/topic` and partition. */
function locate(holders: Iterable<Holder>): Map<string, Map<number, Located>> {
  const located = new Map<string, Map<number, Located>>();
  for (const holder of holders) {
    const keys = itemKeys(holder.assignment);
    const topicKeys = itemTopicKeys(holder.assignment);
    for (const [i, item] of holder.assignment.items.entries()) {
      const topic = topicKeys[i] as string;
      const where = { key: keys[i] as string, holder, item };
      const places = located.get(topic);
      if (places === undefined) located.set(topic, new Map([[item.partition, where]]));
      else places.set(item.partition, where);
    }
  }
  return located;
}

/**
 * Its owner has not said yet that it has begun, or has said that it does not run. A paused one has nothing to begin with, and moves like
 * any other.
 */
function isBeginning(key: string, topic: DesiredTopic, where: Located | undefined, loads: LoadFacts): boolean {
  if (where?.holder.state !== 'serving' || where.item.state !== 'own' || topic.paused) return false;
  return loads.isUnsettled(key) || !hasBegun(key, where.holder.report);
}

function measured(key: string, loads: LoadFacts): Pick<PlanPartition, 'load' | 'rests' | 'stuck'> {
  const load = loads.loadOf(key);
  return {
    ...(load === undefined ? {} : { load }),
    ...(loads.rests(key) ? { rests: true } : {}),
    ...(loads.stuck.has(key) ? { stuck: true } : {}),
  };
}

type Whereabouts = Pick<PlanPartition, 'at' | 'prefers' | 'from' | 'why'>;

function locatePartition(key: string, where: Located | undefined, world: World): Whereabouts {
  if (where === undefined) {
    const vacated = world.vacated.get(key);
    if (vacated === undefined) return { at: { homeless: 'new' } };
    const { worker, why } = vacated;
    if (why === 'moving') return onTheWay(key, worker, world);
    const waited = why === 'died' || world.isFrozen || world.awaited.has(worker);
    const prefers = waited && world.accepting.has(worker) ? { prefers: worker } : {};
    return { at: { homeless: why }, from: worker, ...prefers };
  }
  const { holder, item } = where;
  const from = holder.worker;
  switch (holder.state) {
    case 'doomed':
    case 'fenced':
      // A worker that came back under the same id gets its own partitions again.
      return { at: { homeless: 'died' }, from, ...(world.accepting.has(from) ? { prefers: from } : {}) };
    case 'leaving':
      return { at: { homeless: 'left' }, from };
    case 'drained':
      return { at: { homeless: 'drained' }, from };
    default:
      if (item.state === 'revoke') return onTheWay(key, from, world);
      return { at: world.keeping.has(from) ? { owner: from, stays: true } : { owner: from } };
  }
}

/**
 * In a freeze, or while its worker is restarted, a partition whose worker went away waits for it (undefined), and goes back to it whatever
 * the shares are. What was under way before arrives; what is new has never had a worker.
 */
function waitingPlace(place: Whereabouts, { accepting, isFrozen, awaited }: World): Whereabouts | undefined {
  const { at, prefers, from } = place;
  if ('owner' in at || at.homeless === 'new' || at.homeless === 'moving') return place;
  // Who is drained is not to get anything back, announced or not.
  if (!isFrozen && (at.homeless === 'drained' || from === undefined || !awaited.has(from))) return place;
  if (prefers === undefined || !accepting.has(prefers)) return undefined;
  return { at: { owner: prefers, stays: true }, from: prefers, why: at.homeless };
}

/** It goes where it was to go when it was taken away, as long as that worker takes it. */
function onTheWay(key: string, from: string, { promised, accepting }: World): Whereabouts {
  const promise = promised.get(key);
  if (promise === undefined || !accepting.has(promise.to)) return { at: { homeless: 'moving' }, from };
  return { at: { homeless: 'moving' }, from, prefers: promise.to, why: promise.reason };
}
