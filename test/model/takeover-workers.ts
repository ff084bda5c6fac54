import type { Steps } from './explorer.js';
import {
  close,
  end,
  type Hold,
  hasSession,
  type LaneNode,
  may,
  nameOf,
  type Partition,
  type Proc,
  partitionsOf,
  type State,
  spend,
  type TakeoverBounds,
  WORKERS,
} from './takeover-state.js';

/** What worker processes do, and what is done to them. */
export class Workers {
  readonly #bounds: TakeoverBounds;
  readonly #off: ReadonlySet<string>;

  constructor(bounds: TakeoverBounds, off: ReadonlySet<string>) {
    this.#bounds = bounds;
    this.#off = off;
  }

  steps(state: State, steps: Steps<State>): void {
    WORKERS.forEach((name, worker) => {
      if (state.live[worker] === 0 && !state.procs.some((proc) => proc.worker === worker && !proc.isStopped)) {
        steps.can(`worker ${name} starts as ${name}${state.nextInc}`, (next) => this.#start(next, worker));
      }
      const inc = state.live[worker] ?? 0;
      const isSilent = inc !== 0 && !state.procs.some((proc) => proc.inc === inc && !proc.isStopped);
      if (isSilent) steps.can(`the session of ${name}${inc} expires`, (next) => this.#expire(next, worker));
    });
    for (const proc of state.procs) {
      if (proc.isStopped) this.#stopped(state, steps, proc);
      else this.#running(state, steps, proc);
    }
  }

  #start(next: State, worker: number): void {
    const inc = next.nextInc++;
    const lane = next.nextLane++;
    next.live[worker] = inc;
    next.lanes.push({ lane, inc, state: 'active' });
    next.procs.push({ worker, inc, lane, life: 0, isStopped: false, applied: 0, own: [], holds: {}, doubtful: [] });
  }

  #expire(next: State, worker: number): void {
    const inc = next.live[worker];
    next.live[worker] = 0;
    if (!this.#off.has('2.2')) return;
    const isMine = (lane: LaneNode): boolean => lane.inc === inc;
    next.leaders.find(({ reign }) => reign === next.epoch)?.remembered.push(...next.lanes.filter(isMine));
    next.lanes = next.lanes.filter((lane) => !isMine(lane));
  }

  #stopped(state: State, steps: Steps<State>, proc: Proc): void {
    steps.fault(`${nameOf(proc)} is continued (SIGCONT)`, (next) => {
      const mine = find(next, proc);
      mine.isStopped = false;
      if (!hasSession(state, proc) && !this.#off.has('2.7 sleep')) end(next, proc.inc);
    });
  }

  #running(state: State, steps: Steps<State>, proc: Proc): void {
    const name = nameOf(proc);
    this.#faults(state, steps, proc, name);
    if (!hasSession(state, proc)) {
      steps.can(`${name} learns that its session is over and drops everything`, (next) => end(next, proc.inc));
    } else {
      this.#read(state, steps, proc, name);
      this.#report(state, steps, proc, name);
      const lane = state.lanes.find((candidate) => candidate.lane === proc.lane);
      if (lane?.state !== 'active' && !this.#off.has('2.2')) {
        steps.can(`${name} sees that its lane is given up and drops everything`, (next) => end(next, proc.inc));
      }
    }
    for (const p of proc.own) if (proc.holds[p] === undefined) this.#acquire(state, steps, proc, p);
    for (const p of partitionsOf(proc.holds)) this.#copy(state, steps, proc, p);
  }

  #faults(state: State, steps: Steps<State>, proc: Proc, name: string): void {
    // Who has nothing to do with any partition may die at will: nobody would notice.
    if (proc.own.length === 0 && partitionsOf(proc.holds).length === 0) return;
    if (may(state, 'stops')) {
      steps.fault(`${name} is stopped (SIGSTOP)`, (next) => {
        spend(next, 'stops');
        find(next, proc).isStopped = true;
      });
    }
    if (may(state, 'kills')) {
      steps.fault(`${name} is killed`, (next) => {
        spend(next, 'kills');
        next.procs = next.procs.filter(({ inc }) => inc !== proc.inc);
      });
    }
    if (may(state, 'sessionLosses')) {
      steps.fault(`the session of ${name} is lost while it runs`, (next) => {
        spend(next, 'sessionLosses');
        if (next.live[proc.worker] === proc.inc) this.#expire(next, proc.worker);
      });
    }
    if (may(state, 'threadDeaths')) {
      steps.fault(`the data thread of ${name} dies and starts again`, (next) => {
        spend(next, 'threadDeaths');
        const mine = find(next, proc);
        mine.life++;
        mine.holds = {};
        if (!this.#off.has('2.7')) end(next, proc.inc);
      });
    }
  }

