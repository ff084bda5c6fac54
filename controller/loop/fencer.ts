import { CausewayError } from '../../common/errors/error.js';
import type { AssignmentItem } from '../../common/model/assignment.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { Clock } from '../../common/runtime/clock.js';

/** Room for a request that was sent at the last moment to reach the broker and be answered. */
export const FENCE_MARGIN_MS = 1_000;

export interface FenceRequest {
  /** Marked `fencing` in the store already: the point of no return (exactly-once.md 5.1). */
  readonly lane: LaneRecord;
  /** Everything the lane may have written. */
  readonly items: readonly AssignmentItem[];
  /** Monotonic ms since when its owner has been silent; undefined when it was heard of just now. */
  readonly silentSinceMs: number | undefined;
}

/** Makes sure that nothing is written through a lane any more. */
export interface Fencer {
  /** Resolves when that is certain; rejects when the signal aborts. A failure is retried by the caller. */
  fence(request: FenceRequest, signal: AbortSignal): Promise<void>;
}

/**
 * At-least-once: a worker stops producing when its session ends, so what it sent before has met its end one request timeout later,
 * counted on the monotonic clock (exactly-once.md section 1). Not safe against a process that was stopped and goes on later.
 */
export class WaitingFencer implements Fencer {
  readonly #clusters: ReadonlyMap<string, ClusterConnection>;
  readonly #clock: Clock;

  constructor(clusters: ReadonlyMap<string, ClusterConnection>, clock: Clock) {
    this.#clusters = clusters;
    this.#clock = clock;
  }

  async fence({ lane, silentSinceMs }: FenceRequest, signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonicMs();
    const until = (silentSinceMs ?? now) + this.#requestTimeoutMs(lane.target) + FENCE_MARGIN_MS;
    if (until > now) await this.#clock.sleep(until - now, signal);
    if (signal.aborted) throw new CausewayError('SHUTTING_DOWN', 'the reign is over');
  }

  /** A target that is not configured here any more may have had the longest timeout of all. */
  #requestTimeoutMs(target: string): number {
    const known = this.#clusters.get(target);
    if (known !== undefined) return known.requestTimeoutMs;
    return Math.max(0, ...[...this.#clusters.values()].map((cluster) => cluster.requestTimeoutMs));
  }
}
