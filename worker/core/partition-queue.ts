import { invariant } from '../../common/errors/assert.js';
import type { BatchSlice } from '../../common/kafka/wire/records/batch-header.js';
import type { Gap } from '../../common/model/gap.js';
import type { Asides } from './asides.js';

/** Records that are left out: written down durably in their turn, before anything behind them is sent (exactly-once.md 6.5). */
export interface PendingGap {
  readonly gap: Gap;
  /** The records themselves, where they go to a dead-letter topic. */
  readonly deadLetters: readonly DeadLetter[];
}

export interface DeadLetter {
  readonly offset: number;
  readonly record: {
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: readonly (readonly [key: Buffer, value: Buffer | null])[];
    readonly timestamp: bigint;
  };
}

/** One batch (or gap) on its way from source to target. Offsets are guarded numbers (< 2^53): this is the hot path. */
export interface QueuedBatch {
  /** First source offset of the batch's records. */
  readonly sourceFirst: number;
  /** Source offset settled once this batch is acknowledged; grows when skipped batches follow it directly. */
  sourceNext: number;
  /** 0 for a gap. */
  readonly recordCount: number;
  /** Source offset of each record; null where they are sourceFirst, sourceFirst + 1, ... */
  readonly sourceOffsets: Float64Array | null;
  /** Set: nothing is sent, this is declared instead. */
  readonly gap: PendingGap | undefined;
  /** Written elsewhere before it; absent: nothing is. With `recordCount` 0 there is nothing else of it. */
  readonly asides?: Asides;
  /** Bytes charged to the budget until acknowledged. */
  readonly bytes: number;
  /** Partition leader epoch the source batch carried. */
  readonly leaderEpoch: number;
  /** Newest record timestamp, ms; for lag in seconds. */
  readonly maxTimestampMs: number;
  /** The batch as fetched (or re-encoded): the image to send is made from it when it is first sent. */
  readonly source: BatchSlice;
  /** Lends the memory of `source`; let go when the batch is settled. */
  readonly body: { release(): void } | undefined;
  /** Header (61 bytes) and payload as sent; fixed at the first send so that a resend is byte-identical. */
  image: readonly Buffer[] | undefined;
  /** First sequence number; fixed at the first send, -1 before. */
  baseSequence: number;
  /** Where the target stored it; -1 until acknowledged. */
  targetBase: number;
  state: 'queued' | 'sent' | 'acked';
  /** The outcome of the latest send is unknown or was a retriable refusal: the next send is a repeat of the same bytes. */
  resend: boolean;
  /** Monotonic ms since when it may be stored without an answer that says so; absent: it is not. */
  doubtSinceMs?: number;
}

/** What an acknowledgement settled: positions only move over an unbroken prefix of acknowledged batches. */
export interface Settled {
  readonly batches: readonly QueuedBatch[];
  readonly sourceNext: number;
}

/**
 * The batches of one partition between fetch and acknowledgement, in source order. Pure: decides what may be sent next and what is settled.
 * Rules: exactly-once.md section 3 (window 1 until the first ack; in doubt: the same bytes first, nothing new meanwhile).
 */
export class PartitionQueue {
  #batches: QueuedBatch[] = [];
  #sent = 0;
  #bytes = 0;
  /** Everything of the source before this is settled. */
  #settledNext: number;
  /** Next offset to fetch: behind everything queued or skipped. */
  #fetchNext: number;
  /** Some batch must be sent again; nothing new goes out until all of those are stored. */
  #resending = false;
  /** All answers of before the refusal are in, so repeats may go out, in order. */
  #resendOpen = false;
  /** A gap is being written down: what lies behind it waits. */
  #declaring = false;

  constructor(position: number) {
    this.#settledNext = position;
    this.#fetchNext = position;
  }

  get settledNext(): number {
    return this.#settledNext;
  }

  get fetchNext(): number {
    return this.#fetchNext;
  }

  /** Batches sent and not answered. */
  get unanswered(): number {
    return this.#sent;
  }

