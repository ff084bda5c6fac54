/** What an answer to a produced batch means for its partition. */
export type ProduceVerdict =
  /** In the log, now or since an earlier send. */
  | { readonly kind: 'stored' }
  /** Not (surely) stored; the same bytes again, after fresh metadata where the leader is in question. */
  | {
      readonly kind: 'retry';
      readonly refreshMetadata: boolean;
      readonly delay: 'short' | 'long';
      /** It may be in the log although the leader does not say so. */
      readonly inDoubt: boolean;
    }
  /** A batch behind one that was refused: sent again in its turn. */
  | { readonly kind: 'follow' }
  /** The sequence is not what the target expects and nothing before explains it: this identity cannot go on here. */
  | { readonly kind: 'out-of-sequence' }
  /** The producer identity was fenced: nothing this lane holds may be sent any more. */
  | { readonly kind: 'lane-dead' }
  /** The target found the bytes damaged: fetch them again. */
  | { readonly kind: 'damaged' }
  /** No retry helps; the partition pauses until an operator acts. */
  | { readonly kind: 'refused' };

const RETRY_WITH_METADATA = new Set([3, 5, 6, 8, 56, 72, 74, 75, 100]);
const RETRY_SOON = new Set([7, 13, 14, 15, 16, 19, 20, 89]);
/** TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED, UNKNOWN_SERVER_ERROR: may be cured from outside, so try on, slowly. */
const RETRY_SLOWLY = new Set([29, 31, -1]);

/** UNKNOWN_SERVER_ERROR, REQUEST_TIMED_OUT (in the log, broker-probes 13), NOT_ENOUGH_REPLICAS_AFTER_APPEND, KAFKA_STORAGE_ERROR. */
const IN_DOUBT = new Set([-1, 7, 20, 56]);

/**
 * @param code the partition's error code in the Produce answer
 * @param behindRefused an older batch of the partition was refused or is in doubt and has not been stored since
 */
export function produceVerdict(code: number, behindRefused: boolean): ProduceVerdict {
  // 46 DUPLICATE_SEQUENCE_NUMBER: stored before.
  if (code === 0 || code === 46) return { kind: 'stored' };
  // 45 OUT_OF_ORDER_SEQUENCE_NUMBER, 59 UNKNOWN_PRODUCER_ID.
  if (code === 45 || code === 59) return behindRefused ? { kind: 'follow' } : { kind: 'out-of-sequence' };
  // 47 INVALID_PRODUCER_EPOCH, 90 PRODUCER_FENCED.
  if (code === 47 || code === 90) return { kind: 'lane-dead' };
  // 2 CORRUPT_MESSAGE.
  if (code === 2) return { kind: 'damaged' };
  const inDoubt = IN_DOUBT.has(code);
  if (RETRY_WITH_METADATA.has(code)) return { kind: 'retry', refreshMetadata: true, delay: 'short', inDoubt };
  if (RETRY_SOON.has(code)) return { kind: 'retry', refreshMetadata: false, delay: 'short', inDoubt };
  if (RETRY_SLOWLY.has(code)) return { kind: 'retry', refreshMetadata: true, delay: 'long', inDoubt };
  return { kind: 'refused' };
}

export interface Surprise {
  readonly reason: { readonly code: 'TARGET_SHARED' | 'TARGET_TRUNCATED'; readonly message: string };
  /** The target lost what it acknowledged from here on. */
  readonly lostFrom?: number;
}

/**
 * A batch that was not stored where the log was known to end. Exactly once, a sole writer knows that to the record (exactly-once.md 3.4);
 * otherwise others may write as well, but nothing can lie before what was acknowledged unless that was lost.
 */
export function surprise(
  { sourceFirst, targetBase }: { readonly sourceFirst: number; readonly targetBase: number },
  targetNext: number,
  isExact: boolean,
): Surprise | undefined {
  const stored = `the target stored the batch at source offset ${sourceFirst}`;
  if (targetBase >= 0 && targetBase < targetNext) {
    const message = `${stored} at offset ${targetBase}, and had acknowledged everything before ${targetNext}`;
    return { reason: { code: 'TARGET_TRUNCATED', message }, lostFrom: targetBase };
  }
  if (!isExact) return undefined;
  const where = targetBase < 0 ? 'without its offset' : `at offset ${targetBase} instead of ${targetNext}`;
  return { reason: { code: 'TARGET_SHARED', message: `${stored} ${where}` } };
}
