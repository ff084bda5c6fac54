import { assertNever } from '../../common/errors/assert.js';
import type { ErrorCode } from '../../common/errors/codes.js';
import type { AssignmentItem } from '../../common/model/assignment.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import type { BreakCause } from '../../common/model/continuity.js';
import type { Gap } from '../../common/model/gap.js';
import { brokenTimeline } from './broken-timeline.js';
import {
  type IdentityVerdict,
  judgeRetention,
  judgeTargetEnd,
  judgeTruncation,
  type LogFacts,
  lostRange,
  truncatedAt,
} from './identity-verdict.js';

/** What is known about a partition before it is copied by a new owner. */
export interface StartFacts extends LogFacts {
  readonly item: AssignmentItem;
  /** Of the target's consumer group; undefined when there is none. */
  readonly checkpoint: Checkpoint | undefined;
  /** The last one of the timeline before, where the item names one. */
  readonly former: Checkpoint | undefined;
  /** The source's end in the timeline before, as this worker saw it last; -1 unknown. */
  readonly formerSourceEnd: bigint;
  readonly sourceTopicId: string | null;
  readonly targetTopicId: string | null;
  /** The route delivers exactly once: what lies behind the checkpoint is looked at, not repeated. */
  readonly exactlyOnce: boolean;
  /** Of the rules by which it is copied from here on (`rulesVersionOf`). */
  readonly rulesVersion: number;
}

