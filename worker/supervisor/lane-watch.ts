import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeLane } from '../../common/coordination/records/worker.js';
import { LANES, lanePath } from '../../common/coordination/znodes.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';

/** Watches are hints; this is how late a lost one is noticed. */
const INTERVAL_MS = 5_000;
/**
 * A leader marks a lane before it removes its node, and fences it in between. A node that goes without that may be one of many: by then
 * it has come out whether the store is being wiped.
 */
const MISSING_MS = 10_000;

export interface LaneWatchDeps {
  readonly store: CoordinationStore;
  /** One of our lanes is marked `fencing`, or its node is gone: this incarnation never gets work again (exactly-once.md 5.1). */
  readonly condemned: (transactionalId: string) => void;
  /** The store is the fleet's, and whole: what is gone from it was taken away. */
  readonly isWhole: () => Promise<boolean>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Notices that the leader gave this incarnation up although it lives: it must end and begin anew, or it would sit idle for ever. */
export class LaneWatch implements Closable {
  readonly #deps: LaneWatchDeps;
  readonly #lanes = new Set<string>();
  /** Monotonic ms since when a node is gone. */
  readonly #missingSince = new Map<string, number>();
  readonly #unsubscribe: () => void;
  #timer: Timer | undefined;
  #checking: Promise<void> | undefined;
  #closed = false;

  constructor(deps: LaneWatchDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.store.watch(LANES, () => this.#check());
    this.#schedule();
  }

  /** Its node is written, and its incarnation registered in the session that followed. */
  add(transactionalId: string): void {
    this.#lanes.add(transactionalId);
  }

  /**
   * Every lane is registered, and nobody has begun to fence one. Not so without a lane: the leader may have given the incarnation up without
   * having anything to mark, and it has written nothing that would be lost by beginning anew. @throws when the store does not answer
   */
  async intact(): Promise<boolean> {
    if (this.#lanes.size === 0) return false;
    // A server that lags behind may still show what the leader has fenced and removed (exactly-once.md 7.4).
    await this.#deps.store.sync();
    for (const transactionalId of this.#lanes) {
      const path = lanePath(transactionalId);
      const node = await this.#deps.store.get(path);
      if (node === undefined || decodeLane(node.data, path).state !== 'active') return false;
    }
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#unsubscribe();
    await this.#checking;
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(INTERVAL_MS, () => {
      this.#check();
      if (!this.#closed) this.#schedule();
    });
  }

  #check(): void {
    if (this.#closed || this.#checking !== undefined || this.#lanes.size === 0) return;
    this.#checking = this.#look()
      // Nobody to ask at the moment: the timer comes back.
      .catch((error: unknown) => this.#deps.logger.debug('lane.watch-failed', { err: error }))
      .finally(() => {
        this.#checking = undefined;
      });
  }

  async #look(): Promise<void> {
    for (const transactionalId of this.#lanes) {
      const path = lanePath(transactionalId);
      const node = await this.#deps.store.get(path);
      if (this.#closed) return;
      if (node === undefined) {
        if (await this.#isTakenAway(transactionalId)) return this.#deps.condemned(transactionalId);
        continue;
      }
      this.#missingSince.delete(transactionalId);
      if (decodeLane(node.data, path).state === 'active') continue;
      return this.#deps.condemned(transactionalId);
    }
  }

  async #isTakenAway(transactionalId: string): Promise<boolean> {
    const nowMs = this.#deps.clock.monotonicMs();
    const sinceMs = this.#missingSince.get(transactionalId) ?? nowMs;
    this.#missingSince.set(transactionalId, sinceMs);
    if (nowMs - sinceMs < MISSING_MS) return false;
    return (await this.#deps.isWhole()) && !this.#closed;
  }
}
