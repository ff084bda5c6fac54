import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { refKey, type WorkerAssignment } from '../../../common/model/assignment.js';
import type { WorkerOrder } from '../../../common/model/orders.js';
import type { LiveWorker, WorkerReport } from '../../../common/model/worker.js';
import type { Desired } from '../../../controller/core/desired.js';
import type { DesiredTopic } from '../../../controller/core/desired-topic.js';
import { diffAssignments, type NodeChange } from '../../../controller/core/diff.js';
import type { Holder, HolderState } from '../../../controller/core/holders.js';
import { plan } from '../../../controller/core/planner.js';
import { poolsOf, type Roster, rosterOf } from '../../../controller/core/roster.js';
import { buildView, type Promised, type Vacated, type World } from '../../../controller/core/view.js';
import { routeOf } from '../../unit/controller/kit.js';

/*
 * A model of a fleet: nodes in a store, workers that apply and report when it pleases them, die, come back under the same id, leave.
 * The leader's rounds run between any two of those steps, and may be cut off after any single node write, as by a crash.
 */

const WORKERS = ['a', 'b', 'c', 'd'];
const PARTITIONS = 9;
const ROUTE = routeOf('r');

interface Process {
  readonly incarnation: string;
  held: Map<string, number>;
  applied: WorkerAssignment | undefined;
  leaving: boolean;
}

class Fleet {
  readonly nodes = new Map<string, WorkerAssignment>();
  readonly processes = new Map<string, Process>();
  readonly reports = new Map<string, WorkerReport>();
  /** Incarnations that are dead, and those of them that are fenced. */
  readonly dead = new Set<string>();
  readonly fenced = new Set<string>();
  /** What dead incarnations held: until they are fenced they may go on, as a process that was only stopped does. */
  readonly zombies = new Map<string, Process>();
  readonly vacated = new Map<string, Vacated>();
  /** Where the leader meant to bring what it took away. */
  readonly promised = new Map<string, Promised>();
  readonly orders = new Map<string, WorkerOrder>();
  /** Thawed in the end: what waits for a worker that never comes back would wait for ever. */
  isFrozen = false;
  /** Loads as measured, by partition; they change under the leader's hands. */
  loads: readonly number[] = [];
  partitions = PARTITIONS;
  /** The clusters tell the leader nothing. */
  blind = false;
  /** Partitions that some report said were held. */
  readonly started = new Set<number>();
  #incarnations = 0;
  #epoch = 1;

  step(action: string, worker: string, cutAfter: number): void {
    const process = this.processes.get(worker);
    if (action === 'start' && process === undefined) {
      const incarnation = `${worker}${++this.#incarnations}`;
      this.processes.set(worker, { incarnation, held: new Map(), applied: undefined, leaving: false });
    } else if (action === 'die' && process !== undefined) {
      this.dead.add(process.incarnation);
      this.zombies.set(process.incarnation, process);
      this.processes.delete(worker);
    } else if (action === 'fence') this.#fence();
    else if (action === 'leave' && process !== undefined) process.leaving = true;
    else if (action === 'apply' && process !== undefined) this.#apply(worker, process);
    else if (action === 'drain' && process !== undefined) this.#drain(process);
    else if (action === 'report' && process !== undefined) this.#report(worker, process);
    else if (action === 'order') this.orders.set(worker, orderOf(worker, cutAfter));
    else if (action === 'freeze') this.isFrozen = true;
    else if (action === 'thaw') this.isFrozen = false;
    else if (action === 'announce') this.orders.set(worker, { worker, reason: '', at: '', restartUntil: 'then' });
    else if (action === 'release') this.orders.delete(worker);
    else if (action === 'unwant') this.partitions = PARTITIONS - 3;
    else if (action === 'want') this.partitions = PARTITIONS;
    else if (action === 'blind') this.blind = true;
    else if (action === 'see') this.blind = false;
    else if (action === 'failover') {
      this.#epoch++;
      this.vacated.clear();
      this.promised.clear();
    } else if (action === 'measure') this.loads = Array.from({ length: PARTITIONS }, (_, i) => (i * cutAfter) % 7);
    else if (action === 'round') this.round(cutAfter);
    this.check();
  }

