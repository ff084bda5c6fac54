import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import { RecordCursor } from '../../common/kafka/wire/records/record-cursor.js';
import type { SkipSet } from './skip-set.js';
import { contentDifference, type LogSide, type OpenBatch } from './walk-side.js';
import { SourceStream } from './walk-source.js';
import { type ForeignBatch, type TargetRange, TargetStream } from './walk-target.js';

/** Places in the target that may be where a walk begins; with more nobody can tell which. */
export const MAX_CANDIDATES = 16;

/** A record with memory of its own. */
export interface SearchedRecord {
  readonly kind: 'record';
  readonly offset: number;
  readonly record: RecordCursor;
  readonly timestamp: bigint;
}

/** Finds the first record that a source log still delivers. Driven like a `Walk`. */
export class FirstRecordSearch {
  readonly #source: SourceStream;

  constructor(from: number, skips: SkipSet, open: OpenBatch) {
    this.#source = new SourceStream(from, skips, open);
  }

  get sourceReadFrom(): number {
    return this.#source.readFrom;
  }

  advance(): 'source' | SearchedRecord | { readonly kind: 'none' } {
    const source = this.#source;
    if (source.ready()) {
      source.side.enter();
      if (source.ready()) return copyOf(source.side);
    }
    return source.isEnded ? { kind: 'none' } : 'source';
  }

  takeSource(batch: BatchView, isAborted: boolean): void {
    this.#source.take(batch, isAborted);
  }

  sourceEnded(): void {
    this.#source.ended();
  }
}

function copyOf(side: LogSide): SearchedRecord {
  const { buffer, recordStart, recordEnd } = side.record;
  const bytes = Buffer.from(buffer.subarray(recordStart, recordEnd));
  const record = new RecordCursor().reset(bytes, 0, bytes.length, 1);
  record.next();
  return { kind: 'record', offset: side.offset, record, timestamp: side.timestamp() };
}

/** A copy in the target that looks like the searched record. */
export interface Candidate {
  /** Its number behind the pair. */
  readonly rank: number;
  readonly targetOffset: number;
}

export type ScanResult =
  | {
      readonly kind: 'scanned';
      /** Copies behind the pair, those before the scanned range included, and those that a cleaner took. */
      readonly records: number;
      /** Of them, those that a cleaner took: some may have been markers. */
      readonly holes: number;
      /** Ascending; one more than MAX_CANDIDATES says that there are too many. */
      readonly candidates: readonly Candidate[];
      /** Where the copy of the greatest admissible rank lies; undefined where the target does not reach that far. */
      readonly lastAt: number | undefined;
    }
  | ({ readonly kind: 'foreign' } & ForeignBatch);

export interface ScanTerms {
  readonly searched: SearchedRecord | undefined;
  /** Copies behind the pair that lie before the range. */
  readonly hidden: number;
  /** The searched record has at most this rank: so many offsets lie between the pair and it. */
  readonly maxRank: number;
}

/** Counts the copies in a closed target log and finds those that look like one record. Driven like a `Walk`. */
export class CandidateScan {
  readonly #target: TargetStream;
  readonly #terms: ScanTerms;
  readonly #candidates: Candidate[] = [];
  #rank: number;
  #holes = 0;
  #lastAt: number | undefined;

  constructor(range: TargetRange, terms: ScanTerms, open: OpenBatch) {
    this.#target = new TargetStream(range, open);
    this.#terms = terms;
    this.#rank = terms.hidden;
  }

  advance(): 'target' | ScanResult {
    const target = this.#target;
    for (;;) {
      if (target.foreign !== undefined) return { kind: 'foreign', ...target.foreign };
      const isThere = target.ready();
      if (!isThere && !target.isEnded) return 'target';
      // What a cleaner took had a rank, too.
      const holes = target.takeHoles();
      this.#holes += holes;
      this.#rank += holes;
      if (!isThere) break;
      this.#look();
    }
    const found = { candidates: this.#candidates, lastAt: this.#lastAt };
    return { kind: 'scanned', records: this.#rank, holes: this.#holes, ...found };
  }

  takeTarget(batch: BatchView, isAborted = false): void {
    this.#target.take(batch, isAborted);
  }

  targetEnded(): void {
    this.#target.ended();
  }

  #look(): void {
    const target = this.#target;
    const { side } = target;
    const { searched, maxRank } = this.#terms;
    const whole = side.unopened;
    const isSearching = searched !== undefined && this.#candidates.length <= MAX_CANDIDATES && this.#rank <= maxRank;
    if (whole !== undefined && !isSearching) {
      this.#counted(whole.baseOffset, whole.recordCount);
      target.passBatch(whole);
      return;
    }
    side.enter();
    if (!side.ready()) return;
    if (isSearching && looksLike(side, searched)) {
      this.#candidates.push({ rank: this.#rank, targetOffset: side.offset });
    }
    this.#counted(side.offset, 1);
    target.pass();
  }

  #counted(offset: number, count: number): void {
    const { maxRank } = this.#terms;
    if (this.#rank <= maxRank && maxRank < this.#rank + count) this.#lastAt = offset + maxRank - this.#rank;
    this.#rank += count;
  }
}

function looksLike(side: LogSide, { record, timestamp }: SearchedRecord): boolean {
  if (contentDifference(side.record, record) !== undefined) return false;
  return side.appendTime !== undefined || side.timestamp() === timestamp;
}
