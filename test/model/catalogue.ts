import { type CheckpointBounds, checkpointModel } from './checkpoints.js';
import { type Exploration, explore } from './explorer.js';
import { type FenceBounds, fenceModel } from './fence.js';
import { type SequenceBounds, sequenceModel } from './sequences.js';
import { takeoverModel } from './takeover.js';
import type { Fault, TakeoverBounds } from './takeover-state.js';

/** What a scenario of the daily tests may have. */
const FEW_STATES = 200_000;

/** A model within bounds. Every scenario is clean with all rules on. */
export interface Scenario {
  readonly name: string;
  readonly bounds: string;
  readonly explore: (off?: readonly string[], maxStates?: number) => Exploration;
}

/** Damage that all rules together, as they are written, do not prevent; and the same bounds with the remedy. */
export interface Hole {
  readonly title: string;
  readonly scenario: Scenario;
  readonly remedied: Scenario;
}

const sequences = (name: string, bounds: Partial<SequenceBounds>): Scenario => {
  const all = {
    records: 4,
    window: 2,
    cuts: 0,
    refusals: 0,
    idles: 0,
    leaderChanges: 0,
    handoffs: 0,
    oldTimestamps: false,
    isWary: false,
    ...bounds,
  };
  return {
    name: `sequences: ${name}`,
    bounds: describe(all),
    explore: (off = [], maxStates = FEW_STATES) => explore(sequenceModel(all, new Set(off)), maxStates),
  };
};

const fence = (name: string, bounds: Partial<FenceBounds>): Scenario => {
  const all = {
    partitions: 1,
    fencers: 1,
    zombieBatches: 2,
    coordinatorRestarts: 0,
    leaderChanges: 0,
    leaderless: 0,
    losesId: false,
    mayWriteMarkers: false,
    wantsDenseLog: false,
    ...bounds,
  };
  return {
    name: `fence: ${name}`,
    bounds: describe(all),
    explore: (off = [], maxStates = FEW_STATES) => explore(fenceModel(all, new Set(off)), maxStates),
  };
};

const takeover = (
  name: string,
  faults: Partial<Record<Fault, number>>,
  size: Partial<TakeoverBounds> = {},
): Scenario => {
  const bounds = { partitions: 1, records: 2, ...size, faults };
  return {
    name: `takeover: ${name}`,
    bounds: describe({ partitions: bounds.partitions, records: bounds.records, ...faults }),
    explore: (off = [], maxStates = FEW_STATES) => explore(takeoverModel(bounds, new Set(off)), maxStates),
  };
};

const checkpoints = (name: string, bounds: CheckpointBounds): Scenario => ({
  name: `checkpoints: ${name}`,
  bounds: describe(bounds),
  explore: (off = [], maxStates = FEW_STATES) => explore(checkpointModel(bounds, new Set(off)), maxStates),
});

/** `records 4, cuts 2`: what is there at all. */
function describe(bounds: object): string {
  return Object.entries(bounds)
    .filter(([, value]) => value !== 0 && value !== false)
    .map(([name, value]) => (value === true ? name : `${name} ${value}`))
    .join(', ');
}

export const cuts = sequences('cuts and refusals', { cuts: 2, refusals: 1, leaderChanges: 1 });
export const idle = sequences('idle hours', { cuts: 1, refusals: 1, idles: 1 });
export const lent = sequences('lent and returned', { cuts: 1, refusals: 1, handoffs: 1 });
export const zombie = fence('one fencer', { coordinatorRestarts: 1, leaderChanges: 1, leaderless: 1 });
const rivals = fence('two fencers', { fencers: 2, zombieBatches: 1, coordinatorRestarts: 1 });
export const forgotten = fence('the id is lost', { losesId: true, mayWriteMarkers: true, leaderChanges: 1 });
export const unprivileged = fence('no right to write markers', { leaderChanges: 1 });
export const dense = fence('dense log', { wantsDenseLog: true, leaderless: 1, leaderChanges: 1 });
export const recreated = checkpoints('made anew', {
  sourceEnd: 4,
  deaths: 2,
  lateCommits: 1,
  recreations: 1,
  retentions: 2,
  expiries: 0,
});
export const expired = checkpoints('expired', {
  sourceEnd: 4,
  deaths: 2,
  lateCommits: 1,
  recreations: 0,
  retentions: 1,
  expiries: 1,
});
export const killed = takeover('killed with the leader', { kills: 1, elections: 1, lostAnswers: 1 });
export const cutOff = takeover('no session', { sessionLosses: 1, lostAnswers: 1, elections: 1 });
export const dayLater = takeover('a day later', { stops: 1, sessionLosses: 1, longDays: 1 }, { records: 1 });
export const threads = takeover('threads die', { threadDeaths: 1, kills: 1 });
export const moved = takeover('moved', { moves: 1, staleReads: 1, doubts: 1, lostAnswers: 1 });
export const movedAndKilled = takeover('moved and killed', { moves: 1, kills: 1, elections: 1 });
export const overdue = takeover('overdue', { moves: 1, timeouts: 1, elections: 1 });
export const unregistered = takeover('lane nodes lost', { moves: 1, lostLaneNodes: 1 });
export const returned = takeover('returned', { moves: 2, lostLaneNodes: 1 }, { records: 1 });
const belated = takeover('late commits', { moves: 1, kills: 1, lateCommits: 1 });
export const slow = takeover('slow writes', { kills: 1, elections: 1, slowWrites: 1 });
export const wiped = takeover('store wiped', { wipes: 1 });

