import { type Model, Steps } from './explorer.js';

/*
 * Sequence numbers: one lane writes one partition. Modelled: requests in a connection's pipe, answers that get lost with it, requests of a
 * cut connection that arrive late, refusals, the high watermark and leaders that lose what lies above it, the broker's producer state
 * and its expiry, a partition that is handed to another lane and back. A batch is one record. The fence with the walk behind it is one step.
 */

export interface SequenceBounds {
  readonly records: number;
  /** Batches in flight, and batches a broker remembers: both 5 in truth. */
  readonly window: number;
  readonly cuts: number;
  readonly refusals: number;
  /** Hours without an append, each of which may end with the broker forgetting the producer. */
  readonly idles: number;
  readonly leaderChanges: number;
  readonly handoffs: number;
  /** Records older than `producer.id.expiration.ms`: the broker may forget the producer at any time. */
  readonly oldTimestamps: boolean;
  /** Beyond the rules as written: with such records the window stays cold, and every doubt ends in fence and walk. */
  readonly isWary: boolean;
}

interface Stored {
  readonly pid: number;
  readonly seq: number;
  readonly record: number;
}

type Answer = 'stored' | 'duplicate' | '45' | 'refused' | '47';

interface Request extends Stored {
  answer: Answer | '';
  offset: number;
}

interface Batch {
  record: number;
  seq: number;
  isInFlight: boolean;
  isInDoubt: boolean;
  wasSentBefore: boolean;
}

interface State {
  log: Stored[];
  highWatermark: number;
  /** By lane: below this offset the broker remembers nothing of it. */
  forgotten: number[];
  fenced: number[];
  /** The lane in use. */
  pid: number;
  nextSeq: number;
  isWarm: boolean;
  isIdle: boolean;
  nextRecord: number;
  /** Records that are to be left out. */
  skipped: number[];
  unacked: Batch[];
  pipe: Request[];
  /** What is left of cut connections, each in its order. */
  late: Request[][];
  left: { cuts: number; refusals: number; idles: number; expiries: number; leaderChanges: number; handoffs: number };
  bad: string;
}

/** The lane of somebody else, to whom the partition is lent. */
const OTHER = -1;

export function sequenceModel(bounds: SequenceBounds, off: ReadonlySet<string> = new Set()): Model<State> {
  const machine = new Sequences(bounds, off);
  return {
    name: 'sequences',
    initial: () => machine.initial(),
    steps: (state) => machine.steps(state),
    wrong: (state) => (state.bad !== '' ? state.bad : disorder(state)),
    isDone: (state) => state.nextRecord === bounds.records && state.unacked.length === 0,
  };
}

function disorder({ log, skipped }: State): string | undefined {
  let expected = 0;
  for (const { record } of log) {
    while (record > expected && skipped.includes(expected)) expected++;
    if (record < expected) return `record ${record} is in the log twice`;
    if (record > expected) return `record ${record} is in the log where ${expected} is missing`;
    expected++;
  }
  return undefined;
}

class Sequences {
  readonly #bounds: SequenceBounds;
  readonly #off: ReadonlySet<string>;

  constructor(bounds: SequenceBounds, off: ReadonlySet<string>) {
    this.#bounds = bounds;
    this.#off = off;
  }

  initial(): State {
    const { cuts, refusals, idles, leaderChanges, handoffs, oldTimestamps } = this.#bounds;
    const expiries = oldTimestamps ? 1 : idles;
    return {
      log: [],
      highWatermark: 0,
      forgotten: [0],
      fenced: [],
      pid: 0,
      nextSeq: 0,
      isWarm: this.#off.has('3.2'),
      isIdle: false,
      nextRecord: 0,
      skipped: [],
      unacked: [],
      pipe: [],
      late: [],
      left: { cuts, refusals, idles, expiries, leaderChanges, handoffs },
      bad: '',
    };
  }

