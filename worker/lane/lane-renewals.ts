import type { FencingClient } from '../../common/kafka/fencing/fencing-client.js';
import { renewLane } from '../../common/kafka/fencing/renew-lane.js';
import { heartbeatTopic } from '../../common/model/heartbeat.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import type { Lane } from './lane.js';

/** Well below any sensible `transactional.id.expiration.ms` (7 days unless told otherwise). */
export const LANE_RENEWAL_INTERVAL_MS = 3_600_000;
const RETRY = { initialMs: 5_000, maxMs: 300_000 } as const;

export interface LaneRenewalsDeps {
  readonly client: FencingClient;
  readonly fleet: string;
  readonly intervalMs: number;
  readonly lanes: () => readonly Lane[];
  /** A lane stops when it was not known to be alive for so long: a day later its fence, if there was one, may be forgotten. */
  readonly maxUnconfirmedMs: () => number;
  /** One that had stopped is alive. */
  readonly revived: (lane: Lane) => void;
  /** False while no lane here needs its id to be remembered, and once the session's lease has ended. */
  readonly isDue: () => boolean;
  /** The target has fenced or forgotten the lane: this incarnation must end (exactly-once.md 2.5). */
  readonly dead: (lane: Lane) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Keeps one target's coordinators from forgetting the lanes of one thread (exactly-once.md 2.6): an id that is forgotten cannot be fenced
 * any more, however much its lane writes.
 */
export class LaneRenewals implements Closable {
  readonly #deps: LaneRenewalsDeps;
  readonly #stop = new AbortController();
  #hurry = new AbortController();
  /** Lanes whose last renewal failed. */
  readonly #failing = new Set<Lane>();
  readonly #running: Promise<void>;

  constructor(deps: LaneRenewalsDeps) {
    this.#deps = deps;
    this.#running = this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) deps.logger.error('lane.renewals-stopped', { err: error });
    });
  }

  /** Whether the lane may write (exactly-once.md 2.6). One that may not is asked about at once. */
  confirms(lane: Lane, nowMs: number): boolean {
    if (nowMs - lane.confirmedMs < this.#deps.maxUnconfirmedMs()) return true;
    if (!lane.retired) this.#hurry.abort();
    return false;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, intervalMs } = this.#deps;
    const { signal } = this.#stop;
    let roundMs = clock.monotonicMs();
    while (!signal.aborted) {
      const hurry = AbortSignal.any([signal, this.#hurry.signal]);
      await clock.sleep(Math.max(0, roundMs + intervalMs - clock.monotonicMs()), hurry);
      if (this.#hurry.signal.aborted) this.#hurry = new AbortController();
      roundMs = clock.monotonicMs();
      await this.#round(roundMs + intervalMs);
    }
  }

  /** Renews every lane in use once; those that fail again and again until the next round begins. */
  async #round(untilMs: number): Promise<void> {
    const { lanes, clock, random } = this.#deps;
    const { signal } = this.#stop;
    let open = lanes();
    for (let attempt = 0; !signal.aborted && clock.monotonicMs() < untilMs; attempt += 1) {
      if (attempt > 0) await clock.sleep(backoffMs(attempt - 1, RETRY, random), signal);
      const failed: Lane[] = [];
      for (const lane of open) {
        if (!(await this.#renew(lane))) failed.push(lane);
      }
      open = failed;
      if (open.length === 0) break;
    }
    for (const lane of this.#failing) if (lane.dead) this.#failing.delete(lane);
  }

  /** @returns false when it has to be tried again */
  async #renew(lane: Lane): Promise<boolean> {
    const { client, fleet, isDue, dead, revived, maxUnconfirmedMs, clock, logger } = this.#deps;
    const { signal } = this.#stop;
    if (lane.dead || lane.retired || signal.aborted || !isDue()) return true;
    const place = { lane: lane.record.transactionalId, target: lane.record.target };
    const sinceMs = clock.monotonicMs();
    const isOverdue = (): boolean => clock.monotonicMs() - lane.confirmedMs >= maxUnconfirmedMs();
    const wasOverdue = isOverdue();
    try {
      const heartbeat = { topic: heartbeatTopic(fleet), partition: 0 };
      const renewal = await renewLane({ client, lane: lane.record, heartbeat, signal });
      if (renewal.kind === 'dead') {
        logger.warn('lane.not-renewed', { ...place, kafkaCode: renewal.errorCode });
        if (!lane.dead) dead(lane);
      } else {
        if (this.#failing.has(lane)) logger.info('lane.renewed', place);
        lane.confirmed(sinceMs);
        if (wasOverdue) revived(lane);
      }
      this.#failing.delete(lane);
      return true;
    } catch (error) {
      if (signal.aborted) return true;
      if (!this.#failing.has(lane)) logger.warn('lane.renewal-failed', { ...place, err: error });
      this.#failing.add(lane);
      if (!isOverdue()) return false;
      logger.error('lane.unconfirmed', { ...place, limitMs: maxUnconfirmedMs() });
      if (!lane.dead) dead(lane);
      return true;
    }
  }
}
