import type { Steps } from './explorer.js';
import {
  close,
  type Item,
  type LaneNode,
  type Leader,
  may,
  type Node,
  type Partition,
  partitionsOf,
  type SlowWrite,
  type State,
  spend,
  WORKERS,
  write,
} from './takeover-state.js';

const CONTROLLERS = ['controller 1', 'controller 2'] as const;

/** What controllers do: every write is one multi that checks the epoch; fences speak to Kafka, which checks no epoch of ours. */
export class Leaders {
  readonly #off: ReadonlySet<string>;

  constructor(off: ReadonlySet<string>) {
    this.#off = off;
  }

  steps(state: State, steps: Steps<State>): void {
    if (may(state, 'elections')) {
      const other = state.leaders.findIndex(({ reign }) => reign !== state.epoch);
      steps.fault(`${CONTROLLERS[other]} wins an election`, (next) => {
        spend(next, 'elections');
        next.epoch++;
        next.leaders[other] = { reign: next.epoch, begun: [], remembered: [] };
      });
    }
    this.#slowWrite(state, steps);
    state.leaders.forEach((leader, c) => {
      // The first write of a reign that is over fails, and tells its leader so.
      if (leader.reign === state.epoch) this.#reign(state, steps, c);
    });
  }

  #reign(state: State, steps: Steps<State>, c: number): void {
    // One write of a reign at a time.
    if (state.slow?.reign === state.epoch) return;
    if (state.isWiped && !this.#off.has('7.6')) {
      steps.can(`${CONTROLLERS[c]} finds no lane registry and fences every id that nobody has registered`, (next) => {
        next.isWiped = false;
        const registered = next.lanes.map(({ lane }) => lane);
        for (const partition of next.partitions) {
          for (let lane = 1; lane < next.nextLane; lane++) if (!registered.includes(lane)) close(partition, lane);
        }
      });
      return;
    }
    for (let p = 0; p < state.partitions.length; p++) this.#assign(state, steps, c, p);
    WORKERS.forEach((_, worker) => {
      const node = state.nodes[worker];
      if (node === null || node === undefined) return;
      for (const p of partitionsOf(node.items)) this.#move(state, steps, worker, node, p);
      this.#fence(state, steps, c, worker, node);
    });
  }

  #assign(state: State, steps: Steps<State>, c: number, p: number): void {
    const holders = state.nodes.flatMap((node, worker) => (node?.items[p] === undefined ? [] : [worker]));
    const addsFirst = this.#off.has('7.2 order') && holders.length === 1;
    if (holders.length > 0 && !(addsFirst && this.#isReleased(state, holders[0] as number, p))) return;
    WORKERS.forEach((name, worker) => {
      if (!this.#isFit(state, worker) || holders.includes(worker)) return;
      const gen = state.nodes[worker]?.gen ?? 0;
      const inc = state.live[worker] as number;
      steps.can(`p${p} is given to ${name}${inc}, generation ${gen + 1}`, (next) => this.#give(next, worker, inc, p));
      if (!may(state, 'slowWrites') || state.slow !== null) return;
      steps.fault(`${CONTROLLERS[c]} sends the write that gives p${p} to ${name}${inc}; it is slow`, (next) => {
        spend(next, 'slowWrites');
        next.slow = { reign: state.epoch, p, worker, inc, gen };
      });
    });
  }

  /** A session is alive, nobody is fencing its lane, and its node is its own or empty. */
  #isFit(state: State, worker: number): boolean {
    const inc = state.live[worker] ?? 0;
    const node = state.nodes[worker] ?? null;
    const lanes = state.lanes.filter((lane) => lane.inc === inc);
    if (inc === 0 || lanes.length === 0 || lanes.some((lane) => lane.state === 'fencing')) return false;
    return node === null || node.inc === inc || partitionsOf(node.items).length === 0;
  }

  #give(next: State, worker: number, inc: number, p: number): void {
    const lanes = next.lanes.filter((lane) => lane.inc === inc).map(({ lane }) => lane);
    if (next.partitions.some(({ closed }) => closed.some((lane) => lanes.includes(lane)))) {
      next.bad = 'an incarnation gets work whose lane is being fenced';
    }
    // What it once let go it may now hold again: the record of that release is void.
    const { released } = next.partitions[p] as Partition;
    if (!this.#off.has('5.8 record')) {
      (next.partitions[p] as Partition).released = released.filter((lane) => !lanes.includes(lane));
    }
    next.nodes[worker] ??= { inc, gen: 0, items: {} };
    write(next, worker, (node) => {
      node.inc = inc;
      node.items[p] = { state: 'own', since: node.gen };
    });
  }

  #slowWrite({ slow }: State, steps: Steps<State>): void {
    if (slow === null) return;
    const { reign, p, worker, inc, gen } = slow satisfies SlowWrite;
    steps.can(`the slow write arrives: p${p} to ${WORKERS[worker]}${inc}`, (next) => {
      next.slow = null;
      const isOver = reign !== next.epoch && !this.#off.has('7.5');
      if (!isOver && (next.nodes[worker]?.gen ?? 0) === gen) this.#give(next, worker, inc, p);
    });
  }

  #isReleased({ reports, nodes }: State, worker: number, p: number): boolean {
    const report = reports[worker] ?? null;
    const node = nodes[worker] ?? null;
    const item = node?.items[p];
    if (report === null || node === null || item?.state !== 'revoke' || report.inc !== node.inc) return false;
    const isNewEnough = report.gen >= item.since || this.#off.has('7.3');
    return isNewEnough && !report.held.includes(p) && !report.doubtful.includes(p);
  }

  #move(state: State, steps: Steps<State>, worker: number, node: Node, p: number): void {
    const { state: order } = node.items[p] as Item;
    if (order === 'own' && may(state, 'moves') && state.live[worker] === node.inc) {
      const isHasty = this.#off.has('7.2');
      steps.fault(
        `p${p} is ${isHasty ? 'taken' : 'called back'} from ${WORKERS[worker]}, generation ${node.gen + 1}`,
        (next) => {
          spend(next, 'moves');
          write(next, worker, (mine) => {
            if (isHasty) delete mine.items[p];
            else mine.items[p] = { state: 'revoke', since: mine.gen };
          });
        },
      );
    }
    if (!this.#isReleased(state, worker, p)) return;
    steps.can(`${WORKERS[worker]}'s report releases p${p}: it leaves the node`, (next) => {
      const lanes = next.lanes.filter((lane) => lane.inc === node.inc);
      const partition = next.partitions[p] as Partition;
      partition.released = [...new Set([...partition.released, ...lanes.map(({ lane }) => lane)])].sort();
      write(next, worker, (mine) => void delete mine.items[p]);
    });
  }

  #fence(state: State, steps: Steps<State>, c: number, worker: number, node: Node): void {
    const items = partitionsOf(node.items);
    if (items.length === 0) return;
    const leader = state.leaders[c] as Leader;
    const name = `${WORKERS[worker]}${node.inc}`;
    const lanes = state.lanes.filter((lane) => lane.inc === node.inc);
    const vanished = leader.remembered.filter((lane) => lane.inc === node.inc);
    const isBegun = leader.begun.includes(node.inc);
    const isGone = state.live[worker] !== node.inc;
    const report = state.reports[worker];
    const isDoubtful = report?.inc === node.inc && report.doubtful.length > 0;
    const mustMark = !isBegun && lanes.some((lane) => lane.state === 'active');
    const isOverdue = may(state, 'timeouts') && items.some((p) => node.items[p]?.state === 'revoke');
    if (mustMark && (isGone || isDoubtful)) {
      steps.can(`${CONTROLLERS[c]} begins to fence ${name}`, (next) => this.#begin(next, c, node.inc, items));
    } else if (mustMark && isOverdue) {
      steps.fault(`${name} takes too long to let go: ${CONTROLLERS[c]} begins to fence it`, (next) => {
        spend(next, 'timeouts');
        this.#begin(next, c, node.inc, items);
      });
    }
    if (mustMark || (lanes.length === 0 && !isGone)) return;
    const all = [...lanes, ...vanished];
    const isClosed = (p: number, { lane }: LaneNode): boolean => state.partitions[p]?.closed.includes(lane) === true;
    for (const p of items) {
      const open = all.filter((lane) => !isClosed(p, lane));
      if (open.length === 0) continue;
      steps.can(`the marker of ${name}'s lane is in p${p}`, (next) => {
        for (const { lane } of open) close(next.partitions[p] as Partition, lane);
      });
    }
    if (!all.every((lane) => items.every((p) => isClosed(p, lane)))) return;
    const how = all.length === 0 ? 'has no lane' : 'is fenced';
    steps.can(`${name} ${how}: its items leave the node`, (next) => {
      next.lanes = next.lanes.filter((lane) => lane.inc !== node.inc);
      write(next, worker, (mine) => {
        mine.items = {};
      });
    });
  }

  #begin(next: State, c: number, inc: number, items: readonly number[]): void {
    if (this.#off.has('5.1')) next.leaders[c]?.begun.push(inc);
    else for (const lane of next.lanes) if (lane.inc === inc) lane.state = 'fencing';
    if (!this.#off.has('6.1')) return;
    for (const p of items) {
      const partition = next.partitions[p] as Partition;
      partition.early = partition.log.length;
    }
  }
}
