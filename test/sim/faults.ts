import type { Actor, CallMoment } from './kernel/actor.js';
import type { Dice } from './kernel/dice.js';
import type { World } from './world.js';

/** Faults begin behind this, when the fleet has begun to copy or is about to. */
const FROM_MS = 600;
const MIN_FAULTS = 2;
const MAX_FAULTS = 8;
/** A world lasts this long, and so much longer for each of its faults; then all that was broken is whole again. */
const LEAST_MS = 3_000;
const PER_FAULT_MS = 900;
/** None begins in the last moment. */
const UNTIL_HEALED_MS = 1_000;
const RESTART_MS = [100, 4_000] as const;
const MAX_COUNTDOWN = 25;
const MOMENTS: readonly CallMoment[] = ['before', 'sent', 'answered'];

/** One fault that begins now. @returns what undoes it, called when its time is over */
type Fault = (
  world: World,
  dice: Dice,
) => { readonly what: string; readonly undo?: () => void; readonly lastsMs?: number } | undefined;

/** By name, with how often each is drawn. */
const CATALOGUE: readonly (readonly [name: string, weight: number, fault: Fault])[] = [
  ['worker-killed', 3, (world, dice) => kill(world, aWorker(world, dice), dice)],
  ['worker-killed-at-a-call', 5, (world, dice) => killAtCall(world, aWorker(world, dice), dice)],
  ['controller-killed', 2, (world, dice) => kill(world, aController(world, dice), dice)],
  ['controller-killed-at-a-call', 3, (world, dice) => killAtCall(world, aController(world, dice), dice)],
  ['leader-and-worker-killed', 2, killBoth],
  ['worker-stopped', 4, (world, dice) => stop(world, aWorker(world, dice), dice)],
  ['worker-stopped-and-replaced', 2, replaceStopped],
  ['controller-stopped', 2, (world, dice) => stop(world, aController(world, dice), dice)],
  ['thread-stopped', 2, stopThread],
  ['thread-died', 2, killThread],
  ['worker-leaves', 3, leave],
  ['worker-joins', 2, join],
  ['worker-without-zookeeper', 4, (world, dice) => cut(world, aWorker(world, dice), 'zookeeper')],
  ['worker-goes-on-alone', 5, goOnAlone],
  ['controller-without-zookeeper', 3, (world, dice) => cut(world, aController(world, dice), 'zookeeper')],
  ['worker-without-target', 3, (world, dice) => cut(world, aWorker(world, dice), 'target')],
  ['worker-without-source', 1, (world, dice) => cut(world, aWorker(world, dice), 'source')],
  ['controller-without-target', 2, (world, dice) => cut(world, aController(world, dice), 'target')],
  ['connections-broken', 5, breakConnections],
  ['leader-moved', 4, moveLeader],
  ['leader-lost-its-tail', 3, loseTail],
  ['broker-crashed', 3, crashBroker],
  ['broker-hangs', 2, hangBroker],
  ['produce-refused', 3, refuse],
  ['coordinators-moved', 3, moveCoordinators],
  ['markers-stalled', 2, stallMarkers],
  ['zookeeper-crashed', 2, crashZooKeeper],
  ['zookeeper-isolated', 2, isolateZooKeeper],
  ['zookeeper-lags', 2, lagZooKeeper],
  ['watches-lost', 2, loseWatches],
  ['topic-grows', 1, growTopic],
  ['topic-paused', 2, pauseTopic],
  ['topic-removed', 3, removeTopic],
];

/** Draws the faults of a world. @returns when it is healed: load and faults end, and what was broken is whole again */
export function planFaults(world: World, told: (fault: string) => void): number {
  const dice = world.dice.of('faults');
  const count = MIN_FAULTS + dice.below(MAX_FAULTS - MIN_FAULTS + 1);
  const healedMs = LEAST_MS + count * PER_FAULT_MS;
  for (let index = 0; index < count; index += 1) {
    const atMs = dice.between(FROM_MS, healedMs - UNTIL_HEALED_MS);
    const lastsMs = dice.chance(0.3) ? dice.between(3_000, 8_000) : dice.between(50, 3_000);
    const [name, , fault] = draw(dice);
    const own = dice.of(`${index}`);
    world.timeline.after(atMs, () => {
      const done = fault(world, own);
      if (done === undefined) return;
      told(`${name} ${done.what}`);
      world.trace.tell('fault', `${name} ${done.what}`);
      const { undo } = done;
      if (undo === undefined) return;
      world.timeline.after(Math.min(done.lastsMs ?? lastsMs, healedMs - atMs), () => {
        world.trace.tell('fault', `${name} ${done.what} is over`);
        undo();
      });
    });
  }
  world.timeline.after(healedMs, () => revive(world));
  return healedMs;
}

