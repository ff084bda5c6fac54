import { assertNever } from '../../common/errors/assert.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import type { TimelineOrigin } from '../../common/model/continuity.js';
import type { BrokenTimeline, Gap, GapBound, GapKind } from '../../common/model/gap.js';
import { copyOf } from './identity-verdict.js';

/** A timeline that begins where another ended. */
export interface TimelineChange {
  readonly origin: TimelineOrigin;
  /** The last pair of the timeline that ended; undefined: none is left. */
  readonly former: Checkpoint | undefined;
  /** Ids of the topics now. */
  readonly sourceTopicId: string | null;
  readonly targetTopicId: string | null;
  /** The source's end in the timeline that ended, as it was seen last; -1 unknown. */
  readonly formerSourceEnd: bigint;
  /** The first source offset of the new timeline. */
  readonly position: bigint;
  readonly targetEnd: bigint;
}

interface BrokenRange {
  readonly kind: GapKind;
  readonly from: bigint;
  readonly to: bigint;
  readonly bound: GapBound;
  readonly detail: string;
  readonly copies?: BrokenTimeline['copies'];
}

/** What the end of a timeline cost: declared before the first record of the next one is copied (design.md 5.3). */
export function brokenTimeline(change: TimelineChange): Gap {
  const { origin, former, sourceTopicId, targetTopicId, targetEnd } = change;
  const { kind, from, to, bound, detail, copies } = rangeOf(change);
  return {
    firstOffset: Number(from),
    lastOffset: Math.max(Number(from), Number(to)) - 1,
    reason: origin.cause,
    detail,
    bound,
    breaks: {
      kind,
      timeline: origin.former,
      sourceTopicId: former?.sourceTopicId ?? (origin.cause === 'source-recreated' ? null : sourceTopicId),
      targetTopicId: former?.targetTopicId ?? (origin.cause === 'target-recreated' ? null : targetTopicId),
      ...(copies === undefined ? {} : { copies }),
      targetOffset: Number(targetEnd),
    },
  };
}

function rangeOf(change: TimelineChange): BrokenRange {
  const { origin, former, formerSourceEnd, position } = change;
  const reached = former?.sourceOffset ?? 0n;
  switch (origin.cause) {
    case 'source-recreated': {
      const detail = `the source topic was made anew; the old one was copied up to ${reached}, and what it held from there on is lost`;
      return { kind: 'gap', from: reached, to: formerSourceEnd, bound: 'at-least', detail };
    }
    case 'target-recreated': {
      const detail = `the target topic was made anew; what it held is gone, and is copied again from ${position} on`;
      return position > 0n
        ? { kind: 'gap', from: 0n, to: position, bound: 'at-most', detail }
        : { kind: 'recopied', from: 0n, to: reached, bound: 'at-most', detail };
    }
    case 'source-truncated':
      return stranded(change);
    case 'target-truncated': {
      const detail = 'the target lost these copies after it had acknowledged them';
      const bound = former === undefined ? 'at-least' : 'exact';
      return { kind: 'recopied', from: position, to: reached, bound, detail };
    }
    case 'operator': {
      const detail = 'an operator had the partition copied again; the target keeps the copies it has';
      return { kind: 'recopied', from: position, to: reached, bound: 'at-most', detail };
    }
    default:
      return assertNever(origin.cause, 'cause of a break');
  }
}

/** Copies of records that the source lost. */
function stranded({ former, position, targetEnd }: TimelineChange): BrokenRange {
  const detail = 'the source lost these records after they had been copied';
  if (former === undefined) return { kind: 'diverged', from: position, to: position, bound: 'at-least', detail };
  // What was copied behind the pair was copied from there on, without holes: at most so much.
  const behind = targetEnd > former.targetOffset ? targetEnd - former.targetOffset : 0n;
  const range = { kind: 'diverged', from: position, to: former.sourceOffset + behind, detail } as const;
  const first = copyOf(former, position);
  const copies = first === undefined ? undefined : { firstOffset: Number(first), lastOffset: Number(targetEnd) - 1 };
  const bound = former.released && behind === 0n ? 'exact' : 'at-most';
  return { ...range, bound, ...(copies === undefined ? {} : { copies }) };
}
