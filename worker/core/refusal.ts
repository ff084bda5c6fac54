import type { GapReason } from '../../common/model/gap.js';
import { MAX_REFUSED_AHEAD } from './shaping.js';

/** MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE. */
const TOO_LARGE = new Set([10, 18]);
const INVALID_TIMESTAMP = 32;
const UNSUPPORTED_COMPRESSION_TYPE = 76;
const INVALID_RECORD = 87;
/** Brokers name the first few records to blame: a shorter list is complete (KIP-467, broker-probes 6). */
const NAMED_AT_MOST = 3;

/** What must be known of a record to say whether the target will refuse it like another one. */
export interface RefusalView {
  readonly offset: number;
  readonly hasKey: boolean;
  readonly timestamp: bigint;
}

/** Shows each record of the batch in order, one after the other; may be called more than once. */
export type RecordWalk = (visit: (record: RefusalView, index: number) => void) => void;

export type RefusalVerdict =
  /** Smaller batches may pass. */
  | { readonly kind: 'split' }
  /** Some record is to blame and the target did not say which. */
  | { readonly kind: 'search' }
  /** Another codec may pass. */
  | { readonly kind: 'recompress' }
  /** These records will never be taken; of more than MAX_REFUSED_AHEAD just one more than that. */
  | { readonly kind: 'records'; readonly reason: GapReason; readonly offsets: readonly number[] }
  /** Nothing about single records: the partition has to stop. */
  | { readonly kind: 'stop' };

/**
 * What to do about a batch that the target refuses for good. Nothing is kept of records that are not to blame: there may be millions.
 * @param code the partition's error code in the Produce answer
 * @param blamed indexes of the records that the answer names (v8+, KIP-467: only the first few)
 * @param nowMs wall time: the bounds of timestamps lie around it
 */
export function judgeRefusal(
  code: number,
  recordCount: number,
  walk: RecordWalk,
  blamed: readonly number[],
  nowMs: number,
): RefusalVerdict {
  if (code === UNSUPPORTED_COMPRESSION_TYPE) return { kind: 'recompress' };
  const isTooLarge = TOO_LARGE.has(code);
  if (isTooLarge && recordCount > 1) return { kind: 'split' };
  if (!isTooLarge && code !== INVALID_TIMESTAMP && code !== INVALID_RECORD) return { kind: 'stop' };
  const named = new Set(recordCount === 1 ? [0] : blamed);
  const guilty: RefusalView[] = [];
  let lastNamed = -1;
  walk((record, index) => {
    if (!named.has(index)) return;
    guilty.push(record);
    lastNamed = index;
  });
  if (guilty.length === 0) return { kind: 'search' };
  const alike = code === INVALID_TIMESTAMP ? timestampsLike(guilty, nowMs) : keylessLike(guilty);
  let isCutOff = named.size >= NAMED_AT_MOST;
  const offsets: number[] = [];
  walk((record, index) => {
    const isAlike = isCutOff && alike(record);
    const isNamed = named.has(index);
    // The target looks at one after the other: one that it passed over shows that the likeness is not the fault.
    if (isAlike && !isNamed && index < lastNamed) isCutOff = false;
    const isGuilty = isNamed || (isAlike && index > lastNamed);
    if (isGuilty && offsets.length <= MAX_REFUSED_AHEAD) offsets.push(record.offset);
  });
  return { kind: 'records', reason: reasonOf(code), offsets };
}

function reasonOf(code: number): GapReason {
  if (TOO_LARGE.has(code)) return 'too-large';
  return code === INVALID_TIMESTAMP ? 'timestamp' : 'invalid';
}

type Likeness = (record: RefusalView) => boolean;

/** A compacted topic refuses every record without a key, not only the first few it names. */
function keylessLike(guilty: readonly RefusalView[]): Likeness {
  const keyless = guilty.every(({ hasKey }) => !hasKey);
  return ({ hasKey }) => keyless && !hasKey;
}

const NO_TIMESTAMP = -1n;

/** What is allowed is one range around now: what lies further out than all those named is refused too, whichever of them it was for. */
function timestampsLike(guilty: readonly RefusalView[], nowMs: number): Likeness {
  const now = BigInt(Math.floor(nowMs));
  const times = guilty.map(({ timestamp }) => timestamp).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const [oldest, newest] = [times[0] as bigint, times.at(-1) as bigint];
  if (oldest > now) return ({ timestamp }) => timestamp >= newest;
  if (newest <= now) return ({ timestamp }) => timestamp !== NO_TIMESTAMP && timestamp <= oldest;
  return () => false;
}
