import { type Model, Steps } from './explorer.js';

/*
 * Checkpoints and where a partition begins: one partition, one owner after the other (the fence between them is one step), commits that
 * arrive late, a source that grows and loses its head, a target topic that is made anew, offsets that expire. The start is `latest`.
 */

export interface CheckpointBounds {
  /** The source ends at 1 in the beginning, and grows to this. */
  readonly sourceEnd: number;
  readonly deaths: number;
  readonly lateCommits: number;
  readonly recreations: number;
  readonly retentions: number;
  readonly expiries: number;
}

interface Pair {
  readonly timeline: number;
  readonly source: number;
  readonly target: number;
}

interface Owner {
  phase: 'starting' | 'committing' | 'running' | 'paused';
  next: number;
}

interface State {
  source: { start: number; end: number };
  /** Source offsets of the records in the target's log. */
  log: number[];
  timeline: number;
  /** The store knows that the partition began in this timeline. */
  isStarted: boolean;
  checkpoint: Pair | null;
  late: Pair[];
  owner: Owner | null;
  left: { deaths: number; lateCommits: number; recreations: number; retentions: number; expiries: number };
}

export function checkpointModel(bounds: CheckpointBounds, off: ReadonlySet<string> = new Set()): Model<State> {
  const machine = new Checkpoints(bounds, off);
  return {
    name: 'checkpoints',
    initial: () => machine.initial(),
    steps: (state) => machine.steps(state),
    wrong: ({ log }) => {
      const at = log.findIndex((record, index) => index > 0 && record !== (log[index - 1] as number) + 1);
      return at < 0 ? undefined : `record ${log[at]} stands behind record ${log[at - 1]}`;
    },
    isDone: ({ owner, source }) =>
      owner?.phase === 'paused' ||
      (owner?.phase === 'running' && owner.next === source.end && source.end === bounds.sourceEnd),
  };
}

class Checkpoints {
  readonly #bounds: CheckpointBounds;
  readonly #off: ReadonlySet<string>;

  constructor(bounds: CheckpointBounds, off: ReadonlySet<string>) {
    this.#bounds = bounds;
    this.#off = off;
  }

  initial(): State {
    const { deaths, lateCommits, recreations, retentions, expiries } = this.#bounds;
    return {
      source: { start: 0, end: 1 },
      log: [],
      timeline: 1,
      isStarted: false,
      checkpoint: null,
      late: [],
      owner: null,
      left: { deaths, lateCommits, recreations, retentions, expiries },
    };
  }

  steps(state: State): Steps<State>['list'] {
    const steps = new Steps(state);
    this.#owner(state, steps);
    this.#world(state, steps);
    return steps.list;
  }

  #owner(state: State, steps: Steps<State>): void {
    const { owner, source, log, timeline, checkpoint } = state;
    if (owner === null) {
      steps.can('a new owner takes over, behind a fence', (next) => {
        next.owner = { phase: 'starting', next: -1 };
      });
    } else if (owner.phase === 'starting') this.#start(state, steps);
    else if (owner.phase === 'committing') {
      steps.can(`its pair (${owner.next}, ${log.length}) is committed`, (next) => {
        next.checkpoint = { timeline, source: owner.next, target: log.length };
        next.owner = { ...owner, phase: 'running' };
      });
    } else if (owner.phase === 'running') {
      if (owner.next < source.end) {
        steps.can(`record ${owner.next} is written`, (next) => {
          next.log.push(owner.next);
          next.owner = { ...owner, next: owner.next + 1 };
        });
      }
      const pair = { timeline, source: owner.next, target: log.length };
      if (JSON.stringify(checkpoint) === JSON.stringify(pair)) return;
      steps.can(`the pair (${pair.source}, ${pair.target}) is committed`, (next) => {
        next.checkpoint = pair;
      });
      if (state.left.lateCommits > 0) {
        steps.fault(`a commit of the pair (${pair.source}, ${pair.target}) is under way`, (next) => {
          next.left.lateCommits--;
          next.late.push(pair);
        });
      }
    }
  }

  #start(state: State, steps: Steps<State>): void {
    const { checkpoint, timeline, source, log } = state;
    const phase = this.#off.has('4.3') ? 'running' : 'committing';
    const isValid = checkpoint !== null && (checkpoint.timeline === timeline || this.#off.has('4.2'));
    if (isValid) {
      // An end below the pair means that the high watermark has not caught up: wait.
      if (checkpoint.target > log.length) return;
      const behind = log.slice(checkpoint.target);
      const agrees = behind.every((record, rank) => record === checkpoint.source + rank);
      const next = checkpoint.source + behind.length;
      const label = `it walks ${behind.length} records from the pair (${checkpoint.source}, ${checkpoint.target})`;
      if (agrees)
        steps.can(`${label} and begins at ${next}`, (state) => Object.assign(state, { owner: { phase, next } }));
      else
        steps.can(`${label}: they differ, it pauses`, (state) =>
          Object.assign(state, { owner: { phase: 'paused', next } }),
        );
    } else if (state.isStarted && !this.#off.has('4.4')) {
      steps.can('it finds no checkpoint where there must be one, and pauses', (next) => {
        next.owner = { phase: 'paused', next: -1 };
      });
    } else {
      // A target made anew is filled from what the source still has.
      const start = timeline === 1 ? source.end : source.start;
      steps.can(`it finds no checkpoint and begins at ${start}`, (next) => {
        next.owner = { phase, next: start };
      });
    }
  }

  #world(state: State, steps: Steps<State>): void {
    const { owner, source, left, checkpoint, timeline, log } = state;
    if (source.end < this.#bounds.sourceEnd) {
      steps.can(`the source gets record ${source.end}`, (next) => {
        next.source.end++;
      });
    }
    if (checkpoint?.timeline === timeline && !state.isStarted) {
      steps.can('the store is told that it has started', (next) => {
        next.isStarted = true;
      });
    }
    state.late.forEach((pair, index) => {
      steps.fault(`the late commit of (${pair.source}, ${pair.target}) arrives`, (next) => {
        next.late.splice(index, 1);
        // In a place of its own it could only replace a pair of its own timeline.
        if (pair.timeline === timeline || this.#off.has('4.2') || this.#off.has('4.2 place')) next.checkpoint = pair;
      });
    });
    if (owner !== null && left.deaths > 0) {
      steps.fault('the owner dies', (next) => {
        next.left.deaths--;
        next.owner = null;
      });
    }
    const isSpare = timeline === 1 && (source.start === 0 || log.includes(source.start));
    if (left.retentions > 0 && isSpare) {
      steps.fault(`the source loses record ${source.start} to retention`, (next) => {
        next.left.retentions--;
        next.source.start++;
      });
    }
    if (left.recreations > 0) {
      steps.fault('the target topic is made anew: a new timeline begins', (next) => {
        next.left.recreations--;
        // Kafka forgets the offsets of a topic that is deleted.
        Object.assign(next, { log: [], timeline: next.timeline + 1, isStarted: false, owner: null, checkpoint: null });
      });
    }
    if (left.expiries > 0 && owner === null && state.isStarted) {
      steps.fault('the checkpoint expires while nobody refreshes it', (next) => {
        next.left.expiries--;
        next.checkpoint = null;
      });
    }
  }
}
