import type { GapReason } from '../../common/model/gap.js';

/** Kafka's default of max.message.bytes: the likeliest limit of a target that refuses something larger. */
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;
/** A learned limit is forgotten after this long: the target's setting may have been raised. */
const LIMIT_LIFETIME_MS = 600_000;
/** A partition with more refused records than this in front of it has another problem than single records. */
export const MAX_REFUSED_AHEAD = 100_000;

export interface Refusal {
  readonly reason: GapReason;
  readonly detail: string;
}

const INHERITED: Refusal = { reason: 'invalid', detail: 'left out by the owner before' };

/** A record that the target refuses. */
export interface RefusedRecord {
  readonly offset: number;
  readonly refusal: Refusal;
  /** Its gap is written down at the target. */
  readonly declared: boolean;
}

/**
 * What a partition's target taught us about batches: how large they may be, and which records it will never take. Knowledge, not state:
 * losing it costs a refusal, and what is read again is shaped by it (exactly-once.md 6.5).
 */
export class Shaping {
  #maxBatchBytes = Number.POSITIVE_INFINITY;
  #limitUntilMs = Number.POSITIVE_INFINITY;
  /** A stretch whose batches are taken apart to find the record to blame. */
  #search: { readonly untilOffset: number; readonly maxBytes: number } | undefined;
  readonly #refused = new Map<number, Refusal>();
  readonly #declared = new Set<number>();
  /** Set when the target does not know the source's codec. */
  codec: 'gzip' | undefined;

  /** Bytes of the largest batch to send of what begins at `firstOffset`: also where only its beginning is searched. */
  maxBatchBytes(firstOffset: number, nowMs: number): number {
    if (nowMs >= this.#limitUntilMs) this.#maxBatchBytes = Number.POSITIVE_INFINITY;
    const search = this.#search;
    if (search === undefined) return this.#maxBatchBytes;
    if (firstOffset <= search.untilOffset) return Math.min(this.#maxBatchBytes, search.maxBytes);
    return this.#maxBatchBytes;
  }

  /** A batch of several records was too large. */
  tooLarge(bytes: number, nowMs: number): void {
    this.#maxBatchBytes = bytes > DEFAULT_MAX_MESSAGE_BYTES ? DEFAULT_MAX_MESSAGE_BYTES : Math.floor(bytes / 2);
    this.#limitUntilMs = nowMs + LIMIT_LIFETIME_MS;
  }

  /** A batch was refused for a record that the target did not name: halves of it are tried. */
  search(lastOffset: number, bytes: number): void {
    const untilOffset = Math.max(lastOffset, this.#search?.untilOffset ?? 0);
    this.#search = { untilOffset, maxBytes: Math.floor(bytes / 2) };
  }

  refuse(offset: number, refusal: Refusal): void {
    this.#refused.set(offset, refusal);
  }

  /** The gap of these records is written down: it need not be again when they are read once more. */
  declared(first: number, last: number): void {
    for (const { offset } of this.refusedIn(first, last)) this.#declared.add(offset);
  }

  /** Their gaps went with the transaction they were written in: written down again when they are read once more. */
  undeclare(): void {
    this.#declared.clear();
  }

  /** Left out by an owner before: decided and written down, not to be decided anew (exactly-once.md 6.5). */
  inherit(ranges: readonly { readonly first: number; readonly last: number }[]): void {
    for (const { first, last } of ranges) {
      for (let offset = first; offset <= last; offset++) {
        if (this.#refused.size >= MAX_REFUSED_AHEAD) return;
        this.#refused.set(offset, INHERITED);
        this.#declared.add(offset);
      }
    }
  }

  get refusedCount(): number {
    return this.#refused.size;
  }

  /** True when some record of [first, last] is known to be refused. */
  refusesAny(first: number, last: number): boolean {
    if (this.#refused.size === 0) return false;
    for (const offset of this.#refused.keys()) if (offset >= first && offset <= last) return true;
    return false;
  }

  /** The refused records of [first, last], ascending. */
  refusedIn(first: number, last: number): RefusedRecord[] {
    return [...this.#refused]
      .filter(([offset]) => offset >= first && offset <= last)
      .map(([offset, refusal]) => ({ offset, refusal, declared: this.#declared.has(offset) }))
      .sort((a, b) => a.offset - b.offset);
  }

  /** Everything before `position` is settled: what was learned about single records there is not needed any more. */
  settled(position: number): void {
    if (this.#search !== undefined && this.#search.untilOffset < position) this.#search = undefined;
    if (this.#refused.size === 0) return;
    for (const offset of this.#refused.keys()) {
      if (offset >= position) continue;
      this.#refused.delete(offset);
      this.#declared.delete(offset);
    }
  }
}
