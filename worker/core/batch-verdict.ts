import {
  CODEC_MASK,
  CONTROL_BIT,
  LOG_APPEND_TIME_BIT,
  MAGIC_V2,
} from '../../common/kafka/wire/records/batch-header.js';
import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';

/** Codecs above zstd are not defined. */
const HIGHEST_CODEC = 4;

/**
 * What a LogAppendTime source batch's records carry at the target: the times their producers gave them (the batch passes raw, bit 3
 * cleared), or the source's append time that the source's readers see (the batch is decoded).
 */
export type AppendTimePolicy = 'producer-time' | 'append-time';

export type SkipReason = 'before-position' | 'control' | 'empty' | 'aborted';
export type RecodeReason =
  | 'position-inside'
  | 'compacted'
  | 'append-time'
  | 'old-magic'
  | 'refused-record'
  | 'too-large'
  | 'recompress'
  | 'range-end'
  | 'rules';
export type UnsupportedReason = 'unknown-magic' | 'unknown-codec';

/** What a route's settings and a target's refusals ask of batches. One object is kept and changed: the hot path allocates nothing. */
export interface ShapingRules {
  appendTime: AppendTimePolicy;
  /** Number of the codec that the target's batches shall have; -1: the source's. */
  codec: number;
  /** Smaller batches keep their own. */
  recompressFromBytes: number;
  /** Larger batches are split. */
  maxBytes: number;
  /** Records from this offset on are not copied: the end of a job's range. Infinity: there is none. */
  until: number;
  /** Every batch is decoded: rules look into its records, or they get headers of ours. */
  treats: boolean;
  /** True when a record of [first, last] has to be left out. */
  omitsAny: (first: number, last: number) => boolean;
}

/** Smaller batches gain nothing from another codec. */
const MIN_RECOMPRESSED_BYTES = 1_024;

export const PLAIN_RULES: Readonly<ShapingRules> = {
  appendTime: 'producer-time',
  codec: -1,
  recompressFromBytes: MIN_RECOMPRESSED_BYTES,
  maxBytes: Number.POSITIVE_INFINITY,
  until: Number.POSITIVE_INFINITY,
  treats: false,
  omitsAny: () => false,
};

/** What becomes of one source batch. `index` numbers the verdicts for counting. */
export type BatchVerdict =
  | { readonly kind: 'raw'; readonly index: number }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly index: number }
  | { readonly kind: 'recode'; readonly reason: RecodeReason; readonly index: number }
  | { readonly kind: 'unsupported'; readonly reason: UnsupportedReason; readonly index: number };

// One object per verdict, made once: the hot path allocates nothing.
const RAW = { kind: 'raw', index: 0 } as const;
const BEFORE_POSITION = { kind: 'skip', reason: 'before-position', index: 1 } as const;
const CONTROL = { kind: 'skip', reason: 'control', index: 2 } as const;
const EMPTY = { kind: 'skip', reason: 'empty', index: 3 } as const;
const ABORTED = { kind: 'skip', reason: 'aborted', index: 4 } as const;
const POSITION_INSIDE = { kind: 'recode', reason: 'position-inside', index: 5 } as const;
const COMPACTED = { kind: 'recode', reason: 'compacted', index: 6 } as const;
const APPEND_TIME = { kind: 'recode', reason: 'append-time', index: 7 } as const;
const OLD_MAGIC = { kind: 'recode', reason: 'old-magic', index: 8 } as const;
const UNKNOWN_MAGIC = { kind: 'unsupported', reason: 'unknown-magic', index: 9 } as const;
const UNKNOWN_CODEC = { kind: 'unsupported', reason: 'unknown-codec', index: 10 } as const;
const REFUSED_RECORD = { kind: 'recode', reason: 'refused-record', index: 11 } as const;
const TOO_LARGE = { kind: 'recode', reason: 'too-large', index: 12 } as const;
const RECOMPRESS = { kind: 'recode', reason: 'recompress', index: 13 } as const;
const RANGE_END = { kind: 'recode', reason: 'range-end', index: 14 } as const;
const RULES = { kind: 'recode', reason: 'rules', index: 15 } as const;