function draw(dice: Dice): (typeof CATALOGUE)[number] {
  let at = dice.unit() * CATALOGUE.reduce((sum, [, weight]) => sum + weight, 0);
  for (const entry of CATALOGUE) {
    at -= entry[1];
    if (at < 0) return entry;
  }
  return CATALOGUE[0] as (typeof CATALOGUE)[number];
}

/** Whoever died and was not started again is started now, but for those that were told to leave. */
function revive(world: World): void {
  for (const [id, { actor }] of world.controllers) if (!actor.isAlive) world.startController(id);
  for (const [id, worker] of world.workers) if (!worker.actor.isAlive && !worker.isLeaving) world.startWorker(id);
  if (![...world.workers.values()].some(({ actor, isLeaving }) => actor.isAlive && !isLeaving)) world.startWorker('w9');
}

interface Victim {
  readonly id: string;
  readonly actor: Actor;
  readonly start: () => void;
}

function aWorker(world: World, dice: Dice): Victim | undefined {
  const alive = [...world.workers].filter(([, { actor, isLeaving }]) => actor.isAlive && !isLeaving);
  if (alive.length === 0) return undefined;
  const [id, { actor }] = dice.pick(alive);
  return victimOf(world, id, actor);
}

function victimOf(world: World, id: string, actor: Actor): Victim {
  return { id, actor, start: () => startAgain(world, 'workers', id) };
}

function aController(world: World, dice: Dice): Victim | undefined {
  const alive = [...world.controllers].filter(([, { actor }]) => actor.isAlive);
  if (alive.length === 0) return undefined;
  const [id, { actor }] = dice.pick(alive);
  return { id, actor, start: () => startAgain(world, 'controllers', id) };
}

function startAgain(world: World, kind: 'workers' | 'controllers', id: string): void {
  if (world[kind].get(id)?.actor.isAlive === true) return;
  if (kind === 'workers') world.startWorker(id);
  else world.startController(id);
}

function kill(world: World, victim: Victim | undefined, dice: Dice): ReturnType<Fault> {
  if (victim === undefined) return undefined;
  victim.actor.kill();
  if (dice.chance(0.7)) world.timeline.after(dice.between(...RESTART_MS), victim.start);
  return { what: victim.id };
}

function killAtCall(world: World, victim: Victim | undefined, dice: Dice): ReturnType<Fault> {
  if (victim === undefined) return undefined;
  const moment = dice.pick(MOMENTS);
  const calls = 1 + dice.below(MAX_COUNTDOWN);
  victim.actor.killAt(calls, moment);
  victim.actor.onKill(() => {
    world.trace.tell('fault', `${victim.id} dies, ${moment}`);
    if (dice.chance(0.7)) world.timeline.after(dice.between(...RESTART_MS), victim.start);
  });
  // Whoever makes so few calls that he is alive in the end stays so: nobody would start him again.
  const undo = (): void => victim.actor.spare();
  return { what: `${victim.id} call ${calls} ${moment}`, undo, lastsMs: Number.POSITIVE_INFINITY };
}

function killBoth(world: World, dice: Dice): ReturnType<Fault> {
  const worker = aWorker(world, dice);
  const first = kill(world, worker, dice);
  const leader = leaderOf(world);
  if (leader !== undefined) kill(world, leader, dice);
  return { what: `${first?.what} ${leader?.id}` };
}

