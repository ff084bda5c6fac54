import {
  type AuditLine,
  type Evidence,
  type Leg,
  type LegFacts,
  MAX_AUDIT_LINES,
  type Recovery,
  type RecoveryAct,
  type RecoveryStep,
  type StepState,
} from '../../common/model/recovery.js';
import { isPointOfNoReturn } from './recovery-program.js';

/** How an attempt at a step ended. */
export type StepOutcome =
  | {
      readonly kind: 'done';
      readonly evidence?: Evidence;
      /** For later steps of its leg. */
      readonly facts?: LegFacts;
      readonly found?: Pick<Recovery, 'reverse' | 'origin'> & { readonly topics?: readonly string[] };
    }
  | { readonly kind: 'skipped'; readonly message: string; readonly evidence?: Evidence }
  /** On its way: look again a little later. */
  | { readonly kind: 'again'; readonly message: string; readonly evidence?: Evidence }
  /** For an operator. `backTo`: the step (an earlier one) that a resume begins with. `isUntouched`: no attempt of it has changed anything. */
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly evidence?: Evidence;
      readonly backTo?: string;
      readonly isUntouched?: boolean;
    };

/** What is to be done about a program now. */
export type NextAction =
  | { readonly kind: 'run'; readonly step: RecoveryStep }
  /** An operator has to confirm the step first. */
  | { readonly kind: 'ask'; readonly step: RecoveryStep }
  | { readonly kind: 'undo' }
  | { readonly kind: 'finish' }
  /** Nothing: it is over, or waits for an operator. */
  | { readonly kind: 'rest' };

const OVER: ReadonlySet<StepState> = new Set(['done', 'skipped']);

export function nextAction(recovery: Recovery): NextAction {
  if (recovery.state === 'aborting') return { kind: 'undo' };
  if (recovery.state !== 'running') return { kind: 'rest' };
  const step = recovery.steps.find(({ state }) => !OVER.has(state));
  if (step === undefined) return { kind: 'finish' };
  return isConfirmationDue(recovery, step) ? { kind: 'ask', step } : { kind: 'run', step };
}

function isConfirmationDue({ dryRun, options, confirmed }: Recovery, { id }: RecoveryStep): boolean {
  return !dryRun && options.confirm.includes(id) && !confirmed.includes(id);
}

/** An attempt begins; its first one since the step was last pending sets the time that bounds it. */
export function stepBegun(recovery: Recovery, id: string, at: string): Recovery {
  const step = stepOf(recovery, id);
  // Given up in between; or taken over from a leader that had begun it.
  if (recovery.state !== 'running' || step.state === 'running' || step.state === 'waiting') return recovery;
  const { endedAt: _ended, message: _message, ...rest } = step;
  const begun: RecoveryStep = { ...rest, state: 'running', startedAt: at, attempts: step.attempts + 1 };
  return audited(withStep(recovery, begun), { at, step: id, event: 'begun', detail: `attempt ${begun.attempts}` });
}

/** Acts that look and change nothing. */
const LOOKING: ReadonlySet<RecoveryAct> = new Set(['survey', 'rpo', 'translations']);

/**
 * It is in the way of others on its routes. One that failed before it changed anything is not: what stood in its way is ordered otherwise
 * (with force, a failover instead of a switchover) without a word to it.
 */
export function isInTheWay({ state, dryRun, kind, steps }: Recovery): boolean {
  if (state === 'done' || state === 'aborted' || dryRun || kind === 'drill') return false;
  return state !== 'failed' || hasActed({ steps });
}

/** It has begun to change something. */
export function hasActed({ steps }: Pick<Recovery, 'steps'>): boolean {
  return steps.some(({ act, attempts }) => attempts > 0 && !LOOKING.has(act));
}

/** What an attempt gave. Applied to the program as it is in the store: an operator may have ordered something meanwhile. */
export function stepEnded(recovery: Recovery, id: string, outcome: StepOutcome, at: string): Recovery {
  const { evidence: former, message: _message, ...rest } = stepOf(recovery, id);
  const evidence = outcome.evidence ?? former;
  const base = { ...rest, ...(evidence === undefined ? {} : { evidence }) };
  switch (outcome.kind) {
    case 'done': {
      const found = { ...withFacts(recovery, base.leg, outcome.facts), ...outcome.found };
      return audited(withStep(found, { ...base, state: 'done', endedAt: at }), {
        at,
        step: id,
        event: 'done',
        detail: '',
      });
    }
    case 'skipped': {
      const skipped = withStep(recovery, { ...base, state: 'skipped', endedAt: at, message: outcome.message });
      return audited(skipped, { at, step: id, event: 'skipped', detail: outcome.message });
    }
    case 'again':
      return stampedAt(withStep(recovery, { ...base, state: 'waiting', message: outcome.message }), at);
    case 'failed': {
      // Nothing of it is to be taken back, so its attempts do not count.
      const attempts = outcome.isUntouched === true ? 0 : base.attempts;
      const failed: RecoveryStep = { ...base, attempts, state: 'failed', endedAt: at, message: outcome.message };
      const back = outcome.backTo === undefined ? recovery : pendingFrom(recovery, outcome.backTo, id);
      // An abort that was ordered meanwhile stands.
      const state = recovery.state === 'aborting' ? 'aborting' : 'failed';
      const next = { ...withStep(back, failed), state } as const;
      return audited(next, { at, step: id, event: 'failed', detail: outcome.message });
    }
  }
}

