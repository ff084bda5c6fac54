import {
  abort,
  type Coordinator,
  complete,
  initProducerId,
  initProducerIdWith,
  NONE,
  REGISTERED,
  UNWRITTEN,
} from './coordinator.js';
import { type Model, Steps } from './explorer.js';

/*
 * The fence of one lane: the target's transaction coordinator, the partitions' logs with high watermark and producer epochs, an old owner
 * that may do anything its program could still do (a zombie), one or two fencers, the new owner's walk and first batch. Sequences within
 * one epoch are another model's matter.
 */

export interface FenceBounds {
  readonly partitions: number;
  readonly fencers: number;
  /** Batches the old owner still sends. */
  readonly zombieBatches: number;
  /** A coordinator may restart so often while markers are on their way. */
  readonly coordinatorRestarts: number;
  readonly leaderChanges: number;
  /** A partition may be without a leader so often. */
  readonly leaderless: number;
  /** The coordinator may lose the id although it is renewed. */
  readonly losesId: boolean;
  /** The fleet may call WriteTxnMarkers. */
  readonly mayWriteMarkers: boolean;
  /** A marker behind the new owner's first batch counts as damage. */
  readonly wantsDenseLog: boolean;
}

interface Entry {
  readonly kind: 'old' | 'new' | 'marker';
  readonly pid: number;
  readonly epoch: number;
}

interface Partition {
  log: Entry[];
  highWatermark: number;
  hasLeader: boolean;
  /** Where the walk of the new owner ended; -1: not taken yet. */
  takenAt: number;
}

interface Fencer {
  at: 'asleep' | 'init' | 'add' | 'end' | 'await' | 'asked' | 'direct' | 'waited' | 'gone';
  pid: number;
  epoch: number;
}

interface State {
  coordinator: Coordinator;
  partitions: Partition[];
  owner: { epoch: number; isAlive: boolean; isTold: boolean; inFlight: { p: number; epoch: number }[] };
  fencers: Fencer[];
  left: {
    batches: number;
    restarts: number;
    leaderChanges: number;
    leaderless: number;
    losses: number;
    renewals: number;
    retries: number;
  };
  bad: string;
}

const OWN_PID = 900;
const LOCAL_BUMPS = 2;

export function fenceModel(bounds: FenceBounds, off: ReadonlySet<string> = new Set()): Model<State> {
  const machine = new Fence(bounds, off);
  return {
    name: 'fence',
    initial: () => machine.initial(),
    steps: (state) => machine.steps(state),
    wrong: (state) => (state.bad === '' ? undefined : state.bad),
    isDone: (state) => state.partitions.every(isTakenOver),
  };
}

function isTakenOver({ log, highWatermark }: Partition): boolean {
  return log.findIndex(({ kind }) => kind === 'new') < highWatermark && log.some(({ kind }) => kind === 'new');
}

function epochOf(partition: Partition, pid: number): number {
  return Math.max(-1, ...partition.log.filter((entry) => entry.pid === pid).map((entry) => entry.epoch));
}

class Fence {
  readonly #bounds: FenceBounds;
  readonly #off: ReadonlySet<string>;
  readonly #all: readonly number[];

  constructor(bounds: FenceBounds, off: ReadonlySet<string>) {
    this.#bounds = bounds;
    this.#off = off;
    this.#all = Array.from({ length: bounds.partitions }, (_, p) => p);
  }

  initial(): State {
    const { zombieBatches, coordinatorRestarts, leaderChanges, leaderless, fencers } = this.#bounds;
    return {
      coordinator: {
        isKnown: true,
        pid: REGISTERED,
        epoch: 0,
        retryOf: -1,
        phase: 'empty',
        members: [],
        markers: this.#all.map(() => NONE),
      },
      partitions: this.#all.map(() => ({ log: [], highWatermark: 0, hasLeader: true, takenAt: -1 })),
      owner: { epoch: 0, isAlive: true, isTold: false, inFlight: [] },
      fencers: Array.from({ length: fencers }, (_, i) => ({
        at: i === 0 ? 'init' : 'asleep',
        pid: -1,
        epoch: -1,
      })),
      left: {
        batches: zombieBatches,
        restarts: coordinatorRestarts,
        leaderChanges,
        leaderless,
        losses: this.#bounds.losesId || this.#off.has('2.6') ? 1 : 0,
        renewals: this.#off.has('2.6') ? 0 : 1,
        retries: fencers - 1,
      },
      bad: '',
    };
  }