  steps(state: State): Steps<State>['list'] {
    const steps = new Steps(state);
    this.#send(state, steps);
    this.#broker(state, steps);
    const head = state.pipe[0];
    const isReplicated = head !== undefined && head.offset < state.highWatermark;
    if (head !== undefined && head.answer !== '' && (isReplicated || !isPositive(head.answer))) {
      steps.can(`record ${head.record} is answered: ${head.answer}`, (next) => this.#answered(next));
    }
    this.#faults(state, steps);
    return steps.list;
  }

  #send(state: State, steps: Steps<State>): void {
    const inFlight = state.unacked.filter((batch) => batch.isInFlight).length;
    if (inFlight >= (state.isWarm ? this.#bounds.window : 1)) return;
    const again = state.unacked.findIndex((batch) => !batch.isInFlight);
    const waiting = state.unacked[again];
    if (waiting !== undefined) {
      steps.can(`record ${waiting.record} is sent again with sequence ${waiting.seq}`, (next) =>
        this.#push(next, next.unacked[again] as Batch),
      );
      return;
    }
    if (state.nextRecord === this.#bounds.records || state.unacked.some((batch) => batch.isInDoubt)) return;
    steps.can(`record ${state.nextRecord} is sent with sequence ${state.nextSeq}`, (next) => {
      const batch = { record: next.nextRecord++, seq: next.nextSeq++, isInFlight: false, isInDoubt: false };
      next.unacked.push({ ...batch, wasSentBefore: false });
      this.#push(next, next.unacked.at(-1) as Batch);
    });
  }

  #push(next: State, batch: Batch): void {
    batch.isInFlight = true;
    next.isIdle = false;
    next.pipe.push({ pid: next.pid, seq: batch.seq, record: batch.record, answer: '', offset: -1 });
  }

  #broker(state: State, steps: Steps<State>): void {
    const at = state.pipe.findIndex((request) => request.answer === '');
    const request = state.pipe[at];
    if (request !== undefined) {
      steps.can(`the broker handles record ${request.record}`, (next) => this.#append(next, next.pipe[at] as Request));
      if (state.left.refusals > 0) {
        steps.fault(`the broker refuses record ${request.record} (19)`, (next) => {
          next.left.refusals--;
          (next.pipe[at] as Request).answer = 'refused';
        });
      }
    }
    state.late.forEach((pipe, index) => {
      steps.fault(`record ${pipe[0]?.record} of a cut connection arrives late`, (next) => {
        const [first, ...rest] = next.late[index] as Request[];
        this.#append(next, first as Request);
        if (rest.length > 0) next.late[index] = rest;
        else next.late.splice(index, 1);
      });
    });
    if (state.highWatermark < state.log.length) {
      steps.can('the followers have it all', (next) => {
        next.highWatermark = next.log.length;
      });
    }
  }

  /** Kafka's ProducerStateManager: a producer it does not know may begin anywhere; one it knows goes on at the next sequence. */
  #append(next: State, request: Request): void {
    const { pid, seq, record } = request;
    if (next.fenced.includes(pid)) {
      request.answer = '47';
      return;
    }
    const known = next.log.flatMap((stored, offset) =>
      stored.pid === pid && offset >= (next.forgotten[pid] ?? 0) ? [{ ...stored, offset }] : [],
    );
    const same = known.slice(-this.#bounds.window).find((stored) => stored.seq === seq);
    const last = known.at(-1);
    if (same !== undefined) {
      request.answer = 'duplicate';
      request.offset = same.offset;
    } else if (last === undefined || seq === last.seq + 1) {
      request.answer = 'stored';
      request.offset = next.log.push({ pid, seq, record }) - 1;
    } else request.answer = '45';
  }

  #answered(next: State): void {
    const request = next.pipe.shift() as Request;
    const at = next.unacked.findIndex((batch) => batch.seq === request.seq);
    const batch = next.unacked[at] as Batch;
    batch.isInFlight = false;
    const isTrusting = this.#off.has('3.4');
    const expected = batch.record - next.skipped.filter((record) => record < batch.record).length;
    // Another place in the log than it must have: these are not our bytes, or not ours alone.
    if (isPositive(request.answer as Answer) && request.offset !== expected && !isTrusting) this.#fenceAndWalk(next);
    else if (request.answer === 'stored') this.#acknowledge(next, at);
    else if (request.answer === 'duplicate') {
      // Never sent before, and yet known.
      if (batch.wasSentBefore || isTrusting) this.#acknowledge(next, at);
      else this.#fenceAndWalk(next);
    } else if (request.answer === '45') {
      batch.wasSentBefore = true;
      if (isTrusting) this.#acknowledge(next, at);
      // Behind one that was refused it is only a matter of order.
      else if (at === 0) this.#fenceAndWalk(next);
    } else if (request.answer === 'refused') batch.wasSentBefore = true;
    else this.#fenceAndWalk(next);
  }

  #acknowledge(next: State, at: number): void {
    const [batch] = next.unacked.splice(at, 1);
    next.isWarm = !this.#bounds.isWary;
    if (!next.log.some(({ record }) => record === batch?.record)) {
      next.bad = `record ${batch?.record} is taken for stored, and is not in the log`;
    }
  }