export const SCENARIOS: readonly Scenario[] = [
  cuts,
  idle,
  lent,
  zombie,
  rivals,
  forgotten,
  unprivileged,
  dense,
  recreated,
  expired,
  killed,
  cutOff,
  dayLater,
  threads,
  moved,
  movedAndKilled,
  overdue,
  unregistered,
  returned,
  belated,
  slow,
  wiped,
];

const oldCut = { cuts: 1, handoffs: 1, oldTimestamps: true };
const oldRefused = { refusals: 1, leaderChanges: 1, oldTimestamps: true };
const restarted = { coordinatorRestarts: 1 };
const rival = { fencers: 2 };

export const HOLES: readonly Hole[] = [
  {
    title:
      '3.3 with records older than the expiry of producers: a batch in doubt is stored twice; fence and walk close it',
    scenario: sequences('old records in doubt', oldCut),
    remedied: sequences('old records in doubt, wary', { ...oldCut, isWary: true }),
  },
  {
    title: '3.2 with records older than the expiry of producers: a warm window loses the order; a cold one closes it',
    scenario: sequences('old records refused', oldRefused),
    remedied: sequences('old records refused, wary', { ...oldRefused, isWary: true }),
  },
  {
    title:
      '3.4 with a coordinator that restarts: its second marker lands among the data of the new owner, and harms no record',
    scenario: fence('dense log, coordinator restarts', { ...restarted, wantsDenseLog: true }),
    remedied: fence('coordinator restarts', restarted),
  },
  {
    title:
      '3.4 with a leader that was deposed amid a fence: its late marker lands among the data of the new owner, and harms no record',
    scenario: fence('dense log, two fencers', { ...rival, wantsDenseLog: true }),
    remedied: fence('two fencers', rival),
  },
  {
    title: '5.2 with an id that is lost and no right to write markers: waiting is no fence; the right closes it',
    scenario: fence('the id is lost, no right to write markers', { losesId: true }),
    remedied: fence('the id is lost, markers may be written', { losesId: true, mayWriteMarkers: true }),
  },
];

/** What `npm run model` goes through besides: minutes, not seconds. */
export const LARGER: readonly Scenario[] = [
  sequences('larger', { records: 5, window: 3, cuts: 1, refusals: 1, idles: 1, leaderChanges: 1, handoffs: 1 }),
  fence('larger, two partitions', { partitions: 2, coordinatorRestarts: 1, leaderless: 1 }),
  fence('larger, two fencers', { fencers: 2, leaderChanges: 1, leaderless: 1, losesId: true, mayWriteMarkers: true }),
  checkpoints('larger', { sourceEnd: 4, deaths: 2, lateCommits: 2, recreations: 1, retentions: 1, expiries: 1 }),
  takeover('larger, deaths', { moves: 1, kills: 1, timeouts: 1, elections: 1 }, { records: 1 }),
  takeover('larger, moves', { moves: 1, doubts: 1, timeouts: 1, staleReads: 1, slowWrites: 1 }),
  takeover('larger, registry', { moves: 1, kills: 1, lostLaneNodes: 1 }, { records: 1 }),
  takeover('larger, store', { wipes: 1, kills: 1, sessionLosses: 1, longDays: 1 }, { records: 1 }),
];
