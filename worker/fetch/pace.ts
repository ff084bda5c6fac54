/**
 * Partitions at the head and partitions behind are fetched on different connections: a broker answers one request per connection at a time,
 * so a trickle would wait behind the megabytes of its neighbours that catch up.
 */
export type Pace = 'live' | 'catch-up';

/** A partition estimated to be this many fetches behind goes to the catch-up connection at once. */
const LAG_FETCHES = 4;
/** As does one whose answers are full this many times in a row. */
const FULL_ANSWERS = 3;
/** It comes back when this many answers in a row left less than this share of a fetch behind. */
const CALM_ANSWERS = 3;
const CALM_SHARE = 0.25;

export interface PaceState {
  readonly pace: Pace;
  /** Answers in a row that speak for the other pace. */
  readonly streak: number;
}

export const LIVE: PaceState = { pace: 'live', streak: 0 };

/** One answer for one partition. Offsets and bytes. */
export interface PaceAnswer {
  readonly fromOffset: number;
  /** Behind what the answer brought. */
  readonly nextOffset: number;
  /** Where the log ends for us. */
  readonly endOffset: number;
  readonly bytes: number;
  /** The most it could bring. */
  readonly maxBytes: number;
}

export function nextPace(state: PaceState, answer: PaceAnswer): PaceState {
  const { fromOffset, nextOffset, endOffset, bytes, maxBytes } = answer;
  const left = Math.max(0, endOffset - nextOffset);
  const came = nextOffset - fromOffset;
  // Still being decoded: nothing can be said.
  if (came <= 0 && left > 0) return state;
  // What is left is taken to be like what came.
  const lagBytes = left === 0 ? 0 : (left * bytes) / came;
  const other: Pace = state.pace === 'live' ? 'catch-up' : 'live';
  if (state.pace === 'live') {
    if (lagBytes >= LAG_FETCHES * maxBytes) return { pace: other, streak: 0 };
    const streak = bytes >= maxBytes ? state.streak + 1 : 0;
    return streak >= FULL_ANSWERS ? { pace: other, streak: 0 } : { pace: 'live', streak };
  }
  const streak = lagBytes <= CALM_SHARE * maxBytes ? state.streak + 1 : 0;
  return streak >= CALM_ANSWERS ? { pace: other, streak: 0 } : { pace: 'catch-up', streak };
}