  #apply(worker: string, process: Process): void {
    const node = this.nodes.get(worker);
    if (node === undefined || node.incarnation !== process.incarnation) return;
    process.applied = node;
    for (const item of node.items) if (item.state === 'own') process.held.set(refKey(item), item.partition);
  }

  /** Lets go of what the applied assignment does not give it: some time after it was told. */
  #drain(process: Process): void {
    const own = new Set(process.applied?.items.filter((item) => item.state === 'own').map(refKey));
    for (const key of process.held.keys()) if (!own.has(key)) process.held.delete(key);
  }

  #fence(): void {
    for (const incarnation of this.dead) this.fenced.add(incarnation);
    this.zombies.clear();
  }

  #report(worker: string, process: Process): void {
    if (process.applied === undefined) return;
    const { epoch, generation } = process.applied;
    const held = [...process.held.values()].map((partition) => ({ route: 'r', topic: 't', partition }));
    for (const { partition } of held) this.started.add(partition);
    // Begun is what was held at the last report already.
    const before = this.reports.get(worker);
    const begun = new Set(before?.incarnation === process.incarnation ? before.held.map(refKey) : []);
    this.reports.set(worker, {
      worker,
      incarnation: process.incarnation,
      epoch,
      generation,
      held,
      doubtful: [],
      started: held.filter((ref) => begun.has(refKey(ref))).map((ref) => ({ ...ref, timeline: 1 })),
    });
  }

  /** One round of the leader, whose writes stop after `cutAfter` nodes. True when it wrote anything. */
  round(cutAfter: number): boolean {
    const world = this.#world();
    const view = buildView(world, 100, { tolerance: 0.2, floor: 0.1, maxMoves: 4 });
    const { owners, moves } = plan(view.input);
    const changes = diffAssignments({
      epoch: this.#epoch,
      world,
      owners,
      planned: view.planned,
      revokedBy: () => undefined,
      holdAdditions: false,
      generationFloor: 0,
      compareStarted: true,
      routes: new Map([['r', ROUTE]]),
    });
    for (const change of changes.slice(0, cutAfter)) {
      for (const key of change.revoked) {
        const move = moves.find((candidate) => candidate.key === key);
        if (move !== undefined) this.promised.set(key, { to: move.to, reason: move.reason });
      }
      for (const key of change.added) this.promised.delete(key);
      this.#write(change);
    }
    return changes.length > 0;
  }

  #write({ worker, assignment, dropped, added }: NodeChange): void {
    const before = this.nodes.get(worker);
    assert.ok(assignment.generation > (before?.generation ?? 0), 'generations grow');
    this.nodes.set(worker, assignment);
    for (const [key, vacated] of dropped) this.vacated.set(key, vacated);
    for (const key of added) this.vacated.delete(key);
    this.check();
  }

  #world(): World {
    const live = (worker: string, { incarnation, leaving }: Process): LiveWorker => ({
      worker,
      incarnation,
      leaving,
      capacity: 1,
      zone: '',
      http: '',
      version: '',
      startedAt: '',
    });
    const lives = new Map([...this.processes].map(([worker, process]) => [worker, live(worker, process)]));
    const roster = rosterOf({
      present: [...lives.values()].filter((worker) => !worker.leaving),
      orders: this.orders,
      unreadable: new Set(),
      holding: new Set(),
      maxActiveWorkers: 0,
      isFrozen: this.isFrozen,
    });
    const holders = new Map<string, Holder>();
    for (const [worker, assignment] of this.nodes) {
      const report = this.reports.get(worker);
      holders.set(worker, {
        worker,
        assignment,
        state: this.#stateOf(assignment, lives.get(worker), roster),
        live: lives.get(worker),
        report: report?.incarnation === assignment.incarnation ? report : undefined,
      });
    }
    const { vacated, promised } = this;
    const loadOf = (key: string): number | undefined => this.loads[Number(key.slice('r/t-'.length))];
    const loads = { loadOf, rests: () => false, stuck: new Set<string>(), isUnsettled: () => false };
    const { accepting, keeping } = roster;
    const pools = poolsOf([ROUTE], roster, () => undefined);
    const { isFrozen } = this;
    const awaited = new Set(
      [...this.orders.values()].flatMap((order) => (order.restartUntil === undefined ? [] : [order.worker])),
    );
    return {
      desired: this.#desired(),
      holders,
      accepting,
      keeping,
      pools,
      vacated,
      promised,
      loads,
      isFrozen,
      awaited,
    };
  }

  #stateOf({ incarnation, items }: WorkerAssignment, live: LiveWorker | undefined, roster: Roster): HolderState {
    if (live?.incarnation === incarnation) {
      if (live.leaving) return 'leaving';
      return roster.accepting.has(live.worker) || roster.keeping.has(live.worker) ? 'serving' : 'drained';
    }
    return items.length === 0 || this.fenced.has(incarnation) ? 'fenced' : 'doomed';
  }

  #desired(): Desired {
    const topic: DesiredTopic = {
      key: 'r/t',
      route: ROUTE,
      topic: 't',
      targetTopic: 't',
      sourceTopicId: null,
      timeline: 1,
      started: this.started,
      initialPartitions: PARTITIONS,
      paused: false,
      excluded: new Set(),
      skips: [],
      limits: {},
      assignable: this.blind ? 0 : this.partitions,
      limit: this.partitions,
    };
    return { topics: new Map([['r/t', topic]]), untouchable: new Set(), problems: [], newProgress: [], needs: [] };
  }

  /** The heart of it: never two nodes with one partition, never two living or unfenced owners of one. */
  check(): void {
    const inNodes = new Set<string>();
    for (const { worker, items } of this.nodes.values()) {
      for (const item of items) {
        assert.ok(!inNodes.has(refKey(item)), `${refKey(item)} is in two nodes, one of them ${worker}'s`);
        inNodes.add(refKey(item));
      }
    }
    const owners = new Map<string, string>();
    for (const [worker, { held }] of [...this.processes, ...this.zombies]) {
      for (const key of held.keys()) {
        assert.equal(owners.get(key), undefined, `${key} is copied by ${owners.get(key)} and ${worker}`);
        owners.set(key, worker);
      }
    }
  }

  /** Everybody does what they should until nothing changes any more. */
  settle(): void {
    let quiet = 0;
    for (let i = 0; i < 80; i++) {
      for (const [worker, process] of this.processes) {
        this.#apply(worker, process);
        this.#drain(process);
        this.#report(worker, process);
      }
      this.#fence();
      this.check();
      quiet = this.round(Number.POSITIVE_INFINITY) ? 0 : quiet + 1;
      // What has begun meanwhile may move now.
      if (quiet === 3) return;
    }
    assert.fail('it never rests');
  }
}