  /** The lane is retired behind its marker; a new one goes on behind what the log has. */
  #fenceAndWalk(next: State): void {
    if (next.pipe.length > 0) next.late.push(next.pipe.filter((request) => request.answer === ''));
    next.late = next.late.filter((pipe) => pipe.length > 0);
    next.pipe = [];
    next.fenced.push(next.pid);
    next.pid++;
    next.forgotten[next.pid] = 0;
    next.nextSeq = 0;
    next.isWarm = this.#off.has('3.2');
    next.highWatermark = next.log.length;
    next.nextRecord = (next.log.at(-1)?.record ?? -1) + 1;
    next.unacked = [];
  }

  #faults(state: State, steps: Steps<State>): void {
    const { left } = state;
    if (left.cuts > 0 && state.pipe.length > 0) {
      steps.fault('the connection is cut', (next) => {
        next.left.cuts--;
        next.late.push(next.pipe.filter((request) => request.answer === ''));
        this.#inDoubt(next);
      });
    }
    if (left.leaderChanges > 0 && state.highWatermark < state.log.length) {
      steps.fault('another broker leads: what its followers did not have is gone', (next) => {
        next.left.leaderChanges--;
        next.log.length = next.highWatermark;
        next.forgotten = next.forgotten.map((offset) => Math.min(offset, next.highWatermark));
        next.late = [];
        this.#inDoubt(next);
      });
    }
    if (left.idles > 0 && state.unacked.length === 0 && !state.isIdle) {
      steps.fault('an hour passes without an append', (next) => {
        next.left.idles--;
        next.late = [];
        next.isIdle = true;
        if (!this.#off.has('3.2 idle')) next.isWarm = false;
      });
    }
    const mayExpire = state.isIdle || this.#bounds.oldTimestamps;
    if (left.expiries > 0 && mayExpire && state.log.some(({ pid }) => pid === state.pid)) {
      steps.fault('the broker forgets the producer', (next) => {
        next.left.expiries--;
        next.forgotten[next.pid] = next.log.length;
      });
    }
    if (left.handoffs > 0 && state.unacked.length === 0 && state.nextRecord < this.#bounds.records) {
      steps.fault(
        `the partition is handed away, record ${state.nextRecord} is written there, and it comes back`,
        (next) => {
          next.left.handoffs--;
          next.log.push({ pid: OTHER, seq: 0, record: next.nextRecord++ });
          next.highWatermark = next.log.length;
          if (this.#off.has('3.1')) next.nextSeq = 0;
        },
      );
    }
    const doubtful = state.unacked[0];
    const mayAlter = this.#off.has('3.5') && state.unacked.length === 1 && state.nextRecord < this.#bounds.records;
    if (mayAlter && doubtful?.isInDoubt === true && !doubtful.isInFlight) {
      const { record, seq } = doubtful;
      steps.fault(`record ${record} is to be left out: sequence ${seq} is used for record ${record + 1}`, (next) => {
        next.skipped.push(record);
        (next.unacked[0] as Batch).record = next.nextRecord++;
      });
    }
  }

  /** Nothing is known of what was in flight. */
  #inDoubt(next: State): void {
    next.late = next.late.filter((pipe) => pipe.length > 0);
    const lost = next.unacked.filter((batch) => batch.isInFlight);
    next.pipe = [];
    for (const batch of lost) {
      batch.isInFlight = false;
      batch.wasSentBefore = true;
      batch.isInDoubt = true;
      if (this.#off.has('3.3')) batch.seq = next.nextSeq++;
    }
    // Where the broker may have forgotten the lane, sending again proves nothing.
    if (this.#bounds.isWary && next.unacked.length > 0) this.#fenceAndWalk(next);
  }
}

function isPositive(answer: Answer): boolean {
  return answer === 'stored' || answer === 'duplicate';
}
