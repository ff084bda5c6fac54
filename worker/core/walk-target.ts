import {
  CONTROL_BIT,
  MAGIC_V2,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  PRODUCER_EPOCH_AT,
  producerId,
} from '../../common/kafka/wire/records/batch-header.js';
import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import { SkipSet } from './skip-set.js';
import { LogSide, type OpenBatch } from './walk-side.js';

/** A batch that none of our lanes wrote. */
export interface ForeignBatch {
  /** -1: no idempotent producer. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly offset: number;
}

/** What a target log is read as. */
export interface TargetRange {
  readonly from: number;
  /** Where the closed log ends. */
  readonly closedEnd: number;
  /** Producer ids of the lanes that may have written there. */
  readonly ours: ReadonlySet<bigint>;
}

/**
 * The target's log behind a pair: what our lanes wrote, in order. Markers are passed, any number of them (exactly-once.md 5.5, 6.4); batches
 * that the cleaner emptied show as holes.
 */
export class TargetStream {
  readonly side: LogSide;
  readonly #range: TargetRange;
  #next: number;
  #holes = 0;
  #foreign: ForeignBatch | undefined;
  #isEnded = false;

  constructor(range: TargetRange, open: OpenBatch) {
    this.side = new LogSide(open);
    this.#range = range;
    this.#next = range.from;
  }

  /** The offset that is expected next. */
  get next(): number {
    return this.#next;
  }

  /** The first batch of a stranger; nothing behind it is looked at. */
  get foreign(): ForeignBatch | undefined {
    return this.#foreign;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The next batch of the log; only when not `ready`. @param isAborted its transaction was: it holds no copies */
  take(batch: BatchView, isAborted = false): void {
    const { baseOffset, lastOffset, recordCount, magic, attributes, buffer, start } = batch;
    const { closedEnd, ours } = this.#range;
    if (lastOffset < this.#next || baseOffset >= closedEnd) return;
    if (isAborted || (magic === MAGIC_V2 && (attributes & CONTROL_BIT) !== 0)) {
      this.#holes += Math.max(0, baseOffset - this.#next);
      this.#next = lastOffset + 1;
      return;
    }
    const writer = magic === MAGIC_V2 ? producerId(buffer, start) : NO_PRODUCER_ID;
    if (!ours.has(writer)) {
      const producerEpoch = magic === MAGIC_V2 ? buffer.readInt16BE(start + PRODUCER_EPOCH_AT) : NO_PRODUCER_EPOCH;
      this.#foreign = { producerId: writer, producerEpoch, offset: baseOffset };
      return;
    }
    if (recordCount === 0) return;
    const isWhole = baseOffset >= this.#next && lastOffset < closedEnd && lastOffset - baseOffset + 1 === recordCount;
    this.side.load(batch, { from: this.#next, until: closedEnd, skips: SkipSet.none }, isWhole);
  }

  /** Everything before the closed end was taken. */
  ended(): void {
    this.#isEnded = true;
  }

  /** It stands at a record. @throws BATCH_CORRUPT, BATCH_UNSUPPORTED */
  ready(): boolean {
    return this.side.ready();
  }

  /** Offsets in front of the record it stands at, or of the closed end, that hold nothing: a cleaner took what was there. Told once. */
  takeHoles(): number {
    const upTo = this.side.ready() ? this.side.offset : this.#isEnded ? this.#range.closedEnd : this.#next;
    const holes = this.#holes + Math.max(0, upTo - this.#next);
    this.#holes = 0;
    this.#next = Math.max(this.#next, upTo);
    return holes;
  }

  /** Passes the record it stands at. */
  pass(): void {
    this.#next = this.side.offset + 1;
    this.side.next();
  }

  /** Passes the whole batch, unopened. */
  passBatch({ lastOffset }: BatchView): void {
    this.side.leave();
    this.#next = lastOffset + 1;
  }
}