  steps(state: State): Steps<State>['list'] {
    const steps = new Steps(state);
    this.#owner(state, steps);
    this.#coordinator(state, steps);
    for (const p of this.#all) this.#partition(state, steps, p);
    for (const [i, fencer] of state.fencers.entries()) this.#fencer(state, steps, fencer, i);
    return steps.list;
  }

  #owner({ owner, left, coordinator, partitions }: State, steps: Steps<State>): void {
    for (const p of this.#all) {
      if (!owner.isAlive || left.batches === 0) continue;
      steps.fault(`the old owner sends a batch to p${p}`, (next) => {
        next.left.batches--;
        next.owner.inFlight.push({ p, epoch: next.owner.epoch });
      });
    }
    owner.inFlight.forEach(({ p }, index) => {
      if (partitions[p]?.hasLeader !== true) return;
      steps.fault(`a batch of the old owner arrives at p${p}`, (next) => this.#arrive(next, index));
    });
    if (owner.isAlive && owner.isTold) {
      steps.fault('the old owner hears 47 and calls InitProducerId', (next) => this.#ownerCalls(next));
    }
    if (owner.isAlive && this.#off.has('2.4') && owner.epoch < LOCAL_BUMPS) {
      steps.fault('the old owner raises its epoch by itself', (next) => {
        next.owner.epoch++;
      });
    }
    if (owner.isAlive && left.renewals > 0 && coordinator.phase !== 'aborting') {
      steps.fault('the old owner begins a renewal', (next) => {
        next.left.renewals--;
        const { isKnown, pid, epoch } = next.coordinator;
        if (!isKnown || pid !== REGISTERED || epoch !== next.owner.epoch) next.owner.isAlive = false;
        else if (next.coordinator.phase === 'empty') next.coordinator.phase = 'open';
      });
    }
    const isRenewing = coordinator.phase === 'open' && coordinator.members.length === 0;
    if (isRenewing && owner.isAlive && coordinator.epoch === owner.epoch) {
      steps.fault('the old owner ends its renewal', (next) => {
        next.coordinator.phase = 'empty';
      });
    }
  }

  #arrive(next: State, index: number): void {
    const [request] = next.owner.inFlight.splice(index, 1);
    const { p, epoch } = request as { p: number; epoch: number };
    const partition = next.partitions[p] as Partition;
    if (epoch < epochOf(partition, REGISTERED)) {
      if (epoch === next.owner.epoch) next.owner.isTold = true;
      return;
    }
    partition.log.push({ kind: 'old', pid: REGISTERED, epoch });
    if (partition.takenAt >= 0) next.bad = `a batch of the old owner lands in p${p} behind the walk of the new one`;
  }

  #ownerCalls(next: State): void {
    const { owner, coordinator } = next;
    const isBare = this.#off.has('2.3');
    if (isBare ? initProducerId(coordinator) : initProducerIdWith(coordinator, owner.epoch)) {
      owner.isTold = false;
      if (coordinator.pid === REGISTERED) owner.epoch = coordinator.epoch;
      else owner.isAlive = false;
    } else if (!isBare) owner.isAlive = false;
  }

