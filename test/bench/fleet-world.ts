import type { WorkerAssignment } from '../../common/model/assignment.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { Desired } from '../../controller/core/desired.js';
import type { DesiredTopic } from '../../controller/core/desired-topic.js';
import { diffAssignments, type NodeChange } from '../../controller/core/diff.js';
import type { Holder } from '../../controller/core/holders.js';
import type { Plan } from '../../controller/core/plan-model.js';
import { plan } from '../../controller/core/planner.js';
import { buildView, type Vacated, type World } from '../../controller/core/view.js';
import { routeOf } from '../unit/controller/kit.js';
import { topicName, workerName } from './fleet-order.js';

export interface FleetShape {
  readonly topics: number;
  readonly partitionsPerTopic: number;
  readonly workers: number;
}

const ROUTE = routeOf('east-west');
const EPOCH = 1;
const MB = 1_000_000;
const POLICY = { tolerance: 0.2, floor: MB, maxMoves: 20 };
const MAX_MOVES = 500;

/** CPU time of each pure step of a round, collections of garbage included, and what it gave. */
export interface RoundTimes {
  readonly viewMs: number;
  readonly planMs: number;
  readonly diffMs: number;
  readonly moves: number;
  readonly nodes: number;
}

/** A fleet as the leader's core sees it: values only. Rounds are carried out by magic: everybody applies and reports at once. */
export class FleetWorld {
  readonly #desired: Desired;
  readonly #live = new Map<string, LiveWorker>();
  readonly #nodes = new Map<string, WorkerAssignment>();
  readonly #vacated = new Map<string, Vacated>();
  readonly #loads = new Map<string, number>();
  #isMeasured = false;

  constructor(shape: FleetShape) {
    this.#desired = desiredOf(shape);
    for (let i = 0; i < shape.workers; i++) this.join(workerName(i));
  }

  join(worker: string): void {
    this.#live.set(worker, { ...LIVE, worker, incarnation: `${worker}-1` });
  }

  die(worker: string): void {
    this.#live.delete(worker);
  }

  /** Loads as fleets have them: a few topics carry most of it. */
  measure(unit: () => number): void {
    this.#isMeasured = true;
    for (const topic of this.#desired.topics.values()) {
      const weight = unit() ** 8 * 20 * MB;
      for (let partition = 0; partition < topic.assignable; partition++) {
        this.#loads.set(`${topic.key}-${partition}`, Math.round(weight * (0.5 + unit())));
      }
    }
  }

  /** One round: what the leader computes between two reads of the store. The last change is applied. */
  round(): RoundTimes & { readonly plan: Plan; readonly changes: readonly NodeChange[] } {
    const world = this.#world();
    const startMs = cpuMs();
    const view = buildView(world, MAX_MOVES, POLICY);
    const viewedMs = cpuMs();
    const planned = plan(view.input);
    const plannedMs = cpuMs();
    const changes = diffAssignments({
      epoch: EPOCH,
      world,
      owners: planned.owners,
      planned: view.planned,
      revokedBy: () => undefined,
      holdAdditions: false,
      generationFloor: 0,
      compareStarted: true,
      routes: new Map([[ROUTE.name, ROUTE]]),
    });
    const doneMs = cpuMs();
    for (const change of changes) {
      this.#nodes.set(change.worker, change.assignment);
      for (const [key, vacated] of change.dropped) this.#vacated.set(key, vacated);
      for (const key of change.added) this.#vacated.delete(key);
    }
    return {
      viewMs: viewedMs - startMs,
      planMs: plannedMs - viewedMs,
      diffMs: doneMs - plannedMs,
      moves: planned.moves.length,
      nodes: changes.length,
      plan: planned,
      changes,
    };
  }

  #world(): World {
    const holders = new Map<string, Holder>();
    for (const [worker, assignment] of this.#nodes) {
      const live = this.#live.get(worker);
      const { incarnation, epoch, generation } = assignment;
      const held = assignment.items.filter(({ state }) => state === 'own');
      const report = { worker, incarnation, epoch, generation, held, doubtful: [], started: held };
      const state = live === undefined ? ('fenced' as const) : ('serving' as const);
      holders.set(worker, { worker, assignment, state, live, report });
    }
    const loadOf = (key: string): number | undefined => (this.#isMeasured ? this.#loads.get(key) : undefined);
    return {
      desired: this.#desired,
      holders,
      accepting: this.#live,
      keeping: new Set(),
      pools: new Map(),
      vacated: this.#vacated,
      promised: new Map(),
      isFrozen: false,
      awaited: new Set(),
      loads: { loadOf, rests: () => false, stuck: new Set(), isUnsettled: () => false },
    };
  }
}

/** Of this process: others on the machine do not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const LIVE: LiveWorker = {
  worker: '',
  incarnation: '',
  zone: '',
  capacity: 1,
  http: 'http://127.0.0.1:1',
  version: 'bench',
  startedAt: '',
  leaving: false,
};

function desiredOf({ topics, partitionsPerTopic }: FleetShape): Desired {
  const list = Array.from({ length: topics }, (_, i): [string, DesiredTopic] => {
    const topic = topicName(i);
    const key = `${ROUTE.name}/${topic}`;
    return [
      key,
      {
        key,
        route: ROUTE,
        topic,
        targetTopic: topic,
        sourceTopicId: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
        timeline: 1,
        started: new Set(),
        initialPartitions: partitionsPerTopic,
        paused: false,
        excluded: new Set(),
        skips: [],
        limits: {},
        assignable: partitionsPerTopic,
        limit: Number.POSITIVE_INFINITY,
      },
    ];
  });
  return { topics: new Map(list), untouchable: new Set(), problems: [], newProgress: [], needs: [] };
}
