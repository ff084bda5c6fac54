import { CausewayError } from '../../common/errors/error.js';
import type { AssignmentItem } from '../../common/model/assignment.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Route } from '../../common/model/route.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { GoneProbe } from './process-probe.js';

/** Room for a request that was sent at the last moment to reach the broker and be answered. */
export const FENCE_MARGIN_MS = 1_000;

export interface FenceRequest {
  /** Marked `fencing` in the store already: the point of no return (exactly-once.md 5.1). */
  readonly lane: LaneRecord;
  /** Everything the lane may have written. */
  readonly items: readonly AssignmentItem[];
  /** Those the items name, as they stood when the lane's owner was last told. */
  readonly routes: readonly Route[];
  /** Monotonic ms since when its owner has been silent; undefined when it was heard of just now. */
  readonly silentSinceMs: number | undefined;
  /** A later incarnation of the same worker is registered: a process registers that only when the one before writes no more. */
  readonly isReplaced: boolean;
}

/** Makes sure that nothing is written through a lane any more. */
export interface Fencer {
  /** Resolves when that is certain; rejects when the signal aborts. A failure is retried by the caller. */
  fence(request: FenceRequest, signal: AbortSignal): Promise<void>;
  /** The reign is over: gives back what it holds open. */
  release?(): Promise<void>;
}

/** How often a waiting fencer looks whether the owner's process is gone for certain. */
const PROBE_INTERVAL_MS = 500;

export interface WaitingFencerOptions {
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly clock: Clock;
  readonly isGone: GoneProbe;
}

/**
 * At-least-once: a worker stops producing when its session ends, so what it sent before has met its end one request timeout later,
 * counted on the monotonic clock (exactly-once.md section 1). Where its process is gone for certain, so are its sockets, and only what
 * was on the wire remains. Not safe against a process that was stopped and goes on later.
 */
export class WaitingFencer implements Fencer {
  readonly #options: WaitingFencerOptions;

  constructor(options: WaitingFencerOptions) {
    this.#options = options;
  }

  async fence({ lane, silentSinceMs, isReplaced }: FenceRequest, signal: AbortSignal): Promise<void> {
    const { clock, isGone } = this.#options;
    const sinceMs = silentSinceMs ?? clock.monotonicMs();
    const soonestMs = sinceMs + FENCE_MARGIN_MS;
    const untilMs = isReplaced ? soonestMs : soonestMs + this.#requestTimeoutMs(lane.target);
    for (let nowMs = clock.monotonicMs(); nowMs < untilMs && !signal.aborted; nowMs = clock.monotonicMs()) {
      if (nowMs >= soonestMs && (await isGone(lane.http))) break;
      await clock.sleep(Math.min(untilMs - nowMs, Math.max(soonestMs - nowMs, PROBE_INTERVAL_MS)), signal);
    }
    if (signal.aborted) throw new CausewayError('SHUTTING_DOWN', 'the reign is over');
  }

  /** A target that is not configured here any more may have had the longest timeout of all. */
  #requestTimeoutMs(target: string): number {
    const { clusters } = this.#options;
    const known = clusters.get(target);
    if (known !== undefined) return known.requestTimeoutMs;
    return Math.max(0, ...[...clusters.values()].map((cluster) => cluster.requestTimeoutMs));
  }
}
