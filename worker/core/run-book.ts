import { FIRST_OF_TIMELINE, type MapChain, type MapEntry, type MapLink } from '../../common/model/offset-map-record.js';
import type { QueuedBatch } from './partition-queue.js';

/** From so many closed runs on they are to be written down at once: a log with a hole at every other record has thousands in a second. */
export const CROWDED_RUNS = 8_192;
/** What is kept where they cannot be written (4 MB); beyond that the older half becomes one stretch of which nothing is known. */
export const MAX_CLOSED_RUNS = 131_072;

/** Numbers of one entry: source, target, length, and the length at the target; -1 - that where the stretch is lost. */
const STRIDE = 4;
const NO_ENTRIES: readonly MapEntry[] = [];

/** Where an open run begins; `length` offsets of it are settled. */
export interface OpenRun {
  readonly source: number;
  readonly target: number;
  readonly length: number;
}

/**
 * The offset map of one partition as far as it is not in the map topic: the run that is open, and those that were closed since something was
 * last written down (exactly-once.md 8.1). Pure. Runs come from acknowledged base offsets alone.
 */
export class RunBook {
  /** What lies before the first closed run, or before the open one where none is. */
  #link: MapLink = FIRST_OF_TIMELINE;
  #closed: number[] = [];
  #source = 0;
  #target = 0;
  #length = 0;
  #life = 0;

  /**
   * Begins anew: what a former owner, or a walk, left behind, and the pair from which on it is copied. Where the history's predecessor is
   * known here alone, because a pair was committed before its runs could be written, that stays and is written with the rest.
   */
  begin(history: MapChain, open: OpenRun): void {
    this.#life += 1;
    const kept = this.#countUpTo(history.link);
    if (kept === 0) this.#link = history.link;
    this.#closed = this.#closed.slice(0, kept * STRIDE);
    for (const entry of history.entries) this.#push(entry);
    this.#source = open.source;
    this.#target = open.target;
    this.#length = open.length;
  }

  get openSource(): number {
    return this.#source;
  }

  get openTarget(): number {
    return this.#target;
  }

  get openLength(): number {
    return this.#length;
  }

  /** How many runs are closed and not written down. */
  get size(): number {
    return this.#closed.length / STRIDE;
  }

  /** Grows with each `begin`: what was written for an earlier life must not be taken for this one's. */
  get life(): number {
    return this.#life;
  }

  /** A batch was stored from `targetBase` on. The hot path: one comparison where nothing was skipped. */
  stored({ sourceFirst, sourceOffsets, recordCount }: StoredBatch, targetBase: number): void {
    if (sourceOffsets === null || sourceOffsets.length === 0) {
      this.#add(sourceFirst, targetBase, recordCount);
      return;
    }
    let first = 0;
    for (let i = 1; i <= sourceOffsets.length; i += 1) {
      if (i < sourceOffsets.length && sourceOffsets[i] === (sourceOffsets[i - 1] as number) + 1) continue;
      this.#add(sourceOffsets[first] as number, targetBase + first, i - first);
      first = i;
    }
  }

  /** A batch was stored somewhere, perhaps at `targetBase`. */
  storedSomewhere(
    { sourceFirst, sourceNext, recordCount }: StoredBatch & { readonly sourceNext: number },
    targetBase: number,
  ): void {
    this.#close();
    const length = sourceNext - sourceFirst;
    this.#push({ source: sourceFirst, target: targetBase, length, targetLength: recordCount, lost: true });
    this.#source = sourceNext;
    this.#target = targetBase + recordCount;
    this.#length = 0;
  }

