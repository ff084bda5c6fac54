/** Why records are left out for good. */
export type GapReason =
  /** One record is larger than the target topic takes. */
  | 'too-large'
  /** The target topic is compacted and the record has no key, or it breaks another rule of the topic. */
  | 'invalid'
  /** The record's timestamp is outside what the target topic allows. */
  | 'timestamp'
  /** An operator's `skip`. */
  | 'operator';

/** Declared loss: source records [firstOffset, lastOffset] of one partition that the target does not get (design.md 1.2). */
export interface Gap {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly reason: GapReason;
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
