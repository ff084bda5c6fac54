import type { ErrorCode } from '../../common/errors/codes.js';
import type { AssignmentItem } from '../../common/model/assignment.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';

/** What is known about a partition before it is copied by a new owner. Offsets as the brokers answered them just now. */
export interface StartFacts {
  readonly item: AssignmentItem;
  /** Of the target's consumer group; undefined when there is none. */
  readonly checkpoint: Checkpoint | undefined;
  readonly sourceTopicId: string | null;
  readonly targetTopicId: string | null;
  readonly sourceEarliest: bigint;
  readonly sourceLatest: bigint;
  readonly targetEnd: bigint;
  /** The route delivers exactly once: what lies behind the checkpoint is looked at, not repeated. */
  readonly exactlyOnce: boolean;
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
    }
  /** Close the log of whoever had the partition, and walk from the checkpoint to its end (exactly-once.md sections 5 and 6). */
  | { readonly kind: 'walk'; readonly checkpoint: Checkpoint }
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
  return withinNumbers(gone(facts, sourceOffset) ?? begin(sourceOffset, targetOffset));
}

function withinNumbers(plan: StartPlan): StartPlan {
  if (plan.kind !== 'begin') return plan;
  const { sourceOffset, targetOffset, runSourceStart, runTargetStart } = plan;
  const exact = [sourceOffset, targetOffset, runSourceStart, runTargetStart].every((offset) => offset <= MAX_OFFSET);
  // While it is copied they are numbers.
  return exact ? plan : pause('BATCH_UNSUPPORTED', `its offsets reach beyond ${MAX_OFFSET}`);
}

function planPosition(facts: StartFacts): StartPlan {
  const { item, checkpoint, sourceTopicId } = facts;
  if (item.sourceTopicId !== null && sourceTopicId !== null && item.sourceTopicId !== sourceTopicId) {
    return pause('SOURCE_TOPIC_RECREATED', `the source topic now has id ${sourceTopicId}, not ${item.sourceTopicId}`);
  }
  // A checkpoint of another timeline is void: something broke continuity since (4.2).
  if (checkpoint !== undefined && checkpoint.timeline === item.timeline) return resume(facts, checkpoint);
  if (item.started) {
    return pause('CHECKPOINT_MISSING', 'the partition was mirrored before, but the target holds no checkpoint for it');
  }
  return firstStart(facts);
}

function firstStart({ item, sourceEarliest, sourceLatest, targetEnd }: StartFacts): StartPlan {
  const sourceOffset = item.start === 'latest' ? sourceLatest : sourceEarliest;
  if (item.start === 'beginning' && sourceEarliest > 0n && isSkipped(item, 0n, sourceEarliest)) {
    return begin(0n, targetEnd);
  }
  if (item.start === 'beginning' && sourceEarliest > 0n) {
    const message = `the partition was added to a mirrored topic, but its records [0, ${sourceEarliest}) are gone already`;
    return pause('SOURCE_OFFSET_GONE', message);
  }
  return begin(sourceOffset, targetEnd);
}

/** A new run. */
function begin(sourceOffset: bigint, targetOffset: bigint): StartPlan {
  return { kind: 'begin', sourceOffset, targetOffset, runSourceStart: sourceOffset, runTargetStart: targetOffset };
}

function resume(facts: StartFacts, checkpoint: Checkpoint): StartPlan {
  const { sourceTopicId, targetTopicId, sourceLatest, targetEnd } = facts;
  const { sourceOffset } = checkpoint;
  if (differ(checkpoint.sourceTopicId, sourceTopicId)) {
    return pause('SOURCE_TOPIC_RECREATED', `the checkpoint is about source topic id ${checkpoint.sourceTopicId}`);
  }
  if (differ(checkpoint.targetTopicId, targetTopicId)) {
    return pause('TARGET_TOPIC_RECREATED', `the checkpoint is about target topic id ${checkpoint.targetTopicId}`);
  }
  if (targetEnd < checkpoint.targetOffset) {
    // Right after a leader change the high watermark may lag behind what was acknowledged.
    const message = `the target ends at ${targetEnd}, before the checkpoint’s ${checkpoint.targetOffset}`;
    return { kind: 'wait', code: 'TARGET_TOPIC_RECREATED', message };
  }
  // What is gone from the source may be at the target: only the walk knows (4.5).
  const closed = checkpoint.released && targetEnd === checkpoint.targetOffset;
  if (facts.exactlyOnce && !closed) return { kind: 'walk', checkpoint };
  const overtaken = gone(facts, sourceOffset);
  if (overtaken !== undefined) return overtaken;
  if (sourceOffset > sourceLatest) {
    const lost = `[${sourceLatest}, ${sourceOffset})`;
    return pause('SOURCE_TRUNCATED', `the records ${lost} were copied, and the source does not have them any more`);
  }
  const sameRun = targetEnd === checkpoint.targetOffset;
  return {
    kind: 'begin',
    sourceOffset,
    targetOffset: targetEnd,
    runSourceStart: sameRun ? checkpoint.runSourceStart : sourceOffset,
    runTargetStart: sameRun ? checkpoint.runTargetStart : targetEnd,
  };
}

function gone(facts: StartFacts, sourceOffset: bigint): StartPlan | undefined {
  const { sourceEarliest } = facts;
  // An operator who has given up what is gone lets it go on: declared as a gap when the partition runs.
  if (sourceOffset < sourceEarliest && !isSkipped(facts.item, sourceOffset, sourceEarliest)) {
    return pause('SOURCE_OFFSET_GONE', `the records [${sourceOffset}, ${sourceEarliest}) are gone from the source`);
  }
  return undefined;
}

function isSkipped({ skip }: AssignmentItem, from: bigint, to: bigint): boolean {
  return skip !== undefined && skip.from <= from && skip.to >= to;
}

function differ(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && a !== b;
}
