import { invariant } from '../../common/errors/assert.js';
import type { LaneRecord } from '../../common/model/worker.js';

/** After this long without an append the target may have forgotten the producer: back to a window of one (exactly-once.md 3.2). */
const COLD_AFTER_MS = 3_600_000;
/** The broker remembers the last five batches of a producer; more in flight could not be told from strangers. */
export const MAX_IN_FLIGHT_PER_PARTITION = 5;
/** Sequence numbers count records and wrap to 0 after 2^31 - 1 (KIP-98). */
const SEQUENCE_MODULUS = 2 ** 31;

interface SequenceState {
  next: number;
  lastAckMs: number;
}

/**
 * One producer identity at one target cluster. Keeps the sequence numbers of every partition it ever wrote, also while the partition is
 * elsewhere: starting at 0 again would be answered with "stored" and store nothing (exactly-once.md 3.1).
 */
export class Lane {
  readonly record: LaneRecord;
  /** Everything it writes is part of a transaction of its id. */
  readonly transactional: boolean;
  readonly #sequences = new Map<string, SequenceState>();
  readonly #partitions = new Set<string>();
  /** Target partitions in which it is unknown what of its batches is stored, or still may be. */
  readonly #doubts = new Set<string>();
  #dead = false;
  #retired = false;
  #confirmedMs = 0;

  constructor(record: LaneRecord, transactional = false) {
    this.record = record;
    this.transactional = transactional;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Fenced or forgotten by the target: nothing may be sent under it again. */
  markDead(): void {
    this.#dead = true;
  }

  /** Monotonic ms up to which its coordinator surely knew it by this id and epoch. */
  get confirmedMs(): number {
    return this.#confirmedMs;
  }

  confirmed(sinceMs: number): void {
    this.#confirmedMs = Math.max(this.#confirmedMs, sinceMs);
  }

  /** Fenced by ourselves where something was in doubt (exactly-once.md 5.6): it takes no further partition, those it has move on. */
  get retired(): boolean {
    return this.#retired;
  }

  retire(): void {
    this.#retired = true;
  }

  /** Nothing more of it may be sent into the partition before its log there is closed to it (exactly-once.md 3.3, 3.4). */
  doubt(targetKey: string): void {
    this.#doubts.add(targetKey);
  }

  isDoubted(targetKey: string): boolean {
    return this.#doubts.has(targetKey);
  }

  /** Its log there has been closed. */
  closed(targetKey: string): void {
    this.#doubts.delete(targetKey);
  }

  /** Target partitions riding this lane now. */
  get size(): number {
    return this.#partitions.size;
  }

  carries(targetKey: string): boolean {
    return this.#partitions.has(targetKey);
  }

  join(targetKey: string): void {
    this.#partitions.add(targetKey);
  }

  leave(targetKey: string): void {
    this.#partitions.delete(targetKey);
  }

  /** Takes `recordCount` sequence numbers for a batch that is about to be sent for the first time. */
  takeSequence(targetKey: string, recordCount: number): number {
    invariant(!this.#dead, 'a dead lane gives no sequence numbers');
    const state = this.#state(targetKey);
    const first = state.next;
    state.next = (first + recordCount) % SEQUENCE_MODULUS;
    return first;
  }

  /** Gives back a range whose bytes were refused and surely not stored, so that other bytes may take it. */
  rewindSequence(targetKey: string, baseSequence: number): void {
    this.#state(targetKey).next = baseSequence;
  }

  acked(targetKey: string, nowMs: number): void {
    this.#state(targetKey).lastAckMs = nowMs;
  }

  /** How many batches of the partition may be unanswered: one until the target surely knows this producer there. */
  window(targetKey: string, nowMs: number): number {
    const { lastAckMs } = this.#state(targetKey);
    return nowMs - lastAckMs < COLD_AFTER_MS ? MAX_IN_FLIGHT_PER_PARTITION : 1;
  }

  #state(targetKey: string): SequenceState {
    let state = this.#sequences.get(targetKey);
    if (state === undefined) {
      state = { next: 0, lastAckMs: Number.NEGATIVE_INFINITY };
      this.#sequences.set(targetKey, state);
    }
    return state;
  }
}