function leaderOf(world: World): Victim | undefined {
  const held = world.ensemble.node('/leader');
  const id = [...world.controllers.keys()].find((name) => held?.data.includes(`"${name}"`));
  const process = id === undefined ? undefined : world.controllers.get(id);
  if (id === undefined || process === undefined) return undefined;
  return { id, actor: process.actor, start: () => startAgain(world, 'controllers', id) };
}

function stop(_world: World, victim: Victim | undefined, _dice: Dice): ReturnType<Fault> {
  if (victim === undefined) return undefined;
  victim.actor.stop();
  return { what: victim.id, undo: () => victim.actor.resume() };
}

/** Somebody takes the stopped process for dead and starts another under its id. */
function replaceStopped(world: World, dice: Dice): ReturnType<Fault> {
  const victim = aWorker(world, dice);
  if (victim === undefined) return undefined;
  victim.actor.stop();
  world.timeline.after(dice.between(100, 3_000), () => {
    if (world.workers.get(victim.id)?.actor === victim.actor) world.startWorker(victim.id);
  });
  // The id is the other's; this one is ended sooner or later.
  const undo = (): void => {
    victim.actor.resume();
    world.timeline.after(dice.between(0, 3_000), () => victim.actor.kill());
  };
  return { what: victim.id, undo };
}

function stopThread(world: World, dice: Dice): ReturnType<Fault> {
  const worker = world.workers.get(aWorker(world, dice)?.id ?? '');
  const [thread] = worker?.threads ?? [];
  if (thread === undefined) return undefined;
  thread.actor.stop();
  return { what: thread.actor.name, undo: () => thread.actor.resume() };
}

function killThread(world: World, dice: Dice): ReturnType<Fault> {
  const worker = world.workers.get(aWorker(world, dice)?.id ?? '');
  const [thread] = worker?.threads ?? [];
  if (thread === undefined) return undefined;
  thread.exit(1);
  return { what: thread.actor.name };
}

function leave(world: World, dice: Dice): ReturnType<Fault> {
  const victim = aWorker(world, dice);
  if (victim === undefined) return undefined;
  world.workers.get(victim.id)?.leave();
  if (dice.chance(0.7)) world.timeline.after(dice.between(500, 8_000), victim.start);
  return { what: victim.id };
}

function join(world: World): ReturnType<Fault> {
  const id = `w${world.workers.size + 1}`;
  if (world.workers.has(id)) return undefined;
  world.startWorker(id);
  return { what: id };
}

function cut(world: World, victim: Victim | undefined, place: string): ReturnType<Fault> {
  if (victim === undefined) return undefined;
  world.network.cut(victim.id, place);
  return { what: victim.id, undo: () => world.network.heal(victim.id, place) };
}

const ALONE_MS = [3_000, 7_000] as const;

/**
 * Without a session, and longer than that of another lasts: what it copies is given to others, and it hears of that from the target alone
 * (exactly-once.md 2.5). Whoever has the most has also something else to send then.
 */
function goOnAlone(world: World, dice: Dice): ReturnType<Fault> {
  const { workers, ownership } = world;
  const holding = [...workers].filter(([id, { actor, isLeaving }]) => {
    return actor.isAlive && !actor.isStopped && !isLeaving && ownership.countOf(id) > 0;
  });
  const [most] = holding.sort(([a], [b]) => ownership.countOf(b) - ownership.countOf(a));
  const victim = most === undefined ? aWorker(world, dice) : victimOf(world, most[0], most[1].actor);
  const fault = cut(world, victim, 'zookeeper');
  return fault && { ...fault, lastsMs: dice.between(...ALONE_MS) };
}

function breakConnections(world: World, dice: Dice): ReturnType<Fault> {
  const victim = dice.chance(0.75) ? aWorker(world, dice) : aController(world, dice);
  if (victim === undefined) return undefined;
  const place = dice.pick(['target', 'target', 'source', 'zookeeper']);
  world.network.break(victim.id, place, dice.between(0.3, 1));
  return { what: `${victim.id} ${place}` };
}

function aCluster(world: World, dice: Dice): World['target'] {
  return dice.chance(0.75) ? world.target : world.source;
}

