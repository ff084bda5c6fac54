import type { ErrorCode } from '../../common/errors/codes.js';
import type { Stall } from '../../common/model/stalls.js';
import type { PartitionState } from '../../common/model/status.js';

/** Why a partition is not running. */
export interface Reason {
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * What a partition is doing. `starting`: the start procedure looks for its position · `restarting`: it waits for the start procedure, after
 * a fault · `running`: copying or caught up · `declaring-gap`: records that are left out are being written down, what lies behind them
 * waits · `backing-off`: the target does not take what it is sent, the same bytes are tried again · `paused`: until somebody acts ·
 * `draining`: being handed over.
 */
export type PartitionPhase =
  | 'starting'
  | 'restarting'
  | 'running'
  | 'declaring-gap'
  | 'backing-off'
  | 'paused'
  | 'draining';

export type PartitionEvent =
  /** The start procedure takes it on. */
  | { readonly type: 'start' }
  /** The start procedure could not find its position yet. */
  | { readonly type: 'put-off'; readonly reason: Reason }
  /** It has its position, or an operator lets it go on: it is copied. */
  | { readonly type: 'copy' }
  /** Only an operator can help, or one wanted it so. */
  | { readonly type: 'pause'; readonly reason: Reason }
  /** Its position has to be found anew. */
  | { readonly type: 'restart'; readonly reason: Reason }
  /** The target did not take what it was sent, again and again. */
  | { readonly type: 'fail'; readonly reason: Reason }
  /** The target took something. */
  | { readonly type: 'store' }
  /** A gap begins to be written down. */
  | { readonly type: 'declare' }
  | { readonly type: 'declared' }
  | { readonly type: 'drain' }
  /** There is something to do and nothing has moved for too long. */
  | { readonly type: 'stall'; readonly stall: Stall }
  /** It moved, or there is nothing left to do. */
  | { readonly type: 'move' };

export interface PartitionCondition {
  readonly phase: PartitionPhase;
  readonly reason?: Reason;
  /** Set by the watchdog beside the phase: what a stalled partition does is not changed by somebody having noticed. */
  readonly stall?: Stall;
}

type PhaseEvent = Exclude<PartitionEvent['type'], 'stall' | 'move'>;

/** Which phase follows. Where it is the same as before, the event changes nothing but, in some, the reason. */
export const TRANSITIONS: Readonly<Record<PartitionPhase, Readonly<Record<PhaseEvent, PartitionPhase>>>> = {
  starting: {
    start: 'starting',
    'put-off': 'restarting',
    copy: 'running',
    pause: 'paused',
    restart: 'restarting',
    // Answers to what its former life sent: they say nothing about this one.
    fail: 'starting',
    store: 'starting',
    declare: 'starting',
    declared: 'starting',
    drain: 'draining',
  },
  restarting: {
    start: 'starting',
    'put-off': 'restarting',
    copy: 'running',
    pause: 'paused',
    restart: 'restarting',
    fail: 'restarting',
    store: 'restarting',
    declare: 'restarting',
    declared: 'restarting',
    drain: 'draining',
  },
  running: {
    start: 'starting',
    'put-off': 'restarting',
    copy: 'running',
    pause: 'paused',
    restart: 'restarting',
    fail: 'backing-off',
    store: 'running',
    declare: 'declaring-gap',
    declared: 'running',
    drain: 'draining',
  },
  'declaring-gap': {
    start: 'starting',
    'put-off': 'restarting',
    copy: 'declaring-gap',
    pause: 'paused',
    restart: 'restarting',
    fail: 'backing-off',
    store: 'declaring-gap',
    declare: 'declaring-gap',
    declared: 'running',
    drain: 'draining',
  },
  'backing-off': {
    start: 'starting',
    'put-off': 'restarting',
    copy: 'running',
    pause: 'paused',
    restart: 'restarting',
    fail: 'backing-off',
    store: 'running',
    // Tried again; it goes on backing off until the gap is written down.
    declare: 'backing-off',
    declared: 'running',
    drain: 'draining',
  },
  paused: {
    start: 'starting',
    'put-off': 'restarting',
    copy: 'running',
    pause: 'paused',
    restart: 'restarting',
    // What was queued before the pause still goes out; what an operator paused stays so, or nobody could let it go on.
    fail: 'paused',
    store: 'paused',
    declare: 'paused',
    declared: 'paused',
    drain: 'draining',
  },
  // Nothing but the end of its stay leads out of it.
  draining: {
    start: 'draining',
    'put-off': 'draining',
    copy: 'draining',
    pause: 'draining',
    restart: 'draining',
    fail: 'draining',
    store: 'draining',
    declare: 'draining',
    declared: 'draining',
    drain: 'draining',
  },
};

export const INITIAL_CONDITION: PartitionCondition = { phase: 'starting' };

/** Phases in which an event's reason is the partition's from then on. */
const REASON_OF: Readonly<Partial<Record<PhaseEvent, PartitionPhase>>> = {
  'put-off': 'restarting',
  pause: 'paused',
  restart: 'restarting',
  fail: 'backing-off',
};

/** Gives `condition` itself where nothing changes. */
export function nextCondition(condition: PartitionCondition, event: PartitionEvent): PartitionCondition {
  const { phase, reason, stall } = condition;
  if (event.type === 'stall') {
    // Whoever looks at a paused partition knows already why it stands still.
    return phase === 'paused' ? condition : { ...condition, stall: event.stall };
  }
  if (event.type === 'move') return stall === undefined ? condition : withStall(phase, reason, undefined);
  const next = TRANSITIONS[phase][event.type];
  if ('reason' in event && REASON_OF[event.type] === next) {
    return withStall(next, event.reason, next === 'paused' ? undefined : stall);
  }
  if (next === phase) return condition;
  // Between the attempts of a start nothing has moved; once it copies, something has.
  return withStall(next, undefined, next === 'running' || next === 'paused' ? undefined : stall);
}

/** As operators see it. */
export function stateOf({ phase, stall }: PartitionCondition): PartitionState {
  if (stall !== undefined) return 'stalled';
  return phase === 'restarting' ? 'backing-off' : phase;
}

/** Phases in which records are taken from the source. */
export function takesRecords(phase: PartitionPhase): boolean {
  return phase === 'running' || phase === 'declaring-gap' || phase === 'backing-off';
}

function withStall(phase: PartitionPhase, reason: Reason | undefined, stall: Stall | undefined): PartitionCondition {
  return {
    phase,
    ...(reason === undefined ? {} : { reason }),
    ...(stall === undefined ? {} : { stall }),
  };
}
