import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import { batchVerdict, PLAIN_RULES, type ShapingRules } from './batch-verdict.js';
import type { SkipSet } from './skip-set.js';
import { LogSide, type OpenBatch } from './walk-side.js';

/**
 * The source's log as the route delivers it: without markers, emptied and aborted batches and what lies before the position, without what
 * was declared as left out, with the timestamps that its readers see (docs/adr/002).
 */
export class SourceStream {
  readonly side: LogSide;
  readonly #skips: SkipSet;
  readonly #rules: ShapingRules;
  #next: number;
  #batchEnd = 0;
  #isEnded = false;

  constructor(from: number, skips: SkipSet, open: OpenBatch) {
    this.side = new LogSide(open);
    this.#skips = skips;
    this.#next = from;
    this.#rules = {
      ...PLAIN_RULES,
      appendTime: 'append-time',
      omitsAny: (first, last) => skips.overlaps(first, last),
    };
  }

  /** Everything before it is passed, or nothing to copy. */
  get next(): number {
    return this.#next;
  }

  /** Where to read on: what was declared need not be read, and perhaps cannot be. */
  get readFrom(): number {
    return this.#skips.after(this.#next);
  }

  /** The log holds no more at the moment. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The next batch of the log; only when not `ready`. Batches before the position do no harm. */
  take(batch: BatchView, isAborted: boolean): void {
    const { baseOffset, lastOffset, magic } = batch;
    const from = this.#next;
    this.#batchEnd = lastOffset + 1;
    const verdict = batchVerdict(batch, from, isAborted, this.#rules);
    // An old compressed message tells only its last offset: its first may be anything since the position.
    const first = magic < 2 ? from : Math.max(from, baseOffset);
    if (verdict.kind === 'skip' || this.#skips.covers(first, lastOffset)) this.#passBatch();
    else this.side.load(batch, { from, until: Number.POSITIVE_INFINITY, skips: this.#skips }, verdict.kind === 'raw');
  }

  ended(): void {
    this.#isEnded = true;
  }

  /** It stands at a record that is to be delivered. @throws BATCH_CORRUPT, BATCH_UNSUPPORTED */
  ready(): boolean {
    if (this.side.ready()) return true;
    this.#passBatch();
    return false;
  }

  /** Passes the record it stands at. */
  pass(): void {
    this.#next = this.side.offset + 1;
    this.side.next();
  }

  /** Passes the rest of the batch. */
  passBatch(): void {
    this.side.leave();
    this.#passBatch();
  }

  /** Passes what was declared right here. */
  passSkipped(): void {
    this.#next = this.readFrom;
  }

  #passBatch(): void {
    this.#next = Math.max(this.#next, this.#batchEnd);
  }
}
