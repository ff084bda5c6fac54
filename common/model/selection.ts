/** Which of the source's topics a route mirrors by itself; what an operator adds one by one needs no selection. */
export interface TopicSelection {
  /** Patterns (RE2) of whole names; one of them has to match. */
  readonly include: readonly string[];
  /** Patterns of whole names; none of them may match. */
  readonly exclude: readonly string[];
  /** Only topics that the target has already, as uReplicator's automatic whitelisting does. */
  readonly targetMustExist: boolean;
  /** What becomes of a selected topic that does not match any more: it is copied on, or it is paused; said in both cases. */
  readonly onUnmatched: 'keep' | 'stop';
}

/** A topic that the route never selects, whatever matches, and that stops where it was mirrored, until it is allowed again. */
export interface Denial {
  readonly route: string;
  readonly topic: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

/** The leader's memory: with which selection all topics that were there have been gone through. What matches from then on is new. */
export interface SelectionProgress {
  readonly route: string;
  /** Which making of the route, and `selectionText` of its selection. */
  readonly applied: string;
}

/** Equal selections have equal texts. */
export function selectionText({ include, exclude, targetMustExist, onUnmatched }: TopicSelection): string {
  return JSON.stringify([include, exclude, targetMustExist, onUnmatched]);
}