function orderOf(worker: string, kind: number): WorkerOrder {
  const base = { worker, reason: '', at: '' };
  if (kind === 0) return { ...base, role: 'excluded' };
  if (kind === 1) return { ...base, role: 'standby' };
  return kind === 2 ? { ...base, routes: ['r'] } : { ...base, role: 'drained' };
}

const weights: Readonly<Record<string, number>> = {
  start: 4,
  die: 1,
  fence: 1,
  leave: 1,
  apply: 6,
  drain: 3,
  report: 5,
  round: 10,
  unwant: 1,
  want: 1,
  blind: 1,
  see: 2,
  failover: 1,
  order: 1,
  freeze: 1,
  thaw: 2,
  announce: 1,
  release: 1,
  measure: 1,
};
const action = fc.record({
  action: fc.constantFrom(...Object.entries(weights).flatMap(([name, weight]) => Array<string>(weight).fill(name))),
  worker: fc.constantFrom(...WORKERS),
  cutAfter: fc.constantFrom(0, 1, 2, 100, 100, 100),
});

// Long runs asked for explicitly: by default arrays stay near ten steps, too few for a single handoff.
test('whatever happens in whatever order, no partition is in two nodes or copied by two workers; in the end all that are known are copied', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 50, maxLength: 300, size: 'max' }), (actions) => {
      const fleet = new Fleet();
      for (const { action, worker, cutAfter } of actions) fleet.step(action, worker, cutAfter);
      fleet.isFrozen = false;
      // Announcements end: what waits for a worker that never comes back would wait for ever.
      for (const [worker, { restartUntil }] of fleet.orders)
        if (restartUntil !== undefined) fleet.orders.delete(worker);
      fleet.settle();
      const staying = [...fleet.processes.values()].filter((process) => !process.leaving);
      const counts = staying.map((process) => process.held.size);
      const copied = new Set(staying.flatMap((process) => [...process.held.values()]));
      const wanted = Array.from({ length: fleet.partitions }, (_, partition) => partition);
      const known = wanted.filter((partition) => !fleet.blind || fleet.started.has(partition));
      if (staying.length > 0) assert.deepEqual([...copied].sort(), known);
      // Orders make some workers have more or less than others.
      if (counts.length > 0 && fleet.orders.size === 0)
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
    }),
    { numRuns: 500 },
  );
});

test('the model notices a leader that gives away before the release', () => {
  const fleet = new Fleet();
  for (const worker of ['a', 'b']) fleet.step('start', worker, 100);
  fleet.step('round', 'a', 100);
  fleet.step('apply', 'a', 100);
  const stolen = [...(fleet.nodes.get('a')?.items ?? [])][0];
  const other = fleet.nodes.get('b');
  assert.ok(stolen !== undefined && other !== undefined);
  fleet.nodes.set('b', { ...other, items: [...other.items, stolen] });
  assert.throws(() => fleet.check(), /in two nodes/);
});
