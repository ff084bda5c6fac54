import { encodeAssignment } from '../../common/coordination/records/assignment.js';
import type { Bench } from './bench.js';
import { workerName } from './fleet-order.js';
import { type StoreFigures, storeFigures } from './fleet-store.js';
import { type FleetShape, FleetWorld, type RoundTimes } from './fleet-world.js';
import { atMost, type GoalRow, shown } from './goal-rows.js';
import { heapAfterGcMb } from './heap.js';
import { reported } from './report.js';

const usual: FleetShape = { topics: 10_000, partitionsPerTopic: 10, workers: 200 };
const quick: FleetShape = { topics: 500, partitionsPerTopic: 10, workers: 20 };
const limits = { topics: 100_000, workers: 2_000 };
/** The first runs warm the compiler; the least of the rest is what the code needs. */
const repetitions = 3;
const maxRounds = 1_000;

/** Of one core. */
const goals = { planMs: 1_000, assignedMs: 10_000, failoverMs: 6_000 } as const;

interface Phase extends RoundTimes {
  readonly phase: string;
}

export const fleetBench: Bench = {
  name: 'fleet',
  about: '10,000 topics, 100,000 partitions, 200 workers: what one controller computes and writes.',
  minutes: 2.5,
  flags: {
    topics: `how many, with ${usual.partitionsPerTopic} partitions each (${usual.topics})`,
    workers: `how many (${usual.workers})`,
    only: 'plan or store',
  },
  run: (flags, log) => {
    const scale = flags.quick ? quick : usual;
    const shape: FleetShape = {
      ...scale,
      topics: flags.integer('topics', limits.topics) ?? scale.topics,
      workers: flags.integer('workers', limits.workers) ?? scale.workers,
    };
    const only = flags.one('only', ['plan', 'store']);
    return reported('fleet', flags, log, async () => {
      const planned = only === 'store' ? undefined : planPhases(shape);
      for (const phase of planned?.phases ?? []) log(JSON.stringify(phase));
      const stored = only === 'plan' ? undefined : await storeFigures(shape, log);
      const rows = [
        ...(planned === undefined ? [] : planRows(planned)),
        ...(stored === undefined ? [] : storeRows(stored)),
      ];
      return { rows, details: { ...shape, planned, stored } };
    });
  },
};

interface Planned {
  readonly phases: readonly Phase[];
  readonly nodeBytes: { readonly largest: number; readonly sum: number };
  /** Heap after a collection: what a fleet at rest leaves there between two rounds. */
  readonly heapMb: number;
  /** After a death: moves of partitions that the dead worker did not have. */
  readonly strangersMoved: number;
  /** Until measured loads were even: rounds with moves, partitions moved, and then the largest load by the fair one. */
  readonly evening: { readonly rounds: number; readonly moves: number; readonly largestByFair: number };
}

/** A fleet’s life in pure rounds: begins, rests, loses a worker, gains one, evens out its loads. */
function planPhases(shape: FleetShape): Planned {
  let best: Planned | undefined;
  for (let i = 0; i < repetitions; i++) {
    const life = oneLife(shape);
    best =
      best === undefined ? life : { ...life, phases: best.phases.map((phase, n) => quicker(phase, life.phases[n])) };
  }
  return { ...(best as Planned), heapMb: heapOf(shape) };
}

function heapOf(shape: FleetShape): number {
  const before = heapAfterGcMb();
  const fleet = new FleetWorld(shape);
  while (fleet.round().changes.length > 0);
  const heapMb = heapAfterGcMb() - before;
  // Still at rest, and still there.
  if (fleet.round().changes.length > 0) throw new Error('the fleet does not rest');
  return ms(heapMb);
}

function oneLife(shape: FleetShape): Planned {
  const fleet = new FleetWorld(shape);
  const phases: Phase[] = [];
  const note = (phase: string, { viewMs, planMs, diffMs, moves, nodes }: RoundTimes): void => {
    phases.push({ phase, viewMs: ms(viewMs), planMs: ms(planMs), diffMs: ms(diffMs), moves, nodes });
  };
  const first = fleet.round();
  note('all partitions are new', first);
  const sizes = first.changes.map(({ assignment }) =>
    encodeAssignment(assignment).reduce((sum, buffer) => sum + buffer.length, 0),
  );
  note('nothing has changed', fleet.round());
  const dead = workerName(1);
  fleet.die(dead);
  // One round takes them out of the dead worker's node, the next gives them to others.
  fleet.round();
  const death = fleet.round();
  note('a worker is dead', death);
  const strangersMoved = death.plan.moves.filter(({ from }) => from !== dead).length;
  settle(fleet);
  fleet.join(workerName(shape.workers));
  note('a worker joins', fleet.round());
  settle(fleet);
  fleet.measure(generator());
  const exchange = fleet.round();
  note('loads are measured', exchange);
  const rest = settle(fleet);
  const rested = fleet.round();
  note('loads are even', rested);
  const largestByFair = Math.max(...rested.plan.shares.map(({ load, fairLoad }) => (load ?? 0) / (fairLoad ?? 1)));
  return {
    phases,
    heapMb: 0,
    nodeBytes: { largest: Math.max(...sizes), sum: sizes.reduce((sum, bytes) => sum + bytes, 0) },
    strangersMoved,
    evening: {
      rounds: rest.rounds + 1,
      moves: rest.moves + exchange.moves,
      largestByFair: Number(largestByFair.toFixed(3)),
    },
  };
}

