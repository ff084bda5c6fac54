import {
  BASE_TIMESTAMP_AT,
  BATCH_HEADER_BYTES,
  CODEC_MASK,
  MAX_TIMESTAMP_AT,
} from '../../common/kafka/wire/records/batch-header.js';
import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import { RecordCursor } from '../../common/kafka/wire/records/record-cursor.js';
import type { SkipSet } from './skip-set.js';

/** A batch's records as those of magic 2, decompressed. */
export interface BatchContent {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  /** Offset of each record; null where it is firstOffset plus the record's offset delta. */
  readonly offsets: Float64Array | null;
  readonly firstOffset: number;
  /** What the records' timestamp deltas are relative to. */
  readonly baseTimestamp: bigint;
  /** Set: the timestamp that readers see on every record. */
  readonly appendTime: bigint | undefined;
}

/**
 * Checks a batch's CRC and opens it; the codecs have been loaded before.
 * @throws BATCH_CORRUPT, BATCH_UNSUPPORTED
 */
export type OpenBatch = (batch: BatchView) => BatchContent;

/** The records of a batch that count: from one offset to before another, without what was left out. */
export interface Wanted {
  readonly from: number;
  readonly until: number;
  readonly skips: SkipSet;
}

/** A Number below this and a delta of 49 bits add up exactly. */
const MAX_EXACT_BASE = 2 ** 52;

/**
 * Where a walk stands in one log: a batch, and within it a record that is still to be paired. Batches are opened only when they have to
 * be; the batch and its memory must stay until the side has left it.
 */
export class LogSide {
  readonly record = new RecordCursor();
  readonly #open: OpenBatch;
  #batch: BatchView | undefined;
  #wanted: Wanted | undefined;
  #isWhole = false;
  #content: BatchContent | undefined;
  #index = 0;
  #offset = 0;
  #baseNumber = Number.NaN;

  constructor(open: OpenBatch) {
    this.#open = open;
  }

  /** @param isWhole all its records are wanted, it is of magic 2 and without holes: it may be compared unopened */
  load(batch: BatchView, wanted: Wanted, isWhole: boolean): void {
    this.#batch = batch;
    this.#wanted = wanted;
    this.#isWhole = isWhole;
    this.#content = undefined;
    this.#offset = batch.baseOffset;
  }

  /** The batch as long as it is whole and unopened; undefined otherwise. */
  get unopened(): BatchView | undefined {
    return this.#isWhole && this.#content === undefined ? this.#batch : undefined;
  }

  /** Offset of the record it stands at. */
  get offset(): number {
    return this.#offset;
  }

  /** The target's broker gave the timestamps, or the source's did. */
  get appendTime(): bigint | undefined {
    return this.#content?.appendTime;
  }

  /** True while there is a record to be paired. @throws BATCH_CORRUPT, BATCH_UNSUPPORTED */
  ready(): boolean {
    if (this.#batch === undefined) return false;
    return this.#content !== undefined || this.#isWhole || this.#enter(this.#batch);
  }

  /** The fields of `record` speak of the record it stands at from now on. Only when `ready`. */
  enter(): void {
    if (this.#content === undefined && this.#batch !== undefined) this.#enter(this.#batch);
  }

  /** On to the next record; leaves the batch behind its last. */
  next(): void {
    this.enter();
    this.#seek();
  }

  leave(): void {
    this.#batch = undefined;
    this.#content = undefined;
  }

  /** Of the current record, as its readers see it. */
  timestamp(): bigint {
    const { appendTime, baseTimestamp } = this.#content as BatchContent;
    return appendTime ?? BigInt.asIntN(64, baseTimestamp + this.record.timestampDelta());
  }

  /** The same as a Number, NaN where that would not be exact. */
  timestampNumber(): number {
    const { appendTime } = this.#content as BatchContent;
    return appendTime === undefined ? this.#baseNumber + this.record.timestampDeltaNumber() : Number.NaN;
  }

  #enter(batch: BatchView): boolean {
    const content = this.#open(batch);
    const { buffer, start, end, count, baseTimestamp } = content;
    this.#content = content;
    this.record.reset(buffer, start, end, count);
    this.#index = -1;
    const base = Number(baseTimestamp);
    this.#baseNumber = Math.abs(base) < MAX_EXACT_BASE ? base : Number.NaN;
    return this.#seek();
  }

  #seek(): boolean {
    const { offsets, firstOffset } = this.#content as BatchContent;
    const { from, until, skips } = this.#wanted as Wanted;
    while (this.record.next()) {
      this.#index += 1;
      const offset = offsets?.[this.#index] ?? firstOffset + this.record.offsetDelta;
      if (offset < from || offset >= until || skips.has(offset)) continue;
      this.#offset = offset;
      return true;
    }
    this.leave();
    return false;
  }
}

/** True when two whole batches are the same records for certain, seen by their bytes alone. Timestamps included. */
export function samePayload(a: BatchView, b: BatchView): boolean {
  if (a.length !== b.length || a.recordCount !== b.recordCount) return false;
  if ((a.attributes & CODEC_MASK) !== (b.attributes & CODEC_MASK)) return false;
  const same = (from: number, to: number): boolean =>
    a.buffer.compare(b.buffer, b.start + from, b.start + to, a.start + from, a.start + to) === 0;
  return same(BASE_TIMESTAMP_AT, MAX_TIMESTAMP_AT) && same(BATCH_HEADER_BYTES, a.length);
}

export type RecordField = 'key' | 'value' | 'headers' | 'timestamp';

/** The first field in which the records that both sides stand at differ; undefined when they are the same. Both have been entered. */
export function recordDifference(source: LogSide, target: LogSide): RecordField | undefined {
  return contentDifference(source.record, target.record) ?? timestampDifference(source, target);
}

function timestampDifference(source: LogSide, target: LogSide): 'timestamp' | undefined {
  // The target's broker stamped what it appended: it says nothing about the source.
  if (target.appendTime !== undefined) return undefined;
  const [a, b] = [source.timestampNumber(), target.timestampNumber()];
  const isExact = !Number.isNaN(a) && !Number.isNaN(b);
  return (isExact ? a === b : source.timestamp() === target.timestamp()) ? undefined : 'timestamp';
}

/** Key, value and headers; how long their lengths are written does not matter. */
export function contentDifference(a: RecordCursor, b: RecordCursor): RecordField | undefined {
  if (a.buffer.compare(b.buffer, b.contentStart, b.recordEnd, a.contentStart, a.recordEnd) === 0) return undefined;
  if (!sameField(a, a.keyStart, a.keyLength, b, b.keyStart, b.keyLength)) return 'key';
  if (!sameField(a, a.valueStart, a.valueLength, b, b.valueStart, b.valueLength)) return 'value';
  return sameHeaders(a, b) ? undefined : 'headers';
}

function sameField(
  a: RecordCursor,
  aStart: number,
  aLength: number,
  b: RecordCursor,
  bStart: number,
  bLength: number,
): boolean {
  if (aLength !== bLength) return false;
  return aLength <= 0 || a.buffer.compare(b.buffer, bStart, bStart + bLength, aStart, aStart + aLength) === 0;
}

function sameHeaders(a: RecordCursor, b: RecordCursor): boolean {
  if (a.headerCount !== b.headerCount) return false;
  const others = b.headers();
  return a.headers().every(([key, value], i) => {
    const [otherKey, otherValue] = others[i] as (typeof others)[number];
    return (
      key.equals(otherKey) && (value === null || otherValue === null ? value === otherValue : value.equals(otherValue))
    );
  });
}