  get length(): number {
    return this.#batches.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** True while some batch must be sent again before anything new. */
  get resending(): boolean {
    return this.#resending;
  }

  push(batch: QueuedBatch): void {
    const ahead = batch.gap === undefined ? batch.sourceNext > this.#fetchNext : batch.sourceNext >= this.#fetchNext;
    invariant(ahead, 'a queued batch must lie behind everything fetched so far');
    this.#batches.push(batch);
    this.#bytes += batch.bytes;
    this.#fetchNext = batch.sourceNext;
  }

  /** Source offsets before `next` hold nothing to copy (control, aborted, emptied batches): settled with the batch before them. */
  skipTo(next: number): void {
    if (next <= this.#fetchNext) return;
    this.#fetchNext = next;
    const last = this.#batches.at(-1);
    if (last === undefined) this.#settledNext = next;
    else last.sourceNext = next;
  }

  /**
   * The batch to send now, or undefined: none, the window is full, or answers are awaited before a resend may begin. A gap comes when
   * everything before it has its answer, and holds back what is behind it.
   */
  next(window: number): QueuedBatch | undefined {
    if (this.#declaring || this.#sent >= window || (this.#resending && !this.#resendOpen)) return undefined;
    // At most `window` batches before the first queued one are sent or acknowledged: the search is short.
    const batch = this.#batches.find((candidate) => candidate.state === 'queued');
    if (batch !== undefined && isWrittenDown(batch) && this.#sent > 0) return undefined;
    return batch !== undefined && this.#resending && !batch.resend ? undefined : batch;
  }

  /** `first` and what was never sent behind it, at most `limit` batches. */
  waitingFrom(first: QueuedBatch, limit: number): readonly QueuedBatch[] {
    const at = this.#batches.indexOf(first);
    const end = Math.min(this.#batches.length, at + limit);
    let next = at;
    while (next < end && isPlain(this.#batches[next] as QueuedBatch)) next += 1;
    return this.#batches.slice(at, next);
  }

  /** `merged` takes the place of `count` waiting batches from `first` on; gives those, no longer in the queue. */
  replace(first: QueuedBatch, count: number, merged: QueuedBatch): readonly QueuedBatch[] {
    const replaced = this.#batches.splice(this.#batches.indexOf(first), count, merged);
    invariant(replaced.at(-1)?.sourceNext === merged.sourceNext, 'a merged batch must end where its parts did');
    this.#bytes += merged.bytes - replaced.reduce((sum, batch) => sum + batch.bytes, 0);
    return replaced;
  }

  /** True when an older batch was refused or is in doubt and waits to be sent again: an out-of-sequence answer is then no surprise. */
  behindRefused(batch: QueuedBatch): boolean {
    for (const older of this.#batches) {
      if (older === batch) return false;
      if (older.resend && older.state === 'queued') return true;
    }
    return false;
  }

  markSent(batch: QueuedBatch): void {
    invariant(batch.state === 'queued', 'only a queued batch is sent');
    batch.state = 'sent';
    this.#sent += 1;
    if (isWrittenDown(batch)) this.#declaring = true;
  }

  /** The batch was stored (now or earlier). Gives what that settles, oldest first; empty while an older batch is open. */
  ack(batch: QueuedBatch, targetBase: number): Settled {
    invariant(batch.state === 'sent', 'only a sent batch is acknowledged');
    batch.targetBase = targetBase;
    batch.state = 'acked';
    batch.resend = false;
    this.#answered();
    return this.#settle();
  }

  /**
   * Refused in a way that a later send of the same bytes may cure, or the answer never came.
   * @param doubtAtMs where it may be stored all the same
   */
  requeue(batch: QueuedBatch, doubtAtMs?: number): void {
    invariant(batch.state === 'sent', 'only a sent batch is requeued');
    if (doubtAtMs !== undefined) batch.doubtSinceMs ??= doubtAtMs;
    batch.state = 'queued';
    batch.resend = true;
    this.#resending = true;
    this.#resendOpen = false;
    this.#answered();
  }

  /** A gap, or what goes elsewhere, that could not be written down: nothing of the batch is in doubt. */
  postpone(batch: QueuedBatch): void {
    invariant(batch.state === 'sent' && isWrittenDown(batch), 'only what is being written down is postponed');
    batch.state = 'queued';
    this.#answered();
  }

  /** Drops what was never sent (a drain begins); gives the bytes freed. Batches in doubt stay: they need their answer. */
  dropUnsent(): number {
    const kept = this.#batches.filter((batch) => batch.state !== 'queued' || batch.resend);
    return this.#keep(kept);
  }

  /** Batches that may be stored and have no answer that says so, oldest first. */
  doubts(): readonly QueuedBatch[] {
    return this.#batches.filter((batch) => batch.doubtSinceMs !== undefined && batch.state !== 'acked');
  }

  /** The oldest batch that is not acknowledged. */
  get oldest(): QueuedBatch | undefined {
    return this.#batches.find((batch) => batch.state !== 'acked');
  }

  /** Drops everything, whatever its state; gives the bytes freed. Answers still on their way must be ignored by the caller. */
  dropAll(): number {
    this.#sent = 0;
    this.#declaring = false;
    this.#resending = false;
    this.#resendOpen = false;
    return this.#keep([]);
  }

  /** True when every batch has its final answer. */
  get drained(): boolean {
    return this.#batches.length === 0;
  }

  #answered(): void {
    this.#sent -= 1;
    // While something is written down nothing else is under way.
    this.#declaring = false;
    if (this.#sent === 0) this.#resendOpen = this.#resending;
  }

  #settle(): Settled {
    let settled = 0;
    while (this.#batches[settled]?.state === 'acked') settled += 1;
    const batches = settled === 0 ? [] : this.#batches.splice(0, settled);
    for (const batch of batches) {
      this.#bytes -= batch.bytes;
      batch.body?.release();
    }
    const last = batches.at(-1);
    if (last !== undefined) this.#settledNext = last.sourceNext;
    if (this.#resending && !this.#batches.some((batch) => batch.resend)) this.#resending = false;
    return { batches, sourceNext: this.#settledNext };
  }

  #keep(kept: QueuedBatch[]): number {
    const before = this.#bytes;
    this.#batches = kept;
    this.#bytes = kept.reduce((sum, batch) => sum + batch.bytes, 0);
    this.#fetchNext = kept.at(-1)?.sourceNext ?? this.#settledNext;
    return before - this.#bytes;
  }
}

/** Something has to be stored elsewhere before anything of it, or behind it, is sent. */
function isWrittenDown({ gap, asides }: QueuedBatch): boolean {
  return gap !== undefined || asides?.isWritten === false;
}

/** Never sent, and nothing but its records. */
function isPlain({ state, image, asides }: QueuedBatch): boolean {
  return state === 'queued' && image === undefined && asides === undefined;
}
