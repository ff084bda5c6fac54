import { scanBatches } from '../../../../common/kafka/wire/records/batch-scan.js';
import { type AbortedTransaction, TxnFilter } from '../../../../common/kafka/wire/records/txn-filter.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { SkipSet } from '../../../../worker/core/skip-set.js';
import { Walk, type WalkResult, type WalkStart, type WalkTerms } from '../../../../worker/core/walk.js';
import { openBatch } from '../../../../worker/walk/batch-content.js';
import { type Driving, drive, type Interrupted } from '../../../../worker/walk/drive.js';
import type { FeedState, LogFeed, WalkLogs } from '../../../../worker/walk/log-feed.js';

/** One of the fetch answer's aborted transactions, and the offset of its marker. */
export interface Aborted extends AbortedTransaction {
  readonly firstOffset: number;
  readonly markerOffset: number;
}

/** A log in memory: batches in order, each with its offsets. */
export interface MemoryLog {
  readonly batches: readonly Buffer[];
  readonly aborted: readonly Aborted[];
}

export const logOf = (...batches: readonly Buffer[]): MemoryLog => ({ batches, aborted: [] });

/** Gives a log's batches as a leader would: from the one that holds the offset on. */
export class MemoryFeed implements LogFeed {
  readonly batch = scanBatches(Buffer.alloc(0));
  isAborted = false;
  readonly #log: MemoryLog;
  readonly #filter: TxnFilter;
  #position: number;

  constructor(log: MemoryLog, from: number) {
    this.#log = log;
    this.#position = from;
    this.#filter = new TxnFilter();
    this.#read();
  }

  take(): boolean {
    while (this.batch.next()) {
      this.isAborted = this.#filter.isAborted(this.batch);
      if (this.batch.lastOffset < this.#position) continue;
      this.#position = this.batch.lastOffset + 1;
      return true;
    }
    return false;
  }

  fill(): Promise<FeedState> {
    return Promise.resolve('ended');
  }

  seek(offset: number): void {
    if (offset <= this.#position) return;
    this.#position = offset;
    this.#read();
  }

  close(): void {
    this.batch.reset(Buffer.alloc(0));
  }

  #read(): void {
    const { batches, aborted } = this.#log;
    const first = batches.findIndex((bytes) => {
      const batch = scanBatches(bytes);
      return batch.next() && batch.lastOffset >= this.#position;
    });
    const rest = first < 0 ? [] : batches.slice(first);
    const base = Number(rest[0]?.readBigInt64BE(0) ?? 0n);
    // A broker lists what overlaps the answer, also when it began before.
    this.#filter.reset(aborted.filter(({ markerOffset }) => markerOffset >= base));
    this.batch.reset(Buffer.concat(rest));
  }
}

export function memoryLogs(source: MemoryLog, target: MemoryLog): WalkLogs {
  return { source: (from) => new MemoryFeed(source, from), target: (from) => new MemoryFeed(target, from) };
}

export const driving = (logs: WalkLogs): Omit<Driving, 'targetFrom'> => ({
  logs,
  clock: systemClock,
  signal: new AbortController().signal,
});

/** What all batches of `buildBatch` with this id count as ours. */
export const OURS = 4_000n;

export const termsOf = (terms: Partial<WalkTerms> = {}): WalkTerms => ({
  skips: SkipSet.none,
  ours: new Set([OURS]),
  holes: 'refused',
  open: openBatch,
  ...terms,
});

/** A walk over logs in memory. */
export async function walked(
  source: MemoryLog,
  target: MemoryLog,
  start: Partial<WalkStart> & Pick<WalkStart, 'closedEnd'>,
  terms: Partial<WalkTerms> = {},
): Promise<WalkResult> {
  const from = { sourceOffset: 0, targetOffset: 0, hidden: 0, ...start };
  const walk = new Walk(from, termsOf(terms));
  const result: WalkResult | Interrupted = await drive(walk, {
    ...driving(memoryLogs(source, target)),
    targetFrom: from.targetOffset,
  });
  if (result.kind === 'interrupted') throw new Error('memory does not interrupt');
  return result;
}
