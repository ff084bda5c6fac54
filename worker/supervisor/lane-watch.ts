import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeLane } from '../../common/coordination/records/worker.js';
import { LANES, lanePath } from '../../common/coordination/znodes.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';

/** Watches are hints; this is how late a lost one is noticed. */
const INTERVAL_MS = 5_000;

export interface LaneWatchDeps {
  readonly store: CoordinationStore;
  /** One of our lanes is marked `fencing`, or its node is gone: this incarnation never gets work again (exactly-once.md 5.1). */
  readonly condemned: (transactionalId: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Notices that the leader gave this incarnation up although it lives: it must end and begin anew, or it would sit idle for ever. */
export class LaneWatch implements Closable {
  readonly #deps: LaneWatchDeps;
  readonly #lanes = new Set<string>();
  readonly #unsubscribe: () => void;
  #timer: Timer | undefined;
  #checking: Promise<void> | undefined;
  #closed = false;

  constructor(deps: LaneWatchDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.store.watch(LANES, () => this.#check());
    this.#schedule();
  }

  /** Its node is written. */
  add(transactionalId: string): void {
    this.#lanes.add(transactionalId);
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
      if (node !== undefined && decodeLane(node.data, path).state === 'active') continue;
      this.#deps.condemned(transactionalId);
      return;
    }
  }
}
