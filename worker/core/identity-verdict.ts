import type { ErrorCode } from '../../common/errors/codes.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import type { BreakCause, ContinuityPolicy } from '../../common/model/continuity.js';
import type { Gap, GapBound } from '../../common/model/gap.js';

/** What is known of a partition's two logs. Offsets as the brokers answered them just now. */
export interface LogFacts {
  readonly policy: ContinuityPolicy;
  /** An operator lets it go on in this timeline, whatever the policy says. */
  readonly isAccepted: boolean;
  readonly sourceEarliest: bigint;
  readonly sourceLatest: bigint;
  /** Where the leadership of the position's records ended in the log of the source's present leader (KIP-320); undefined: not known. */
  readonly epochEnd: bigint | undefined;
  readonly targetEnd: bigint;
  /** It was seen to have lost what it had acknowledged from here on, whatever it got since; undefined: it was not. */
  readonly targetLostFrom: bigint | undefined;
  /** The target has ended there for so long that its high watermark does not lag. */
  readonly isTargetSettled: boolean;
}

/** Are the logs still those in which the position was reached, and if not, what becomes of the partition (design.md 5.3)? */
export type IdentityVerdict =
  | { readonly kind: 'same' }
  /** Goes on in its timeline behind what is gone. */
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** Goes on at `from`, in a new timeline. */
  | {
      readonly kind: 'break';
      readonly cause: BreakCause;
      readonly from: bigint;
      readonly code: ErrorCode;
      readonly message: string;
    }
  | { readonly kind: 'wait'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'pause'; readonly code: ErrorCode; readonly message: string };

const SAME: IdentityVerdict = { kind: 'same' };

/** The source's log begins behind the position. */
export function judgeRetention(
  position: bigint,
  { sourceEarliest, policy }: LogFacts,
  bound: GapBound = 'exact',
): IdentityVerdict {
  if (position >= sourceEarliest) return SAME;
  return lostRange({ from: position, to: sourceEarliest }, policy, bound);
}

/** Source records [from, to) are gone, and nobody can copy them any more. An operator passes them with a skip over the range. */
export function lostRange(
  { from, to }: { readonly from: bigint; readonly to: bigint },
  policy: ContinuityPolicy,
  bound: GapBound,
): IdentityVerdict {
  const atMost = bound === 'at-most' ? 'at most ' : '';
  if (policy.retentionOverrun === 'continue') {
    const detail = `the source’s log began at ${to} when the partition stood at ${from}`;
    return { kind: 'gap', gap: gapOf(from, to, 'retention', detail, bound) };
  }
  const message = `${atMost}the records [${from}, ${to}) are gone from the source and were not copied`;
  return { kind: 'pause', code: 'SOURCE_OFFSET_GONE', message };
}

/** The source lost records before the position: a leader without them was elected. */
export function judgeTruncation(position: bigint, facts: LogFacts): IdentityVerdict {
  const { epochEnd, sourceLatest } = facts;
  if (epochEnd !== undefined && epochEnd < position) return truncatedAt(epochEnd, position, facts);
  if (position <= sourceLatest) return SAME;
  if (epochEnd === undefined) return truncatedAt(sourceLatest, position, facts);
  // The log has them; what may be read of it does not reach there yet.
  const message = `the source may be read up to ${sourceLatest}, and its log reaches beyond the position ${position}`;
  return { kind: 'wait', code: 'KAFKA_ERROR', message };
}

/** The copies of [from, position) are of records that the source does not have any more. */
export function truncatedAt(
  from: bigint,
  position: bigint,
  { policy, isAccepted }: Pick<LogFacts, 'policy' | 'isAccepted'>,
): IdentityVerdict {
  const code = 'SOURCE_TRUNCATED';
  const lost = `the records [${from}, ${position}) were copied, and the source does not have them any more`;
  if (policy.sourceTruncated === 'continue' || isAccepted) {
    return { kind: 'break', cause: 'source-truncated', from, code, message: lost };
  }
  return { kind: 'pause', code, message: lost };
}

type TargetPair = Pick<Checkpoint, 'sourceOffset' | 'targetOffset' | 'runSourceStart' | 'runTargetStart'>;

/** The target ends before what it acknowledged: it lost copies, or its high watermark lags behind a new leader’s log. */
export function judgeTargetEnd(pair: TargetPair, facts: LogFacts): IdentityVerdict {
  const { targetEnd, targetLostFrom, isTargetSettled, policy, isAccepted } = facts;
  const hasGrown = targetLostFrom !== undefined && targetLostFrom < targetEnd;
  const end = hasGrown ? targetLostFrom : targetEnd;
  if (end >= pair.targetOffset) return SAME;
  const code = 'TARGET_TRUNCATED';
  const short = `the target ends at ${end}, before the checkpoint’s ${pair.targetOffset}`;
  if (!hasGrown && !isTargetSettled) return { kind: 'wait', code, message: `${short}: its high watermark may lag` };
  const from = sourceAt(pair, end);
  if (from === undefined) {
    const message = `${short}: at most the copies of [0, ${pair.sourceOffset}) are lost; which records follow ${end} is not known`;
    return { kind: 'pause', code, message };
  }
  const message = `${short}: the copies of [${from}, ${pair.sourceOffset}) are lost`;
  if (policy.targetTruncated === 'continue' || isAccepted) {
    return { kind: 'break', cause: 'target-truncated', from, code, message };
  }
  return { kind: 'pause', code, message };
}

/** The source offset whose copy lies (or lay) at a target offset of the present run. */
function sourceAt({ runSourceStart, runTargetStart }: TargetPair, targetOffset: bigint): bigint | undefined {
  return targetOffset < runTargetStart ? undefined : runSourceStart + (targetOffset - runTargetStart);
}

/** Where the copy of a source offset of the present run lies. */
export function copyOf({ runSourceStart, runTargetStart }: TargetPair, sourceOffset: bigint): bigint | undefined {
  return sourceOffset < runSourceStart ? undefined : runTargetStart + (sourceOffset - runSourceStart);
}

/** Of source records [from, to). */
export function gapOf(from: bigint, to: bigint, reason: Gap['reason'], detail: string, bound: GapBound): Gap {
  const known = bound === 'exact' ? {} : { bound };
  return { firstOffset: Number(from), lastOffset: Number(to) - 1, reason, detail, ...known };
}
