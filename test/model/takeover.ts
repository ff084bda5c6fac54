import { type Model, Steps } from './explorer.js';
import { Leaders } from './takeover-leaders.js';
import {
  end,
  type Hold,
  initialState,
  may,
  type Partition,
  type Proc,
  type Request,
  type State,
  spend,
  type TakeoverBounds,
} from './takeover-state.js';
import { Workers } from './takeover-workers.js';

/*
 * Who owns what, from the store to the log: two controllers and their writes, two workers and their incarnations, assignment nodes, reports,
 * lane nodes, batches under way, markers. The fence of one lane in one partition is one step (the marker), the walk behind it another.
 */

export function takeoverModel(bounds: TakeoverBounds, off: ReadonlySet<string> = new Set()): Model<State> {
  const workers = new Workers(bounds, off);
  const leaders = new Leaders(off);
  const target = new Target(off);
  return {
    name: 'takeover',
    initial: () => initialState(bounds),
    steps: (state) => {
      const steps = new Steps(state);
      workers.steps(state, steps);
      leaders.steps(state, steps);
      target.steps(state, steps);
      return steps.list;
    },
    wrong: (state) => {
      if (state.bad !== '') return state.bad;
      return state.nextInc > mostIncarnations(bounds)
        ? 'incarnation after incarnation is given up without a fault'
        : undefined;
    },
    isDone: (state) => state.partitions.every(({ log }, p) => log.length === bounds.records && isOwned(state, p)),
  };
}

/** Both workers' first ones, and what faults may cost; a wiped store costs two. */
function mostIncarnations({ faults }: TakeoverBounds): number {
  return 3 + 2 * Object.values(faults).reduce((sum, times) => sum + times, 0);
}

/** Some living worker copies it, by the order of the node that is in the store. */
function isOwned({ procs, nodes, live }: State, p: number): boolean {
  return procs.some(({ worker, inc, holds, own, isStopped }) => {
    const node = nodes[worker];
    const isAssigned = node?.inc === inc && node.items[p]?.state === 'own' && live[worker] === inc;
    return isAssigned && !isStopped && own.includes(p) && holds[p] !== undefined;
  });
}

/** The target cluster, the network before it, and the faults of the store. */
class Target {
  readonly #off: ReadonlySet<string>;

  constructor(off: ReadonlySet<string>) {
    this.#off = off;
  }

  steps(state: State, steps: Steps<State>): void {
    state.inFlight.forEach(({ lane, p, record }, index) => {
      const what = `record ${record} of lane ${lane} arrives at p${p}`;
      steps.can(what, (next) => this.#arrive(next, index, true));
      if (may(state, 'lostAnswers')) {
        steps.fault(`${what}, its answer is lost`, (next) => {
          spend(next, 'lostAnswers');
          this.#arrive(next, index, false);
        });
      }
    });
    state.commits.forEach(({ p, lane }, index) => {
      steps.fault(`a late commit names lane ${lane} as the writer of p${p}`, (next) => {
        next.commits.splice(index, 1);
        (next.partitions[p] as Partition).checkpoint = lane;
      });
    });
    if (may(state, 'longDays') && state.inFlight.length === 0) {
      steps.fault('a day passes: the brokers forget fenced producers', (next) => {
        spend(next, 'longDays');
        // Whoever runs has tried to renew its lane by then, and was refused.
        const isFenced = ({ lane }: Proc): boolean => next.partitions.some(({ closed }) => closed.includes(lane));
        const refused = next.procs.filter((proc) => !proc.isStopped && isFenced(proc));
        if (!this.#off.has('2.6')) for (const { inc } of refused) end(next, inc);
        for (const partition of next.partitions) partition.closed = [];
      });
    }
    if (may(state, 'wipes')) steps.fault('the store is wiped', (next) => wipe(next));
    if (!may(state, 'lostLaneNodes')) return;
    state.lanes.forEach(({ lane }, index) => {
      steps.fault(`the node of lane ${lane} is lost`, (next) => {
        spend(next, 'lostLaneNodes');
        next.lanes.splice(index, 1);
      });
    });
  }

  #arrive(next: State, index: number, isAnswered: boolean): void {
    const [request] = next.inFlight.splice(index, 1) as [Request];
    const { lane, life, p, record } = request;
    const partition = next.partitions[p] as Partition;
    const proc = next.procs.find((candidate) => candidate.lane === lane && !candidate.isStopped);
    if (partition.closed.includes(lane)) {
      if (isAnswered && proc !== undefined) this.#refused(next, proc);
      return;
    }
    const isKnown = partition.log.some(
      (stored) => stored.lane === lane && stored.life === life && stored.record === record,
    );
    if (!isKnown) this.#append(next, partition, request);
    const hold = proc?.life === life ? proc.holds[p] : undefined;
    if (isAnswered && hold?.next === record && hold.isSent) Object.assign(hold, { next: record + 1, isSent: false });
  }

  #append(next: State, partition: Partition, { lane, life, record, p }: Request): void {
    const expected = partition.log.length;
    partition.log.push({ lane, life, record });
    if (record < expected) next.bad = `record ${record} is in p${p} twice`;
    else if (record > expected) next.bad = `record ${record} is in p${p} where ${expected} is missing`;
    else if (lane !== partition.writer)
      next.bad = `lane ${lane} writes to p${p} behind the walk of lane ${partition.writer}`;
  }

  /** 47: the lane is dead, and with it all that rests on it. */
  #refused(next: State, proc: Proc): void {
    if (!this.#off.has('2.5')) {
      end(next, proc.inc);
      return;
    }
    const mine = next.procs.find(({ inc }) => inc === proc.inc) as Proc;
    mine.lane = next.nextLane++;
    next.lanes.push({ lane: mine.lane, inc: mine.inc, state: 'active' });
    for (const hold of Object.values(mine.holds) as Hold[]) hold.isSent = false;
  }
}

function wipe(next: State): void {
  spend(next, 'wipes');
  next.nodes = [null, null];
  next.older = [null, null];
  next.reports = [null, null];
  next.live = [0, 0];
  next.lanes = [];
  next.isWiped = true;
}