function moveLeader(world: World, dice: Dice): ReturnType<Fault> {
  const cluster = aCluster(world, dice);
  const partitions = cluster.all();
  if (partitions.length === 0) return undefined;
  const partition = dice.pick(partitions);
  cluster.moveLeader(partition, dice.chance(0.5) ? dice.between(20, 2_500) : 0);
  return { what: `${cluster.name} ${partition.key}` };
}

/** The follower falls behind, then takes office. */
function loseTail(world: World, dice: Dice): ReturnType<Fault> {
  const cluster = aCluster(world, dice);
  const partitions = cluster.all();
  if (partitions.length === 0) return undefined;
  const partition = dice.pick(partitions);
  partition.stall(true);
  const undo = (): void => {
    cluster.moveLeader(partition, dice.chance(0.5) ? dice.between(20, 1_000) : 0);
    partition.stall(false);
  };
  return { what: `${cluster.name} ${partition.key}`, undo };
}

function crashBroker(world: World, dice: Dice): ReturnType<Fault> {
  const cluster = aCluster(world, dice);
  const broker = dice.pick(cluster.brokers);
  if (!cluster.crash(broker.id)) return undefined;
  world.network.breakServer(cluster.name, broker.id);
  return { what: `${cluster.name}-${broker.id}`, undo: () => cluster.restart(broker.id) };
}

function hangBroker(world: World, dice: Dice): ReturnType<Fault> {
  const cluster = aCluster(world, dice);
  const broker = dice.pick(cluster.brokers);
  broker.isHung = true;
  const undo = (): void => {
    broker.isHung = false;
  };
  return { what: `${cluster.name}-${broker.id}`, undo };
}

function refuse({ target }: World, dice: Dice): ReturnType<Fault> {
  target.refusals = dice.between(0.1, 0.5);
  const undo = (): void => {
    target.refusals = 0;
  };
  return { what: target.refusals.toFixed(2), undo };
}

function moveCoordinators({ target }: World): ReturnType<Fault> {
  target.moveCoordinators();
  return { what: 'target' };
}

function stallMarkers({ target }: World): ReturnType<Fault> {
  const { transactions } = target;
  transactions.isStalled = true;
  const undo = (): void => {
    transactions.isStalled = false;
  };
  return { what: 'target', undo };
}

function crashZooKeeper({ ensemble }: World, dice: Dice): ReturnType<Fault> {
  const server = dice.below(ensemble.size);
  ensemble.crash(server);
  return { what: `${server}`, undo: () => ensemble.restart(server) };
}

function isolateZooKeeper({ ensemble }: World, dice: Dice): ReturnType<Fault> {
  const server = 1 + dice.below(ensemble.size - 1);
  ensemble.isolate(server, true);
  return { what: `${server}`, undo: () => ensemble.isolate(server, false) };
}

function lagZooKeeper({ ensemble }: World, dice: Dice): ReturnType<Fault> {
  ensemble.lagMs = dice.between(20, 900);
  const undo = (): void => {
    ensemble.lagMs = 0;
  };
  return { what: `${Math.round(ensemble.lagMs)} ms`, undo };
}

function loseWatches({ ensemble }: World): ReturnType<Fault> {
  ensemble.setForgetful(true);
  return { what: 'half of them', undo: () => ensemble.setForgetful(false) };
}

function pauseTopic(world: World, dice: Dice): ReturnType<Fault> {
  const names = [...world.source.topics.keys()];
  if (names.length === 0) return undefined;
  const name = dice.pick(names);
  world.pauseTopic(name, true);
  return { what: name, undo: () => world.pauseTopic(name, false) };
}

/** And wanted again: whoever gets it may be who had it. */
function removeTopic(world: World, dice: Dice): ReturnType<Fault> {
  const names = [...world.source.topics.keys()];
  if (names.length === 0) return undefined;
  const name = dice.pick(names);
  world.removeTopic(name);
  return { what: name, undo: () => world.addTopicAgain(name) };
}

function growTopic({ source }: World, dice: Dice): ReturnType<Fault> {
  const topics = [...source.topics.values()];
  if (topics.length === 0) return undefined;
  const topic = dice.pick(topics);
  source.grow(topic, topic.partitions.length + 1);
  return { what: `${topic.name} to ${topic.partitions.length}` };
}