/** What a step is about to do, known to whoever goes on or takes it back, however far it comes. */
export function factsNoted(recovery: Recovery, leg: Leg, facts: LegFacts, at: string): Recovery {
  return stampedAt(withFacts(recovery, leg, facts), at);
}

/** The steps from one to another (exclusive) are to be done again. */
function pendingFrom(recovery: Recovery, from: string, to: string): Recovery {
  const first = recovery.steps.findIndex(({ id }) => id === from);
  const last = recovery.steps.findIndex(({ id }) => id === to);
  const steps = recovery.steps.map((step, i) => (first >= 0 && i >= first && i < last ? pending(step) : step));
  return { ...recovery, steps };
}

function pending({ id, act, leg, hook, attempts, evidence }: RecoveryStep): RecoveryStep {
  return {
    ...{ id, act, leg, state: 'pending', attempts },
    ...(hook === undefined ? {} : { hook }),
    ...(evidence === undefined ? {} : { evidence }),
  };
}

/** It waits for a confirmation. */
export function askedFor(recovery: Recovery, id: string, at: string): Recovery {
  if (recovery.state !== 'running') return recovery;
  const message = 'waits for an operator to confirm';
  const step: RecoveryStep = { ...stepOf(recovery, id), state: 'waiting', message };
  return audited({ ...withStep(recovery, step), state: 'waiting' }, { at, step: id, event: 'asked', detail: message });
}

/** An operator lets the step that waits go on; undefined: none waits. */
export function confirmed(recovery: Recovery, by: string, at: string): Recovery | undefined {
  if (recovery.state !== 'waiting') return undefined;
  const step = recovery.steps.find(({ state }) => state === 'waiting');
  if (step === undefined) return undefined;
  const next: Recovery = { ...recovery, state: 'running', confirmed: [...recovery.confirmed, step.id] };
  return audited(withStep(next, pending(step)), { at, step: step.id, event: 'confirmed', detail: by });
}

/** An operator has what failed tried again; undefined: nothing failed. */
export function resumed(recovery: Recovery, by: string, at: string): Recovery | undefined {
  if (recovery.state !== 'failed') return undefined;
  const steps = recovery.steps.map((step) => (step.state === 'failed' ? pending(step) : step));
  return audited({ ...recovery, steps, state: 'running' }, { at, step: '', event: 'resumed', detail: by });
}

/** Why the program cannot be given up any more; undefined: it can. */
export function abortFault({ state: present, steps }: Recovery): string | undefined {
  if (present === 'done' || present === 'aborted') return `it is ${present} already`;
  const beyond = steps.find((step) => isPointOfNoReturn(step) && step.attempts > 0 && step.state !== 'done');
  if (beyond === undefined) return undefined;
  return `step ${beyond.id} was begun, and some topics may be copied in the other direction already: resume it, or let it finish`;
}

/** Steps that are taken back when it is given up, the last one first. A direction that was changed stays changed. */
export function undoable({ steps }: Recovery): readonly RecoveryStep[] {
  const changed = steps.findLastIndex((step) => isPointOfNoReturn(step) && step.state === 'done');
  return steps.slice(changed + 1).reverse();
}

/** An operator gives it up: what it did so far is undone as far as it can be. */
export function abortOrdered(recovery: Recovery, by: string, at: string): Recovery {
  return audited({ ...recovery, state: 'aborting' }, { at, step: '', event: 'abort-ordered', detail: by });
}

export function aborted(recovery: Recovery, detail: string, at: string): Recovery {
  const steps = recovery.steps.map((step) =>
    step.state === 'running' || step.state === 'waiting' ? { ...pending(step), message: 'given up' } : step,
  );
  return audited({ ...recovery, steps, state: 'aborted' }, { at, step: '', event: 'aborted', detail });
}

export function finished(recovery: Recovery, at: string): Recovery {
  if (recovery.state !== 'running') return recovery;
  return audited({ ...recovery, state: 'done' }, { at, step: '', event: 'finished', detail: '' });
}

export function audited(recovery: Recovery, line: AuditLine): Recovery {
  return stampedAt({ ...recovery, audit: [...recovery.audit, line].slice(-MAX_AUDIT_LINES) }, line.at);
}

function stampedAt(recovery: Recovery, updatedAt: string): Recovery {
  return { ...recovery, updatedAt };
}

function stepOf({ steps }: Recovery, id: string): RecoveryStep {
  const step = steps.find((one) => one.id === id);
  if (step === undefined) throw new RangeError(`a recovery without a step ${id}`);
  return step;
}

function withFacts(recovery: Recovery, leg: Leg, facts: LegFacts | undefined): Recovery {
  return { ...recovery, facts: { ...recovery.facts, [leg]: { ...recovery.facts[leg], ...facts } } };
}

function withStep(recovery: Recovery, step: RecoveryStep): Recovery {
  return { ...recovery, steps: recovery.steps.map((one) => (one.id === step.id ? step : one)) };
}