/** Rounds until one writes nothing. A move takes three: revoked, released, given. */
function settle(fleet: FleetWorld): { readonly rounds: number; readonly moves: number } {
  let moves = 0;
  for (let rounds = 0; rounds < maxRounds; rounds++) {
    const { plan, changes } = fleet.round();
    if (changes.length === 0) return { rounds, moves };
    moves += plan.moves.filter(({ reason }) => reason === 'load').length;
  }
  throw new Error(`the fleet does not rest within ${maxRounds} rounds`);
}

function planRows({ phases, nodeBytes, strangersMoved, evening, heapMb }: Planned): GoalRow[] {
  const of = (name: string) => phases.find(({ phase }) => phase === name);
  const kib = (bytes: number) => Number((bytes / 1_024).toFixed(1));
  return [
    ...phases.map(({ phase, planMs }) => atMost(`plan, ${phase}: CPU ms`, planMs, goals.planMs)),
    shown('view and diff of the same round, all new: CPU ms', sum(of('all partitions are new'))),
    shown('view and diff of the same round, nothing changed: CPU ms', sum(of('nothing has changed'))),
    atMost('a worker dies: partitions of others that move', strangersMoved, 0),
    shown('moves until measured loads are even', evening.moves),
    shown('then the largest load by the fair one', evening.largestByFair),
    shown('what the core keeps between rounds: heap MiB', heapMb),
    shown('largest assignment: KiB', kib(nodeBytes.largest)),
    shown('all assignments: KiB', kib(nodeBytes.sum)),
  ];
}

function storeRows(figures: StoreFigures): GoalRow[] {
  const { assignedMs, takeoverMs, strangersMoved, failoverMs, replannedMs, rewritten, controllerPeakMb } = figures;
  const kib = (bytes: number) => Number((bytes / 1_024).toFixed(1));
  return [
    atMost('ZooKeeper: last topic written until all partitions are held: ms', Math.round(assignedMs), goals.assignedMs),
    shown('ZooKeeper: largest assignment node: KiB', kib(figures.largestAssignmentBytes)),
    shown('ZooKeeper: all assignment nodes: KiB', kib(figures.assignmentBytes)),
    shown('ZooKeeper: all reports: KiB', kib(figures.reportBytes)),
    shown('ZooKeeper: a worker ends until others hold its partitions: ms', Math.round(takeoverMs)),
    atMost('ZooKeeper: partitions of others that move then', strangersMoved, 0),
    atMost('ZooKeeper: leader killed until another leads: ms', Math.round(failoverMs), goals.failoverMs),
    shown('ZooKeeper: leader killed until the next has planned: ms', Math.round(replannedMs)),
    atMost('ZooKeeper: assignment nodes that the next leader writes', rewritten, 0),
    shown('ZooKeeper: controller, peak RSS MiB', Math.round(controllerPeakMb)),
    shown('ZooKeeper: leader, heap after a collection MiB', Math.round(figures.leaderHeapMb)),
    shown('until all were held: CPU s of the leader', Number(figures.cpuS.leader.toFixed(1))),
    shown('until all were held: CPU s of ZooKeeper', Number(figures.cpuS.zooKeeper.toFixed(1))),
    shown(
      'until all were held: CPU s of the simulated workers, all in one process',
      Number(figures.cpuS.harness.toFixed(1)),
    ),
  ];
}

function sum(phase: Phase | undefined): number | undefined {
  return phase === undefined ? undefined : ms(phase.viewMs + phase.diffMs);
}

function quicker(a: Phase, b: Phase | undefined): Phase {
  if (b === undefined) return a;
  const least = (of: (phase: Phase) => number): number => Math.min(of(a), of(b));
  return {
    ...a,
    viewMs: least(({ viewMs }) => viewMs),
    planMs: least(({ planMs }) => planMs),
    diffMs: least(({ diffMs }) => diffMs),
  };
}

const ms = (value: number): number => Number(value.toFixed(1));

/** The same loads in every run. */
function generator(): () => number {
  let state = 42;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
