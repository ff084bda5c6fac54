import type { CoordinationStore, MultiResult, StoreOp } from '../../common/coordination/ports.js';
import { EPOCH } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import { lifetime } from '../../common/runtime/lifecycle.js';

export interface ReignOptions {
  readonly store: CoordinationStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly epoch: number;
  /** Version of the epoch node as our own election left it. */
  readonly epochVersion: number;
  /** The store session that owns `/leader`. */
  readonly sessionGeneration: number;
}

/**
 * The time between winning and losing the election. All of a leader's writes go through `write`, which checks the epoch node first:
 * whoever was deposed cannot write, however late its request arrives (exactly-once.md 7.5).
 */
export class Reign {
  readonly epoch: number;
  readonly #options: ReignOptions;
  /** Each of the leader's works waits for it in several places. */
  readonly #abort = lifetime();
  readonly #unlisten: () => void;
  #leaseTimer: Timer | undefined;

  constructor(options: ReignOptions) {
    this.#options = options;
    this.epoch = options.epoch;
    this.#unlisten = options.store.onSession(() => this.#onSession());
    this.#onSession();
  }

  /** Aborts when the reign is over. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Applies the operations if this reign still lasts.
   * @returns what each operation gave
   * @throws EPOCH_LOST: another reign began, this one is over. BAD_VERSION, NODE_EXISTS...: nothing was written, read again.
   *   COORDINATION_UNAVAILABLE: unknown whether it was written, read again.
   */
  async write(ops: readonly StoreOp[]): Promise<MultiResult> {
    this.#expectRuling();
    const { store, epochVersion, sessionGeneration } = this.#options;
    const check: StoreOp = { type: 'check', path: EPOCH, version: epochVersion };
    const outcome = await store.multi([check, ...ops], { ephemeralOf: sessionGeneration });
    if (outcome.applied) return outcome.versions.slice(1);
    if (outcome.index === 0) {
      this.#options.metrics.inc('causeway_fenced_writes_total');
      this.end('another controller began a reign');
      throw this.#lost();
    }
    const path = ops[outcome.index - 1]?.path ?? '';
    throw new CausewayError(outcome.code, 'the node is not as it was read', { place: { path } });
  }

  /**
   * Looks whether the store still knows of this reign: one that has nothing to write would never notice.
   * @throws EPOCH_LOST: it does not; the reign is over
   */
  async confirm(): Promise<void> {
    this.#expectRuling();
    const node = await this.#options.store.get(EPOCH);
    if (node?.version === this.#options.epochVersion) return;
    this.end(
      node === undefined ? 'the epoch node is gone' : 'another controller began a reign, or the store is another',
    );
    throw this.#lost();
  }

  end(reason: string): void {
    if (this.signal.aborted) return;
    this.#options.logger.info('leader.ended', { epoch: this.epoch, reason });
    this.#leaseTimer?.cancel();
    this.#unlisten();
    this.#abort.abort();
  }

  #expectRuling(): void {
    this.#onSession();
    if (this.signal.aborted) throw this.#lost();
  }

  #lost(): CausewayError {
    return new CausewayError('EPOCH_LOST', `the reign of epoch ${this.epoch} is over`);
  }

  /** Nobody can take `/leader` from us before the lease ends; after it somebody may have, so we must have stopped (reliability.md A2). */
  #onSession(): void {
    if (this.signal.aborted) return;
    const { store, clock, sessionGeneration } = this.#options;
    const session = store.session();
    this.#leaseTimer?.cancel();
    if (session.state === 'lost' || session.generation !== sessionGeneration) {
      this.end('the coordination session is over');
    } else if (session.state !== 'connected') {
      const leftMs = session.leaseUntilMs - clock.monotonicMs();
      if (leftMs <= 0) this.end('the coordination service has not answered for a session timeout');
      else this.#leaseTimer = clock.after(leftMs, () => this.#onSession());
    }
  }
}
