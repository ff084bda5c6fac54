export interface TakeoverBounds {
  readonly partitions: number;
  readonly records: number;
  /** How often each may happen. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
}

export type Fault =
  /** SIGSTOP; whether the process is ever continued is open. */
  | 'stops'
  | 'kills'
  /** A running process loses its session. */
  | 'sessionLosses'
  /** A data thread dies and is started again in the same process. */
  | 'threadDeaths'
  /** The other controller wins an election; the old leader does not know yet. */
  | 'elections'
  /** A leader's write is under way for a while. */
  | 'slowWrites'
  /** A planned move. */
  | 'moves'
  /** A partition is not let go in time. */
  | 'timeouts'
  /** A worker gives up a batch whose answer it never got. */
  | 'doubts'
  | 'lostAnswers'
  /** A worker reads the node as it was one write ago. */
  | 'staleReads'
  /** An OffsetCommit of a former owner arrives late. */
  | 'lateCommits'
  /** A lane node is lost: garbage, an operator, an old copy of the store. */
  | 'lostLaneNodes'
  /** The store is empty all at once. */
  | 'wipes'
  /** Brokers forget the producers that wrote nothing for a day, fenced ones too. No request is that old. */
  | 'longDays';

export interface Item {
  state: 'own' | 'revoke';
  /** Generation of the write that made it so. */
  since: number;
}

/** A worker's assignment node. */
export interface Node {
  inc: number;
  gen: number;
  /** By partition. */
  items: Record<number, Item>;
}

export interface LaneNode {
  lane: number;
  inc: number;
  state: 'active' | 'fencing';
}

export interface Report {
  inc: number;
  gen: number;
  held: number[];
  doubtful: number[];
}

export interface Hold {
  /** The next record it writes. */
  next: number;
  /** That record was sent, and has no final answer. */
  isSent: boolean;
  /** Its pair stands in the checkpoint, under its own lane. */
  isCommitted: boolean;
}

/** A process, as long as it may still do something. */
export interface Proc {
  worker: number;
  inc: number;
  lane: number;
  /** Grows where sequences begin anew on the same lane, which no sound protocol does. */
  life: number;
  isStopped: boolean;
  applied: number;
  /** What the applied assignment lets it copy. */
  own: number[];
  holds: Record<number, Hold>;
  doubtful: number[];
}

export interface Request {
  lane: number;
  life: number;
  p: number;
  record: number;
}

export interface Partition {
  log: { lane: number; life: number; record: number }[];
  /** Lanes with a marker in this log. */
  closed: number[];
  /** The lane that walked last: the only one that may write. */
  writer: number;
  /** Lanes that let go in an orderly way. */
  released: number[];
  /** The lane named in the checkpoint. */
  checkpoint: number;
  /** Where somebody walked before the log was closed; -1: nobody did. */
  early: number;
}

export interface Leader {
  /** 0: does not lead. It may be over without this controller knowing. */
  reign: number;
  /** Incarnations it fences without having said so in the store. */
  begun: number[];
  /** Lanes it remembers of nodes that vanished with their sessions. */
  remembered: LaneNode[];
}

/** A write that is under way: give partition `p` to `worker`. */
export interface SlowWrite {
  reign: number;
  p: number;
  worker: number;
  inc: number;
  gen: number;
}

export interface State {
  epoch: number;
  leaders: Leader[];
  /** By worker, as `older`, `live` and `reports`. */
  nodes: (Node | null)[];
  older: (Node | null)[];
  /** The incarnation whose session is alive; 0: none. */
  live: number[];
  reports: (Report | null)[];
  lanes: LaneNode[];
  procs: Proc[];
  partitions: Partition[];
  inFlight: Request[];
  commits: { p: number; lane: number }[];
  slow: SlowWrite | null;
  isWiped: boolean;
  nextInc: number;
  nextLane: number;
  /** What may still go wrong; nothing is listed that may not. */
  left: Partial<Record<Fault, number>>;
  bad: string;
}

export const WORKERS = ['A', 'B'] as const;

/** Worker A holds every partition; both workers and the first controller are well. */
export function initialState({ partitions, faults }: TakeoverBounds): State {
  const all = Array.from({ length: partitions }, (_, p) => p);
  const [first, second] = [1, 2];
  const proc = (worker: number, inc: number, own: number[]): Proc => ({
    worker,
    inc,
    lane: inc,
    life: 0,
    isStopped: false,
    applied: own.length === 0 ? 0 : 1,
    own,
    holds: Object.fromEntries(own.map((p) => [p, { next: 0, isSent: false, isCommitted: true }])),
    doubtful: [],
  });
  const leader = (reign: number): Leader => ({ reign, begun: [], remembered: [] });
  return {
    epoch: 1,
    leaders: [leader(1), leader(0)],
    nodes: [{ inc: first, gen: 1, items: Object.fromEntries(all.map((p) => [p, { state: 'own', since: 1 }])) }, null],
    older: [null, null],
    live: [first, second],
    reports: [first, second].map((inc) => ({ inc, gen: 0, held: [], doubtful: [] })),
    lanes: [first, second].map((inc) => ({ lane: inc, inc, state: 'active' })),
    procs: [proc(0, first, all), proc(1, second, [])],
    partitions: all.map(() => ({ log: [], closed: [], writer: first, released: [], checkpoint: first, early: -1 })),
    inFlight: [],
    commits: [],
    slow: null,
    isWiped: false,
    nextInc: 3,
    nextLane: 3,
    left: { ...faults },
    bad: '',
  };
}

export function partitionsOf(record: Readonly<Record<number, unknown>>): number[] {
  return Object.keys(record).map(Number);
}

export function hasSession(state: State, proc: Proc): boolean {
  return state.live[proc.worker] === proc.inc;
}

/** `A1`, `B2`: a worker and its incarnation. */
export function nameOf({ worker, inc }: { readonly worker: number; readonly inc: number }): string {
  return `${WORKERS[worker]}${inc}`;
}

export function write(state: State, worker: number, change: (node: Node) => void): void {
  const node = state.nodes[worker];
  if (node === null || node === undefined) return;
  const items = Object.fromEntries(Object.entries(node.items).map(([p, item]) => [p, { ...item }]));
  if (may(state, 'staleReads')) state.older[worker] = { ...node, items };
  node.gen++;
  change(node);
}

/** The process is over: what it had sent may still arrive. */
export function end(state: State, inc: number): void {
  const proc = state.procs.find((candidate) => candidate.inc === inc);
  if (proc !== undefined && hasSession(state, proc)) state.live[proc.worker] = 0;
  state.procs = state.procs.filter((candidate) => candidate.inc !== inc);
}

/** A marker of the lane's fence stands in the partition's log. */
export function close({ closed }: Partition, lane: number): void {
  if (closed.includes(lane)) return;
  closed.push(lane);
  closed.sort((a, b) => a - b);
}

export function may(state: State, fault: Fault): boolean {
  return (state.left[fault] ?? 0) > 0;
}

export function spend(state: State, fault: Fault): void {
  const left = (state.left[fault] ?? 0) - 1;
  if (left > 0) state.left[fault] = left;
  else delete state.left[fault];
}