export type StartPlan =
  /** Copy from here. The pair (sourceOffset, targetOffset) is committed before the first fetch (exactly-once.md 4.3). */
  | {
      readonly kind: 'begin';
      readonly sourceOffset: bigint;
      readonly targetOffset: bigint;
      /** Start of the run this continues or opens. */
      readonly runSourceStart: bigint;
      readonly runTargetStart: bigint;
      /** What the end of the timeline before cost: to be declared before the pair is committed. */
      readonly broken?: Gap;
      /** What begins at the position and is gone: to be declared before anything is fetched. */
      readonly lost?: Gap;
    }
  /** Close the log of whoever had the partition, and walk from the checkpoint to its end (exactly-once.md sections 5 and 6). */
  | { readonly kind: 'walk'; readonly checkpoint: Checkpoint }
  /** Close the log of whoever had the partition in the timeline before; then `planClosed`. */
  | { readonly kind: 'close'; readonly checkpoint: Checkpoint }
  /** It goes on in another timeline, which only the leader gives. */
  | {
      readonly kind: 'break';
      readonly cause: BreakCause;
      readonly from: bigint;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** Not yet: ask again a little later. */
  | { readonly kind: 'wait'; readonly code: ErrorCode; readonly message: string }
  /** An operator has to decide. */
  | { readonly kind: 'pause'; readonly code: ErrorCode; readonly message: string };

const MAX_OFFSET = BigInt(Number.MAX_SAFE_INTEGER);

const pause = (code: ErrorCode, message: string): StartPlan => ({ kind: 'pause', code, message });

/** Where a new owner continues, or why it must not (exactly-once.md section 4, design.md 5.3). */
export function planStart(facts: StartFacts): StartPlan {
  return withinNumbers(planPosition(facts));
}

/**
 * Where it continues after a walk, which ends at the first source record that is not at the target. The walk has seen every record before
 * that at the source: its end, as it was asked for before, may be an older one.
 */
export function planWalked(facts: StartFacts, sourceOffset: bigint, targetOffset: bigint): StartPlan {
  return withinNumbers(beginAt(facts, { sourceOffset, targetOffset, verdict: judgeRetention(sourceOffset, facts) }));
}

/** Where it continues after a walk that could not tell which of the source records [from, to) were copied, and some are gone. */
export function planUncertain(
  facts: StartFacts,
  range: { readonly from: bigint; readonly to: bigint },
  targetOffset: bigint,
): StartPlan {
  const { item, policy } = facts;
  // What is gone behind the end of a job's range was never to be copied.
  const to = item.until === undefined || range.to < item.until ? range.to : item.until;
  const isNothing = range.from >= to || isSkipped(item, range.from, to);
  const verdict = isNothing ? SAME : lostRange({ from: range.from, to }, policy, 'at-most');
  return withinNumbers(beginAt(facts, { sourceOffset: range.from, targetOffset, verdict }));
}

/**
 * What becomes of it after a walk that found source and target to differ from `sourceOffset` on. Where the leadership that the checkpoint
 * names has ended before, the source has another history from there on; otherwise the target is not the source's alone.
 * @param upTo at most so far was copied
 */
export function planDiverged(
  facts: StartFacts,
  {
    sourceOffset,
    upTo,
    isSourceShort,
    where,
  }: {
    readonly sourceOffset: bigint;
    readonly upTo: bigint;
    /** The target has more records than the source. */
    readonly isSourceShort: boolean;
    readonly where: string;
  },
): StartPlan {
  const { epochEnd } = facts;
  const isOtherHistory = isSourceShort || (epochEnd !== undefined && epochEnd <= sourceOffset);
  if (isOtherHistory) return outcomeOf(truncatedAt(sourceOffset, upTo, facts));
  return pause('TARGET_SHARED', where);
}

/** Where it begins once nobody writes in its former timeline any more. */
export function planClosed(facts: StartFacts): StartPlan {
  return withinNumbers(firstStart(facts));
}

function withinNumbers(plan: StartPlan): StartPlan {
  if (plan.kind !== 'begin') return plan;
  const { sourceOffset, targetOffset, runSourceStart, runTargetStart } = plan;
  const exact = [sourceOffset, targetOffset, runSourceStart, runTargetStart].every((offset) => offset <= MAX_OFFSET);
  // While it is copied they are numbers.
  return exact ? plan : pause('BATCH_UNSUPPORTED', `its offsets reach beyond ${MAX_OFFSET}`);
}

function planPosition(facts: StartFacts): StartPlan {
  const { item, checkpoint, former, sourceTopicId, targetTopicId } = facts;
  if (differ(item.sourceTopicId, sourceTopicId)) {
    return pause('SOURCE_TOPIC_RECREATED', `the source topic now has id ${sourceTopicId}, not ${item.sourceTopicId}`);
  }
  // A checkpoint of another timeline is void: something broke continuity since (4.2).
  if (checkpoint !== undefined && checkpoint.timeline === item.timeline) return resume(facts, checkpoint);
  if (item.started) {
    return pause('CHECKPOINT_MISSING', 'the partition was mirrored before, but the target holds no checkpoint for it');
  }
  const mayBeOpen = former !== undefined && !former.released && !differ(former.targetTopicId, targetTopicId);
  return facts.exactlyOnce && mayBeOpen ? { kind: 'close', checkpoint: former } : firstStart(facts);
}

/** The first start of a timeline. */
function firstStart(facts: StartFacts): StartPlan {
  const { item, former, sourceLatest, targetEnd } = facts;
  const { from = 'start' } = item.origin ?? {};
  if (from === 'position' && former === undefined) {
    return pause('CHECKPOINT_MISSING', 'it was to go on where it stood, and no checkpoint tells where that was');
  }
  if (from === 'start') {
    const sourceOffset = item.startOffset ?? startOf(item, facts);
    if (item.startOffset !== undefined && sourceOffset > sourceLatest) {
      const message = `it is to begin at source offset ${sourceOffset}, and the source may be read up to ${sourceLatest}`;
      return { kind: 'wait', code: 'START_BEYOND_END', message };
    }
    return beginAt(facts, { sourceOffset, targetOffset: targetEnd, verdict: judgeRetention(sourceOffset, facts) });
  }
  const sourceOffset = from === 'position' ? (former as Checkpoint).sourceOffset : from;
  const truncated = judgeTruncation(sourceOffset, facts);
  const verdict = truncated.kind === 'same' ? judgeRetention(sourceOffset, facts) : truncated;
  return beginAt(facts, { sourceOffset, targetOffset: targetEnd, verdict });
}

function startOf({ start }: AssignmentItem, { sourceEarliest, sourceLatest }: StartFacts): bigint {
  switch (start) {
    case 'latest':
      return sourceLatest;
    case 'beginning':
      return 0n;
    case 'earliest':
      return sourceEarliest;
    default:
      return assertNever(start, 'start of a partition');
  }
}

function resume(facts: StartFacts, checkpoint: Checkpoint): StartPlan {
  const { sourceTopicId, targetTopicId, targetEnd } = facts;
  const { sourceOffset } = checkpoint;
  if (differ(checkpoint.sourceTopicId, sourceTopicId)) {
    return pause('SOURCE_TOPIC_RECREATED', `the checkpoint is about source topic id ${checkpoint.sourceTopicId}`);
  }
  if (differ(checkpoint.targetTopicId, targetTopicId)) {
    const gone = `what was copied up to source offset ${sourceOffset} is gone`;
    return pause(
      'TARGET_TOPIC_RECREATED',
      `the checkpoint is about target topic id ${checkpoint.targetTopicId}: ${gone}`,
    );
  }
  const short = judgeTargetEnd(checkpoint, facts);
  if (short.kind !== 'same') return outcomeOf(short);
  const truncated = judgeTruncation(sourceOffset, facts);
  if (truncated.kind !== 'same') return outcomeOf(truncated);
  // What is gone from the source may be at the target: only the walk knows (4.5).
  const closed = checkpoint.released && targetEnd === checkpoint.targetOffset;
  if (facts.exactlyOnce && !closed) return { kind: 'walk', checkpoint };
  // A run is of one version of the rules: where they change another one begins (4.2, docs/adr/013).
  const sameRun = targetEnd === checkpoint.targetOffset && checkpoint.rulesVersion === facts.rulesVersion;
  const verdict = judgeRetention(sourceOffset, facts, closed ? 'exact' : 'at-most');
  const plan = beginAt(facts, { sourceOffset, targetOffset: targetEnd, verdict });
  if (plan.kind !== 'begin' || !sameRun) return plan;
  const { runSourceStart, runTargetStart } = checkpoint;
  return { ...plan, runSourceStart, runTargetStart };
}

const SAME: IdentityVerdict = { kind: 'same' };

interface Start {
  readonly sourceOffset: bigint;
  readonly targetOffset: bigint;
  /** On the source's log at that position. */
  readonly verdict: IdentityVerdict;
}

/** A new run, with what has to be declared first. */
function beginAt(facts: StartFacts, { sourceOffset, targetOffset, verdict }: Start): StartPlan {
  const { item } = facts;
  // An operator who has given up what is gone lets it go on: declared as a gap when the partition runs.
  const isGivenUp = verdict.kind !== 'wait' && isSkipped(item, sourceOffset, facts.sourceEarliest);
  if (verdict.kind !== 'same' && verdict.kind !== 'gap' && !isGivenUp) return outcomeOf(verdict);
  const broken = brokenBefore(facts, sourceOffset, targetOffset);
  const lost = verdict.kind === 'gap' && !isGivenUp ? verdict.gap : undefined;
  return {
    kind: 'begin',
    sourceOffset,
    targetOffset,
    runSourceStart: sourceOffset,
    runTargetStart: targetOffset,
    ...(broken === undefined ? {} : { broken }),
    ...(lost === undefined ? {} : { lost }),
  };
}

/** What ended with the timeline before; nothing once this one has a pair. */
function brokenBefore(facts: StartFacts, position: bigint, targetEnd: bigint): Gap | undefined {
  const { item, checkpoint, former, formerSourceEnd, sourceTopicId, targetTopicId } = facts;
  const hasPair = checkpoint !== undefined && checkpoint.timeline === item.timeline;
  if (item.origin === undefined || hasPair) return undefined;
  const change = { former, formerSourceEnd, sourceTopicId, targetTopicId, position, targetEnd };
  return brokenTimeline({ origin: item.origin, ...change });
}

/** Of a verdict that does not let it begin. */
function outcomeOf(verdict: IdentityVerdict): StartPlan {
  if (verdict.kind === 'same' || verdict.kind === 'gap') return pause('INTERNAL_INVARIANT', 'nothing is wrong with it');
  return verdict;
}

function isSkipped({ skip }: AssignmentItem, from: bigint, to: bigint): boolean {
  return skip !== undefined && from < to && skip.from <= from && skip.to >= to;
}

function differ(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && a !== b;
}