/** Every verdict there is; `ALL_VERDICTS[i].index === i`. */
export const ALL_VERDICTS: readonly BatchVerdict[] = [
  RAW,
  BEFORE_POSITION,
  CONTROL,
  EMPTY,
  ABORTED,
  POSITION_INSIDE,
  COMPACTED,
  APPEND_TIME,
  OLD_MAGIC,
  UNKNOWN_MAGIC,
  UNKNOWN_CODEC,
  REFUSED_RECORD,
  TOO_LARGE,
  RECOMPRESS,
  RANGE_END,
  RULES,
];

/**
 * What must become of a source batch (mirrormaker2.md 10.4, broker-probes 5): only a batch of magic 2 with records, without holes,
 * wholly at or behind the position and not a marker may pass as it is. What is decoded for one reason is shaped by all rules.
 * @param position next source offset that is to be copied
 * @param aborted what the transaction filter said of this batch
 */
export function batchVerdict(
  batch: BatchView,
  position: number,
  aborted: boolean,
  rules: Readonly<ShapingRules> = PLAIN_RULES,
): BatchVerdict {
  if (batch.lastOffset < position) return BEFORE_POSITION;
  if (batch.magic !== MAGIC_V2) return batch.magic === 0 || batch.magic === 1 ? OLD_MAGIC : UNKNOWN_MAGIC;
  const attributes = batch.attributes;
  if ((attributes & CONTROL_BIT) !== 0) return CONTROL;
  const count = batch.recordCount;
  if (count === 0) return EMPTY;
  if (aborted) return ABORTED;
  if ((attributes & CODEC_MASK) > HIGHEST_CODEC) return UNKNOWN_CODEC;
  if (batch.baseOffset < position) return POSITION_INSIDE;
  if (batch.lastOffset >= rules.until) return RANGE_END;
  if (batch.lastOffset - batch.baseOffset + 1 !== count) return COMPACTED;
  if (rules.appendTime === 'append-time' && (attributes & LOG_APPEND_TIME_BIT) !== 0) return APPEND_TIME;
  if (rules.omitsAny(batch.baseOffset, batch.lastOffset)) return REFUSED_RECORD;
  if (rules.treats) return RULES;
  if (batch.length > rules.maxBytes && count > 1) return TOO_LARGE;
  const codec = attributes & CODEC_MASK;
  if (rules.codec >= 0 && codec !== rules.codec && batch.length >= rules.recompressFromBytes) return RECOMPRESS;
  return RAW;
}

/** Counts of one verdict, labelled as `causeway_batches_total` wants them. */
export interface VerdictCount {
  readonly how: BatchVerdict['kind'] | 'coalesce';
  readonly reason: string;
  readonly count: number;
}

/** Counts verdicts without a map look-up per batch. */
export class VerdictCounts {
  readonly #counts = new Float64Array(ALL_VERDICTS.length);
  #coalesced = 0;

  /** So many batches, counted by their verdicts before, became one while they waited. */
  addCoalesced(batches: number): void {
    this.#coalesced += batches;
  }

  add(verdict: BatchVerdict): void {
    this.#counts[verdict.index] = (this.#counts[verdict.index] as number) + 1;
  }

  /** What was counted since the last call; verdicts that did not occur are left out. */
  take(): VerdictCount[] {
    const taken: VerdictCount[] = [];
    for (const verdict of ALL_VERDICTS) {
      const count = this.#counts[verdict.index] as number;
      if (count > 0) taken.push({ how: verdict.kind, reason: verdict.kind === 'raw' ? '' : verdict.reason, count });
    }
    if (this.#coalesced > 0) taken.push({ how: 'coalesce', reason: 'waiting', count: this.#coalesced });
    this.#coalesced = 0;
    this.#counts.fill(0);
    return taken;
  }
}