  #read(state: State, steps: Steps<State>, proc: Proc, name: string): void {
    const { nodes, older } = state;
    for (const [node, isStale] of [
      [nodes[proc.worker], false],
      [older[proc.worker], true],
    ] as const) {
      if (node === null || node === undefined || (isStale && !may(state, 'staleReads'))) continue;
      const isMine = node.inc === proc.inc || this.#off.has('7.1');
      const isNews = this.#off.has('7.4') ? node.gen !== proc.applied : node.gen > proc.applied;
      const isInherited = this.#off.has('7.1 node') && node.inc < proc.inc;
      if (!isNews || !(isMine || isInherited)) continue;
      const what = isStale ? `an old copy of its assignment, generation ${node.gen}` : `generation ${node.gen}`;
      const label = isMine ? `${name} reads ${what}` : `${name} fences its predecessor and takes the set`;
      (isStale ? steps.fault : steps.can).call(steps, label, (next: State) => {
        if (isStale) spend(next, 'staleReads');
        const mine = find(next, proc);
        mine.applied = node.gen;
        mine.own = partitionsOf(node.items).filter((p) => node.items[p]?.state === 'own');
        if (!isMine) for (const p of mine.own) this.#fencePredecessors(next, node.inc, p);
      });
    }
  }

  #fencePredecessors(next: State, inc: number, p: number): void {
    for (const lane of next.lanes) if (lane.inc === inc) close(next.partitions[p] as Partition, lane.lane);
  }

  #report({ reports }: State, steps: Steps<State>, proc: Proc, name: string): void {
    const report = { inc: proc.inc, gen: proc.applied, held: partitionsOf(proc.holds), doubtful: proc.doubtful };
    // Nobody asks for a report unless something is called back.
    if (this.#bounds.faults.moves === undefined) return;
    if (proc.applied === 0 || JSON.stringify(reports[proc.worker]) === JSON.stringify(report)) return;
    steps.can(`${name} reports generation ${proc.applied}, holding ${report.held.length}`, (next) => {
      next.reports[proc.worker] = report;
    });
  }

  #acquire(state: State, steps: Steps<State>, proc: Proc, p: number): void {
    if (proc.doubtful.includes(p)) return;
    const { checkpoint, closed, released } = state.partitions[p] as Partition;
    const isSettled = checkpoint === proc.lane || closed.includes(checkpoint) || released.includes(checkpoint);
    if (!isSettled && !this.#off.has('5.8')) {
      this.#fenceStranger(state, steps, proc, p);
      return;
    }
    steps.can(`${nameOf(proc)} walks p${p} and takes it over with lane ${proc.lane}`, (next) => {
      const partition = next.partitions[p] as Partition;
      const at = partition.early >= 0 ? partition.early : partition.log.length;
      partition.early = -1;
      // Whose lane is fenced may walk as it likes: it cannot write.
      if (!partition.closed.includes(proc.lane)) partition.writer = proc.lane;
      const isCommitted = !this.#off.has('4.3');
      find(next, proc).holds[p] = { next: at, isSent: false, isCommitted };
      if (isCommitted) partition.checkpoint = proc.lane;
    });
  }

  /** Whoever fences another lane first asks the coordinator whether its own is alive: an order may have been overtaken. */
  #fenceStranger(state: State, steps: Steps<State>, proc: Proc, p: number): void {
    const { checkpoint: stranger } = state.partitions[p] as Partition;
    const isFenced = state.partitions.some(({ closed }) => closed.includes(proc.lane));
    if (isFenced && !this.#off.has('5.8 own lane')) {
      steps.can(`${nameOf(proc)} finds its own lane fenced and drops everything`, (next) => end(next, proc.inc));
      return;
    }
    steps.can(`${nameOf(proc)} fences lane ${stranger}, named in the checkpoint of p${p}`, (next) => {
      close(next.partitions[p] as Partition, stranger);
      const owner = next.procs.find(({ lane }) => lane === stranger);
      if (isFenced && owner !== undefined && hasSession(next, owner)) {
        next.bad = `${nameOf(proc)}, which is fenced itself, fences ${nameOf(owner)}, which copies p${p} by order`;
      }
    });
  }

  #copy(state: State, steps: Steps<State>, proc: Proc, p: number): void {
    const hold = proc.holds[p] as Hold;
    const name = nameOf(proc);
    const isInFlight = state.inFlight.some((request) => request.lane === proc.lane && request.p === p);
    const isOwn = proc.own.includes(p);
    if (!isInFlight && (hold.isSent || (isOwn && hold.next < this.#bounds.records))) {
      steps.can(`${name} sends record ${hold.next} to p${p} on lane ${proc.lane}`, (next) => {
        next.inFlight.push({ lane: proc.lane, life: proc.life, p, record: hold.next });
        (find(next, proc).holds[p] as Hold).isSent = true;
      });
    }
    if (!hold.isCommitted) {
      steps.can(`${name} commits its checkpoint of p${p}`, (next) => {
        (find(next, proc).holds[p] as Hold).isCommitted = true;
        (next.partitions[p] as Partition).checkpoint = proc.lane;
      });
    }
    if (isOwn) return;
    if (!hold.isSent) {
      steps.can(`${name} lets go of p${p}, drained`, (next) => this.#letGo(next, proc, p));
      if (may(state, 'lateCommits')) {
        steps.fault(`${name} lets go of p${p}, drained; a commit of it is still under way`, (next) => {
          spend(next, 'lateCommits');
          next.commits.push({ p, lane: proc.lane });
          this.#letGo(next, proc, p);
        });
      }
    } else if (may(state, 'doubts')) {
      steps.fault(`${name} gives up p${p} without an answer`, (next) => {
        spend(next, 'doubts');
        this.#letGo(next, proc, p);
        if (!this.#off.has('7.3 doubtful')) find(next, proc).doubtful.push(p);
      });
    }
  }

  #letGo(next: State, proc: Proc, p: number): void {
    delete find(next, proc).holds[p];
  }
}

function find(state: State, { inc }: Proc): Proc {
  return state.procs.find((candidate) => candidate.inc === inc) as Proc;
}
