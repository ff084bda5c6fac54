import type { BreakCause } from './continuity.js';

/** Why records are left out for good. */
export type GapReason =
  /** One record is larger than the target topic takes. */
  | 'too-large'
  /** The target topic is compacted and the record has no key, or it breaks another rule of the topic. */
  | 'invalid'
  /** The record's timestamp is outside what the target topic allows. */
  | 'timestamp'
  /** An operator's `skip`, or `restart`. */
  | 'operator'
  /** The source's log began behind the position. */
  | 'retention'
  /** Continuity broke: see `BreakCause`. */
  | BreakCause;

/**
 * What a range of the gap topic says. `gap`: the target does not get these records · `diverged`: the target has copies of them, and the source
 * does not have them any more · `recopied`: the target had copies of them once, they are copied again.
 */
export type GapKind = 'gap' | 'diverged' | 'recopied';

/** How well the range is known: these records, none but these (perhaps fewer), or these (perhaps more behind them). */
export type GapBound = 'exact' | 'at-most' | 'at-least';

/** What a break of continuity says of the timeline that ended; the range is in that one's offsets, and moves no position. */
export interface BrokenTimeline {
  readonly kind: GapKind;
  readonly timeline: number;
  readonly sourceTopicId: string | null;
  readonly targetTopicId: string | null;
  /** Where the copies of the range lie at the target, first and last, where that is known. */
  readonly copies?: { readonly firstOffset: number; readonly lastOffset: number };
  /** What the new timeline copies lies at the target from here on. */
  readonly targetOffset: number;
}

/** Declared loss: source records [firstOffset, lastOffset] of one partition that the target does not get (design.md 1.2). */
export interface Gap {
  readonly firstOffset: number;
  /** `firstOffset - 1` with `breaks`: nothing is known to be concerned. */
  readonly lastOffset: number;
  readonly reason: GapReason;
  /** Absent: `exact`. */
  readonly bound?: GapBound;
  /** Absent: a gap of the present timeline. */
  readonly breaks?: BrokenTimeline;
  /** What the target or the operator said. */
  readonly detail: string;
}

/** Longer details are cut: a gap record has to fit any topic. */
export const MAX_GAP_DETAIL_LENGTH = 1_000;

/** Internal topic at the target that keeps the fleet's gap records, compacted by key. */
export function gapTopic(fleet: string): string {
  return `causeway.${fleet}.gaps`;
}

/** An operator's order to leave out what is not copied yet of [from, to) of one source partition. */
export interface SkipOrder {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}
