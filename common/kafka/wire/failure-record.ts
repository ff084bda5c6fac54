import { backoffMs } from '../../runtime/backoff.js';
import type { Clock } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';

/** Between attempts to reach the same broker. */
const RECONNECT_BACKOFF = { initialMs: 50, maxMs: 2_000 } as const;

interface Failure {
  readonly count: number;
  readonly atMs: number;
  readonly notBeforeMs: number;
}

/** Remembers who could not be reached, so that the next attempt waits longer, or goes elsewhere first. */
export class FailureRecord<Key> {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #failures = new Map<Key, Failure>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  failed(key: Key): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    const atMs = this.#clock.monotonicMs();
    this.#failures.set(key, { count, atMs, notBeforeMs: atMs + backoffMs(count - 1, RECONNECT_BACKOFF, this.#random) });
  }

  succeeded(key: Key): void {
    this.#failures.delete(key);
  }

  has(key: Key): boolean {
    return this.#failures.has(key);
  }

  /** When it failed last; 0 if it never did since it last succeeded. */
  failedAtMs(key: Key): number {
    return this.#failures.get(key)?.atMs ?? 0;
  }

  /** Resolves when the next attempt is due. */
  async due(key: Key, signal: AbortSignal): Promise<void> {
    const waitMs = (this.#failures.get(key)?.notBeforeMs ?? 0) - this.#clock.monotonicMs();
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }
}
