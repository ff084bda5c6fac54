import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import { Nudge } from '../../common/runtime/nudge.js';
import type { Problem } from '../core/problem.js';
import { hidePlan, type PlanPicture } from './plan-picture.js';
import { Rounds, type RoundsOptions } from './rounds.js';
import type { StoreAlarms } from './store-alarms.js';

/** Hints that come in a burst are taken together. */
const COALESCE_MS = 10;
const RETRY = { initialMs: 50, maxMs: 5_000 } as const;
/** A full read is followed by at least this many times its length without one. */
const FULL_READ_SPACING = 10;
/** Rounds that follow one another at once; more without rest would be a loop that never settles. */
const MAX_BUSY_ROUNDS = 50;

export interface ReconcilerOptions extends Omit<RoundsOptions, 'onNews'> {
  readonly alarms: StoreAlarms;
}

/** Makes the assignments what they should be, for the length of one reign: when to look, how much to read, what a failure means. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #nudge: Nudge;
  readonly #rounds: Rounds;
  /** Rounds that were begun, and the last one that came to its end. */
  #begun = 0;
  #ended = 0;
  readonly #waiting = new Set<() => void>();
  /** Monotonic ms when everything is to be read again. */
  #fullReadDueMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#nudge = new Nudge(options.clock);
    this.#rounds = new Rounds({ ...options, onNews: () => this.hint() });
  }

  get problems(): readonly Problem[] {
    return this.#rounds.problems;
  }

  /** The latest plan; undefined before the first one of the reign. */
  get lastPlan(): PlanPicture | undefined {
    return this.#rounds.lastPlan;
  }

  /** Something may have changed: look soon. */
  hint(): void {
    this.#nudge.wake();
  }

  /**
   * Resolves when a round has ended that began, and read what operators want, after this call: from then on nothing is assigned by what
   * was in the store before.
   * @throws EPOCH_LOST when the reign is over first
   */
  async lookAgain(): Promise<void> {
    const { reign, records } = this.#options;
    records.routes.invalidate();
    records.topics.invalidate();
    const due = this.#begun + 1;
    this.hint();
    while (this.#ended < due) {
      if (reign.signal.aborted) throw new CausewayError('EPOCH_LOST', `the reign of epoch ${reign.epoch} is over`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #wakeWaiting(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Runs until the reign is over. */
  async run(): Promise<void> {
    const { reign, records, clock } = this.#options;
    const unwatch = records.watch(() => this.hint());
    const onEnd = (): void => this.hint();
    reign.signal.addEventListener('abort', onEnd, { once: true });
    const watches = this.#rounds.watchWorkers(reign.signal);
    let busy = 0;
    for (let failures = 0; !reign.signal.aborted; ) {
      try {
        const again = await this.#timedRound(this.#fullReadDueMs <= clock.monotonicMs());
        failures = 0;
        busy = again ? busy + 1 : 0;
        if (again && busy < MAX_BUSY_ROUNDS) continue;
        if (await this.#nudge.wait(this.#restMs())) await clock.sleep(COALESCE_MS, reign.signal);
      } catch (error) {
        if (reign.signal.aborted) break;
        this.#failed(error, failures);
        this.#fullReadDueMs = Number.NEGATIVE_INFINITY;
        await clock.sleep(backoffMs(failures++, RETRY, this.#options.random), reign.signal);
      }
    }
    this.#wakeWaiting();
    unwatch();
    this.#options.alarms.update('nodes', []);
    await watches;
    hidePlan(this.#options.metrics);
    await this.#rounds.settle();
  }

  #restMs(): number {
    const nextMs = Math.min(this.#fullReadDueMs, this.#rounds.deadlineMs ?? Number.POSITIVE_INFINITY);
    return Math.max(1, nextMs - this.#options.clock.monotonicMs());
  }

  /** Reads what may have changed, or everything; a large fleet's full read is spaced out so that it stays a small part of the time. */
  async #read(full: boolean): Promise<void> {
    const { reign, records, clock, random, settings } = this.#options;
    const startMs = clock.monotonicMs();
    if (full) await reign.confirm();
    await records.refresh(full);
    this.#options.alarms.update('nodes', records.faults());
    records.checkWhole();
    if (!full) return;
    const endMs = clock.monotonicMs();
    const intervalMs = Math.max(settings.reconcileIntervalMs, (endMs - startMs) * FULL_READ_SPACING);
    // By the clock alone: hints never put it off.
    this.#fullReadDueMs = endMs + intervalMs * (0.85 + 0.3 * random.unit());
  }

  #failed(error: unknown, failures: number): void {
    const { logger, metrics } = this.#options;
    const code = isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT';
    metrics.inc('causeway_reconcile_errors_total', 1, { code });
    // A REST write or a lost answer in between is everyday business: the next round reads anew.
    const everyday = code === 'BAD_VERSION' || code === 'NODE_EXISTS' || code === 'NODE_MISSING';
    if (everyday && failures < 3) logger.debug('reconcile.retry', { err: error });
    else if (failures === 0 || failures % 20 === 0) logger.error('reconcile.failed', { err: error });
  }

  async #timedRound(full: boolean): Promise<boolean> {
    const { clock, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    const round = ++this.#begun;
    try {
      await this.#read(full);
      const wrote = await this.#rounds.next(full);
      this.#ended = round;
      this.#wakeWaiting();
      return wrote;
    } finally {
      metrics.observe('causeway_reconcile_seconds', (clock.monotonicMs() - startMs) / 1000);
    }
  }
}
