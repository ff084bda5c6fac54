import type { GapReason } from '../../common/model/gap.js';

/** MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE. */
const TOO_LARGE = new Set([10, 18]);
const INVALID_TIMESTAMP = 32;
const UNSUPPORTED_COMPRESSION_TYPE = 76;
const INVALID_RECORD = 87;

/** What must be known of a record to say whether the target will refuse it like another one. */
export interface RefusalView {
  readonly offset: number;
  readonly hasKey: boolean;
  readonly timestamp: bigint;
}

export type RefusalVerdict =
  /** Smaller batches may pass. */
  | { readonly kind: 'split' }
  /** Some record is to blame and the target did not say which. */
  | { readonly kind: 'search' }
  /** Another codec may pass. */
  | { readonly kind: 'recompress' }
  /** These records will never be taken. */
  | { readonly kind: 'records'; readonly reason: GapReason; readonly offsets: readonly number[] }
  /** Nothing about single records: the partition has to stop. */
  | { readonly kind: 'stop' };

/**
 * What to do about a batch that the target refuses for good.
 * @param code the partition's error code in the Produce answer
 * @param records those of the batch, in order
 * @param blamed indexes into them that the answer names (v8+, KIP-467: only the first few)
 * @param nowMs wall time: the bounds of timestamps lie around it
 */
export function judgeRefusal(
  code: number,
  records: readonly RefusalView[],
  blamed: readonly number[],
  nowMs: number,
): RefusalVerdict {
  if (code === UNSUPPORTED_COMPRESSION_TYPE) return { kind: 'recompress' };
  if (TOO_LARGE.has(code)) {
    if (records.length > 1) return { kind: 'split' };
    return { kind: 'records', reason: 'too-large', offsets: records.map(({ offset }) => offset) };
  }
  if (code !== INVALID_TIMESTAMP && code !== INVALID_RECORD) return { kind: 'stop' };
  const reason = code === INVALID_TIMESTAMP ? 'timestamp' : 'invalid';
  const guilty = records.length === 1 ? records : blamed.flatMap((index) => records[index] ?? []);
  const [first] = guilty;
  if (first === undefined) return { kind: 'search' };
  const alike = code === INVALID_TIMESTAMP ? timestampsLike(guilty, nowMs) : keylessLike(guilty);
  const named = new Set(guilty);
  const offsets = records.filter((record) => named.has(record) || alike(record)).map(({ offset }) => offset);
  return { kind: 'records', reason, offsets };
}

type Likeness = (record: RefusalView) => boolean;

/** A compacted topic refuses every record without a key, not only the first few it names. */
function keylessLike(guilty: readonly RefusalView[]): Likeness {
  const keyless = guilty.every(({ hasKey }) => !hasKey);
  return ({ hasKey }) => keyless && !hasKey;
}

const NO_TIMESTAMP = -1n;

/** What is allowed is one range around now: what lies further out than a refused timestamp is refused too. */
function timestampsLike(guilty: readonly RefusalView[], nowMs: number): Likeness {
  const now = BigInt(Math.floor(nowMs));
  let tooNew: bigint | undefined;
  let tooOld: bigint | undefined;
  for (const { timestamp } of guilty) {
    if (timestamp > now) tooNew = tooNew === undefined || timestamp < tooNew ? timestamp : tooNew;
    else tooOld = tooOld === undefined || timestamp > tooOld ? timestamp : tooOld;
  }
  return ({ timestamp }) =>
    timestamp !== NO_TIMESTAMP &&
    ((tooNew !== undefined && timestamp >= tooNew) || (tooOld !== undefined && timestamp <= tooOld));
}