  #coordinator({ coordinator, left, partitions }: State, steps: Steps<State>): void {
    for (const p of this.#all) {
      if (coordinator.markers[p] !== UNWRITTEN || partitions[p]?.hasLeader !== true) continue;
      // A leader refuses a marker below the epoch it has seen; the coordinator tries for ever.
      if (epochOf(partitions[p], coordinator.pid) > coordinator.epoch) continue;
      steps.can(`the coordinator writes the marker of epoch ${coordinator.epoch} to p${p}`, (next) => {
        next.coordinator.markers[p] = this.#mark(next, p, next.coordinator);
      });
    }
    if (coordinator.phase === 'aborting' && left.restarts > 0) {
      steps.fault('the coordinator restarts and writes its markers again', (next) => {
        next.left.restarts--;
        for (const p of next.coordinator.members) next.coordinator.markers[p] = UNWRITTEN;
      });
    }
    if (left.losses > 0 && coordinator.isKnown && coordinator.phase === 'empty') {
      steps.fault('the coordinator forgets the id', (next) => {
        next.left.losses--;
        next.coordinator.isKnown = false;
      });
    }
  }

  #mark(next: State, p: number, { pid, epoch }: { readonly pid: number; readonly epoch: number }): number {
    const partition = next.partitions[p] as Partition;
    if (this.#bounds.wantsDenseLog && partition.log.some(({ kind }) => kind === 'new')) {
      next.bad = `a marker lands in p${p} among the data of the new owner`;
    }
    return partition.log.push({ kind: 'marker', pid, epoch }) - 1;
  }

  #partition({ partitions, left }: State, steps: Steps<State>, p: number): void {
    const { log, highWatermark, hasLeader, takenAt } = partitions[p] as Partition;
    if (!hasLeader) {
      steps.can(`p${p} has a leader again`, (next) => {
        (next.partitions[p] as Partition).hasLeader = true;
      });
      return;
    }
    if (left.leaderless > 0) {
      steps.fault(`p${p} loses its leader`, (next) => {
        next.left.leaderless--;
        (next.partitions[p] as Partition).hasLeader = false;
      });
    }
    if (highWatermark < log.length) {
      steps.can(`the followers of p${p} have it all`, (next) => {
        const partition = next.partitions[p] as Partition;
        partition.highWatermark = partition.log.length;
        if ((next.coordinator.markers[p] ?? NONE) >= 0) next.coordinator.markers[p] = NONE;
        complete(next.coordinator);
      });
      if (left.leaderChanges > 0)
        steps.fault(`another broker leads p${p}: what was not replicated is gone`, (next) => this.#truncate(next, p));
    }
    if (takenAt >= 0 && !log.some(({ kind }) => kind === 'new')) {
      steps.can(`the new owner writes to p${p}`, (next) => {
        (next.partitions[p] as Partition).log.push({ kind: 'new', pid: OWN_PID, epoch: 0 });
      });
    }
  }

  #truncate(next: State, p: number): void {
    const partition = next.partitions[p] as Partition;
    next.left.leaderChanges--;
    partition.log.length = partition.highWatermark;
    if ((next.coordinator.markers[p] ?? NONE) >= partition.highWatermark) next.coordinator.markers[p] = UNWRITTEN;
    if (partition.takenAt > partition.highWatermark) next.bad = `what the walk found in p${p} is gone`;
  }

  #fencer(state: State, steps: Steps<State>, fencer: Fencer, i: number): void {
    const name = i === 0 ? 'the fencer' : 'the second fencer';
    const { coordinator } = state;
    const change = (label: string, act: (mine: Fencer, next: State) => void): void =>
      steps.can(`${name} ${label}`, (next) => act(next.fencers[i] as Fencer, next));
    if (fencer.at === 'asleep') {
      steps.fault(`${name} begins too`, (next) => {
        (next.fencers[i] as Fencer).at = 'init';
      });
    } else if (fencer.at === 'init') change('calls InitProducerId', (mine, next) => this.#fencerInit(mine, next));
    else if (fencer.at === 'add') {
      change('adds all partitions', (mine, next) => {
        if (this.#isStale(mine, next.coordinator)) this.#beginAnew(mine, next);
        else if (next.coordinator.phase !== 'aborting') {
          mine.at = 'end';
          Object.assign(next.coordinator, { phase: 'open', members: [...this.#all] });
        }
      });
    } else if (fencer.at === 'end') {
      change('ends the transaction', (mine, next) => {
        if (this.#isStale(mine, next.coordinator)) this.#beginAnew(mine, next);
        else {
          mine.at = 'await';
          if (next.coordinator.phase === 'open') abort(next.coordinator);
        }
      });
    } else if (fencer.at === 'await' && this.#off.has('5.4') && coordinator.phase === 'empty') {
      change('asks with AddPartitionsToTxn whether it is complete', (mine, next) => {
        if (this.#isStale(mine, next.coordinator)) return;
        mine.at = 'asked';
        Object.assign(next.coordinator, { phase: 'open', members: [...this.#all] });
      });
    } else if (fencer.at === 'asked' && coordinator.phase === 'open') {
      change('ends what it opened by asking', (mine, next) => {
        mine.at = 'await';
        abort(next.coordinator);
      });
    }
    for (const p of this.#all) this.#prove(state, steps, fencer, name, p);
  }

  #isStale({ pid, epoch }: Fencer, coordinator: Coordinator): boolean {
    return pid !== coordinator.pid || epoch !== coordinator.epoch;
  }

  /** Another fencer was faster; whoever called last is not disturbed any more. */
  #beginAnew(mine: Fencer, next: State): void {
    mine.at = next.left.retries > 0 ? 'init' : 'gone';
    if (next.left.retries > 0) next.left.retries--;
  }

  #fencerInit(mine: Fencer, next: State): void {
    const { coordinator } = next;
    const isAnswered = this.#off.has('2.3 fencer') ? initProducerIdWith(coordinator, 0) : initProducerId(coordinator);
    if (!isAnswered) return;
    mine.pid = coordinator.pid;
    mine.epoch = coordinator.epoch;
    mine.at = 'add';
    if (mine.pid === REGISTERED || this.#off.has('5.2')) return;
    mine.at = this.#bounds.mayWriteMarkers ? 'direct' : 'waited';
    mine.pid = REGISTERED;
    mine.epoch = 1;
  }

  #prove({ partitions }: State, steps: Steps<State>, fencer: Fencer, name: string, p: number): void {
    const { log, highWatermark, hasLeader, takenAt } = partitions[p] as Partition;
    if (!hasLeader || takenAt >= 0) return;
    const take = (label: string, at: number): void =>
      steps.can(`${label}: p${p} is walked and taken over`, (next) => {
        (next.partitions[p] as Partition).takenAt = at;
      });
    const isMark = (entry: Entry): boolean =>
      entry.kind === 'marker' && entry.pid === fencer.pid && entry.epoch >= fencer.epoch;
    const at = log.findIndex(isMark);
    if (fencer.at === 'direct' && at < 0 && epochOf(partitions[p] as Partition, REGISTERED) <= fencer.epoch) {
      steps.can(`${name} writes the marker to p${p} itself`, (next) => void this.#mark(next, p, fencer));
    }
    if (fencer.at === 'waited') take('a request timeout has passed', highWatermark);
    if (fencer.at !== 'await' && fencer.at !== 'asked' && fencer.at !== 'direct') return;
    if (this.#off.has('5.3')) take('EndTxn was answered', highWatermark);
    else if (at >= 0 && (at < highWatermark || this.#off.has('5.5'))) take(`${name} reads the marker`, at);
  }
}
