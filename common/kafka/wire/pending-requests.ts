import type { CausewayError } from '../../errors/error.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import type { ApiKey } from './api-keys.js';
import type { BufferPool } from './buffer-pool.js';

/** A request that was sent and is not answered yet. */
export interface PendingRequest {
  readonly correlationId: number;
  readonly api: ApiKey;
  /** The response's header ends with tagged fields. */
  readonly taggedHeader: boolean;
  /** Where the response's buffer comes from, if not from the heap. */
  readonly pool: BufferPool | undefined;
  readonly timeoutMs: number;
  /** Monotonic; set by `add`. */
  deadlineMs: number;
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: CausewayError) => void;
}

/**
 * The outstanding requests of one connection in the order they were sent, watched by a single timer: it is set for the earliest
 * deadline and, when it fires, either finds that request overdue or moves on. Answered requests never touch it.
 */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #onTimeout: (api: ApiKey, timeoutMs: number) => void;
  readonly #queue: PendingRequest[] = [];
  #timer: Timer | undefined;
  #timerDeadlineMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, onTimeout: (api: ApiKey, timeoutMs: number) => void) {
    this.#clock = clock;
    this.#onTimeout = onTimeout;
  }

  get size(): number {
    return this.#queue.length;
  }

  add(request: PendingRequest): void {
    const deadlineMs = this.#clock.monotonicMs() + request.timeoutMs;
    request.deadlineMs = deadlineMs;
    this.#queue.push(request);
    if (deadlineMs < this.#timerDeadlineMs) this.#arm(deadlineMs);
  }

  get oldest(): PendingRequest | undefined {
    return this.#queue[0];
  }

  /** The oldest one: the only one that the next response can belong to. */
  take(): PendingRequest | undefined {
    return this.#queue.shift();
  }

  /** All that are outstanding may take this much longer. */
  extend(byMs: number): void {
    // The timer finds nobody overdue when it fires, and moves on.
    for (const entry of this.#queue) entry.deadlineMs += byMs;
  }

  failAll(error: CausewayError): void {
    this.#disarm();
    for (const entry of this.#queue.splice(0)) entry.reject(error);
  }

  #arm(deadlineMs: number): void {
    this.#timer?.cancel();
    this.#timerDeadlineMs = deadlineMs;
    this.#timer = this.#clock.after(deadlineMs - this.#clock.monotonicMs(), () => this.#check());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerDeadlineMs = Number.POSITIVE_INFINITY;
  }

  #check(): void {
    this.#disarm();
    const nowMs = this.#clock.monotonicMs();
    let earliest: PendingRequest | undefined;
    for (const entry of this.#queue) {
      if (earliest === undefined || entry.deadlineMs < earliest.deadlineMs) earliest = entry;
    }
    if (earliest === undefined) return;
    if (earliest.deadlineMs <= nowMs) this.#onTimeout(earliest.api, earliest.timeoutMs);
    else this.#arm(earliest.deadlineMs);
  }
}
