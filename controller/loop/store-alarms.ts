import type { StoreAlarmView } from '../../common/api/fleet-shapes.js';
import type { CausewayError } from '../../common/errors/error.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';

/** Shown at most; the metric counts them all. */
const MAX_SHOWN = 100;

/** Where an alarm comes from: each source says anew what it finds, and what it does not say any more is over. */
export type AlarmSource = 'election' | 'nodes';

/**
 * What is wrong with the store itself: wiped, restored from an old copy, another fleet's, damaged nodes. The last good state stays in force,
 * and a human has to look (reliability.md A8, A15). Each alarm is logged once when it comes and once when it goes.
 */
export class StoreAlarms {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #current = new Map<AlarmSource, Map<string, StoreAlarmView>>();

  constructor(parts: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics }) {
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#metrics = parts.metrics;
    this.#metrics.set('causeway_store_alarms', 0);
  }

  get current(): readonly StoreAlarmView[] {
    return [...this.#current.values()].flatMap((alarms) => [...alarms.values()]).slice(0, MAX_SHOWN);
  }

  /** @param errors everything that is wrong at the source now */
  update(source: AlarmSource, errors: readonly CausewayError[]): void {
    const before = this.#current.get(source) ?? new Map<string, StoreAlarmView>();
    const next = new Map<string, StoreAlarmView>();
    for (const error of errors) {
      const path = error.place.path ?? '/';
      const key = `${error.code} ${path}`;
      const since = before.get(key)?.since ?? new Date(this.#clock.wallMs()).toISOString();
      next.set(key, { code: error.code, path, message: error.message, fix: error.fix ?? null, since });
      if (!before.has(key)) this.#logger.error('store.alarm', { path, err: error });
    }
    for (const [key, { code, path }] of before) {
      if (!next.has(key)) this.#logger.info('store.alarm-over', { code, path });
    }
    this.#current.set(source, next);
    const count = [...this.#current.values()].reduce((sum, alarms) => sum + alarms.size, 0);
    this.#metrics.set('causeway_store_alarms', count);
  }
}
