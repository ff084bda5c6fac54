import type { ErrorCode } from '../../common/errors/codes.js';
import type { SkippedRange } from '../core/skip-set.js';
import type { DivergedWhat, WalkResult } from '../core/walk.js';
import type { WalkedRun } from '../core/walk-runs.js';

/** Up to here source and target are the same. */
export interface AgreedOffsets {
  readonly sourceOffset: bigint;
  readonly targetOffset: bigint;
}

/** On what a position rests. */
export type ResumeBasis =
  /** Every record behind the pair was compared. */
  | 'records'
  /** Records that are gone from one log were counted; whatever was left of both agrees. */
  | 'count'
  /** The logs were aligned by what is in them: the count alone would not have led there. */
  | 'alignment';

/** What a walk found out (exactly-once.md section 6). */
export type WalkOutcome =
  | {
      readonly kind: 'resume';
      /** The first source offset whose record is not at the target; may lie inside a source batch. */
      readonly sourceOffset: bigint;
      /** The closed end. */
      readonly targetOffset: bigint;
      /** Under which the source's log reached the position; -1 unknown. */
      readonly sourceLeaderEpoch: number;
      readonly basis: ResumeBasis;
      /** Records compared, and records only counted. */
      readonly compared: number;
      readonly counted: number;
      /** The newest runs of what was compared, and how many earlier ones are not among them. Offsets are guarded numbers. */
      readonly runs: readonly WalkedRun[];
      readonly runsLeftOut: number;
      /** Declared as left out at or behind the position: not to be decided anew. Offsets are guarded numbers. */
      readonly declared: readonly SkippedRange[];
    }
  /** None of our lanes wrote this batch: an alarm on a pure mirror. */
  | {
      readonly kind: 'foreign';
      /** -1: a producer without idempotence. */
      readonly producerId: bigint;
      readonly producerEpoch: number;
      readonly offset: bigint;
      readonly agreed: AgreedOffsets;
    }
  /** The first record that differs. */
  | {
      readonly kind: 'diverged';
      /** Its number behind the pair. */
      readonly rank: number;
      readonly sourceOffset: bigint;
      readonly targetOffset: bigint;
      readonly what: DivergedWhat;
      readonly agreed: AgreedOffsets;
    }
  /** An operator has to decide. Whoever accepts goes on at (`gap.to`, `targetOffset`) and declares the gap. */
  | {
      readonly kind: 'pause';
      readonly code: ErrorCode;
      readonly message: string;
      /** At most the source records [from, to) are missing at the target. */
      readonly gap: { readonly from: bigint; readonly to: bigint };
      readonly targetOffset: bigint;
    }
  /** Not yet: the leader has not caught up. Ask again a little later. */
  | { readonly kind: 'wait'; readonly code: ErrorCode; readonly message: string };

/** A walk's result as an outcome. */
export function outcomeOf(result: WalkResult, basis: ResumeBasis): WalkOutcome {
  switch (result.kind) {
    case 'resume':
      return {
        ...result,
        basis,
        sourceOffset: BigInt(result.sourceOffset),
        targetOffset: BigInt(result.targetOffset),
      };
    case 'foreign':
      return { ...result, offset: BigInt(result.offset), agreed: agreedOf(result) };
    case 'diverged':
      return {
        ...result,
        sourceOffset: BigInt(result.sourceOffset),
        targetOffset: BigInt(result.targetOffset),
        agreed: agreedOf(result),
      };
  }
}

function agreedOf({ agreed }: WalkResult & { readonly kind: 'foreign' | 'diverged' }): AgreedOffsets {
  return { sourceOffset: BigInt(agreed.sourceOffset), targetOffset: BigInt(agreed.targetOffset) };
}
