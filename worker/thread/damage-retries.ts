import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { MirroredPartition, Reason } from '../partition/mirrored-partition.js';
import type { PartitionPort } from '../partition/port.js';

const LOOK_INTERVAL_MS = 5_000;
/** A damaged batch is looked at again after this, then after twice as long, and so on. */
const FIRST_RETRY_MS = 60_000;
const MAX_RETRY_MS = 900_000;

export interface DamageRetriesDeps {
  readonly held: { values(): Iterable<{ readonly partition: MirroredPartition }> };
  readonly port: Pick<PartitionPort, 'restart'>;
  readonly clock: Clock;
}

interface Damage {
  /** Where the partition stands. */
  readonly offset: number;
  reason: Reason;
  pausedMs: number;
  retries: number;
}

/**
 * Lets partitions that paused at a damaged batch try again, more and more seldom: another replica may lead by now and have it whole, and
 * what damaged it on its way may be mended. An operator's pause stays one.
 */
export class DamageRetries {
  readonly #deps: DamageRetriesDeps;
  readonly #damages = new WeakMap<MirroredPartition, Damage>();
  #timer: Timer | undefined;

  constructor(deps: DamageRetriesDeps) {
    this.#deps = deps;
    this.#schedule();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(LOOK_INTERVAL_MS, () => {
      this.#schedule();
      const nowMs = this.#deps.clock.monotonicMs();
      for (const { partition } of [...this.#deps.held.values()]) this.#look(partition, nowMs);
    });
  }

  #look(partition: MirroredPartition, nowMs: number): void {
    const { phase, reason, queue, item } = partition;
    if (phase !== 'paused' || reason?.code !== 'BATCH_CORRUPT' || item.paused) return;
    const known = this.#damages.get(partition);
    const offset = queue.settledNext;
    if (known?.offset !== offset) {
      this.#damages.set(partition, { offset, reason, pausedMs: nowMs, retries: 0 });
      return;
    }
    if (known.reason !== reason) {
      known.reason = reason;
      known.pausedMs = nowMs;
    }
    if (nowMs - known.pausedMs < Math.min(FIRST_RETRY_MS * 2 ** known.retries, MAX_RETRY_MS)) return;
    known.retries += 1;
    this.#deps.port.restart(partition, reason);
  }
}