  /** The closed runs, oldest first. @param limit at most so many */
  history(limit = MAX_CLOSED_RUNS): MapChain {
    const count = Math.min(this.size, limit);
    return {
      link: this.#link,
      entries: count === 0 ? NO_ENTRIES : Array.from({ length: count }, (_, i) => this.#at(i)),
    };
  }

  /** What lies before the open run, whatever is closed and not written down. */
  get linkBefore(): MapLink {
    return this.size === 0 ? this.#link : this.#endOf(this.size - 1);
  }

  /** All of it, what is open as the last one: it ends here, or is written down although it grows on. */
  whole(): MapChain {
    const { link, entries } = this.history();
    return this.#isWorthKeeping ? { link, entries: [...entries, this.#open] } : { link, entries };
  }

  /** What is known ends here, and copying goes on at another pair: nobody can tell what lies between where. */
  lose(to: { readonly source: number; readonly target: number }): void {
    this.#close();
    const source = this.#source + this.#length;
    const target = this.#target + this.#length;
    const [length, targetLength] = [to.source - source, to.target - target];
    if (length > 0 && targetLength >= 0) this.#push({ source, target, length, targetLength, lost: true });
    this.#source = to.source;
    this.#target = to.target;
    this.#length = 0;
  }

  /** Nobody will write them: but for the newest so many they become one stretch of which nothing is known. */
  shed(keep: number): void {
    if (this.size > keep + 1) this.#collapse(this.size - keep);
  }

  /** What was closed up to this target offset is written down; of an earlier life it changes nothing. */
  written(life: number, targetEnd: number): void {
    if (life !== this.#life) return;
    let count = 0;
    while (count < this.size && this.#endOf(count) <= targetEnd) count += 1;
    if (count === 0) return;
    this.#link = this.#endOf(count - 1);
    this.#closed = this.#closed.slice(count * STRIDE);
  }

  #add(source: number, target: number, count: number): void {
    const length = this.#length;
    if (source === this.#source + length && target === this.#target + length) {
      this.#length = length + count;
      return;
    }
    this.#close();
    this.#source = source;
    this.#target = target;
    this.#length = count;
  }

  get #open(): MapEntry {
    const length = this.#length;
    return { source: this.#source, target: this.#target, length, targetLength: length, lost: false };
  }

  /** An empty one tells something only where copying began. */
  get #isWorthKeeping(): boolean {
    return this.#length > 0 || (this.#link === FIRST_OF_TIMELINE && this.#closed.length === 0);
  }

  #close(): void {
    if (this.#isWorthKeeping) this.#push(this.#open);
  }

  #push({ source, target, length, targetLength, lost }: MapEntry): void {
    if (this.size >= MAX_CLOSED_RUNS) this.#collapse(MAX_CLOSED_RUNS / 2);
    this.#closed.push(source, target, length, lost ? -1 - targetLength : targetLength);
  }

  /** @param count of the oldest, fewer than there are */
  #collapse(count: number): void {
    const first = this.#at(0);
    const next = this.#at(count);
    const length = Math.max(0, next.source - first.source);
    const targetLength = Math.max(0, next.target - first.target);
    this.#closed = this.#closed.slice(count * STRIDE);
    this.#closed.unshift(first.source, first.target, length, -1 - targetLength);
  }

  #at(index: number): MapEntry {
    const at = index * STRIDE;
    const [source, target, length, end] = this.#closed.slice(at, at + STRIDE) as [number, number, number, number];
    return end < 0
      ? { source, target, length, targetLength: -1 - end, lost: true }
      : { source, target, length, targetLength: end, lost: false };
  }

  /** How many of the closed runs lie before what follows that link; 0 where none of them ends there. */
  #countUpTo(link: MapLink): number {
    if (link === this.#link) return 0;
    let count = this.size;
    while (count > 0 && this.#endOf(count - 1) > link) count -= 1;
    return count > 0 && this.#endOf(count - 1) === link ? count : 0;
  }

  #endOf(index: number): number {
    const at = index * STRIDE;
    const end = this.#closed[at + 3] as number;
    return (this.#closed[at + 1] as number) + (end < 0 ? -1 - end : end);
  }
}

type StoredBatch = Pick<QueuedBatch, 'sourceFirst' | 'sourceOffsets' | 'recordCount'>;
