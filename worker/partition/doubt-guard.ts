import { isForgettable, whyNoRepeat } from '../core/doubt.js';
import type { QueuedBatch } from '../core/partition-queue.js';
import type { MirroredPartition } from './mirrored-partition.js';
import type { OutletDeps } from './outlet-deps.js';

/** Exactly once: what may be sent into one partition although the target may have forgotten who wrote there last, or never tell. */
export class DoubtGuard {
  readonly #partition: MirroredPartition;
  readonly #deps: Pick<OutletDeps, 'clock' | 'exactTarget'>;
  /** Newest record of the batch sent last. */
  #lastSentTimestampMs = -1;

  constructor(partition: MirroredPartition, deps: Pick<OutletDeps, 'clock' | 'exactTarget'>) {
    this.#partition = partition;
    this.#deps = deps;
  }

  sent({ maxTimestampMs }: QueuedBatch): void {
    this.#lastSentTimestampMs = maxTimestampMs;
  }

  /** Why the batch, which may be stored already, must not be sent again (exactly-once.md 3.3); undefined: it may. */
  whyNoRepeat({ resend }: QueuedBatch, nowMs: number): string | undefined {
    return resend ? whyNoRepeat(this.#partition.queue.doubts(), this.#terms(nowMs)) : undefined;
  }

  /**
   * Until the lane is known to be alive; and one at a time where the target may not know the producer by its last batch
   * (exactly-once.md 2.6, 3.2).
   */
  mustWait({ maxTimestampMs }: QueuedBatch, nowMs: number): boolean {
    const { queue, lane, lastTimestampMs } = this.#partition;
    if (lane !== undefined && !this.#deps.exactTarget(this.#partition).confirms(lane, nowMs)) return true;
    if (queue.unanswered === 0) return false;
    const terms = this.#terms(nowMs);
    const stamps = [maxTimestampMs, this.#lastSentTimestampMs, lastTimestampMs];
    return stamps.some((stampMs) => isForgettable(stampMs, terms));
  }

  #terms(nowMs: number): Parameters<typeof whyNoRepeat>[1] {
    const { clock, exactTarget } = this.#deps;
    const { forgetsAfterMs } = exactTarget(this.#partition);
    return { nowMs, wallMs: clock.wallMs(), forgetsAfterMs };
  }
}
