import type { ControllerSettings } from '../../common/config/compile.js';
import type { WorkerStatus } from '../../common/model/status.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import { LoadBook, type LoadFacts } from '../core/load-book.js';
import type { LoadPolicy } from '../core/plan-model.js';

/** Asks the workers themselves. One that does not answer is missing. */
export interface StatusSource {
  ask(workers: readonly LiveWorker[]): Promise<ReadonlyMap<string, WorkerStatus>>;
}

export interface LoadWatchOptions {
  readonly source: StatusSource;
  readonly live: () => ReadonlyMap<string, LiveWorker>;
  readonly settings: ControllerSettings['planner'];
  readonly clock: Clock;
  readonly random: Random;
  /** Loads are such that a plan may find something to do. */
  readonly onNews: () => void;
}

/** Keeps what the workers tell of their partitions for the length of one reign, and says when it asks for a plan. */
export class LoadWatch {
  readonly #options: LoadWatchOptions;
  readonly #book: LoadBook;
  #revision = 0;

  constructor(options: LoadWatchOptions) {
    this.#options = options;
    this.#book = new LoadBook(options.settings, options.clock.monotonicMs());
  }

  /** Grows when a plan may come out differently because of the loads. */
  get revision(): number {
    return this.#revision;
  }

  get facts(): LoadFacts {
    return this.#book.facts(this.#options.clock.monotonicMs());
  }

  /** Load moves only while nothing has changed hands for a while: what is measured just after says little. */
  get policy(): LoadPolicy {
    const { settings, clock } = this.#options;
    const { loadTolerance, loadFloorBytesPerS, maxLoadMovesPerRound } = settings;
    const maxMoves = this.#book.isCalm(clock.monotonicMs()) ? maxLoadMovesPerRound : 0;
    return { tolerance: loadTolerance, floor: loadFloorBytesPerS, maxMoves };
  }

  /** @param keys partitions that begin to move because of their load or because they are stuck */
  changed(keys: readonly string[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#book.disturbed(nowMs);
    for (const key of keys) this.#book.moved(key, nowMs);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { settings, clock, random } = this.#options;
    while (!signal.aborted) {
      await this.#look();
      await clock.sleep(settings.loadIntervalMs * (0.85 + 0.3 * random.unit()), signal);
    }
  }

  async #look(): Promise<void> {
    const { source, live, clock, onNews } = this.#options;
    const workers = live();
    const statuses = await source.ask([...workers.values()]);
    const nowMs = clock.monotonicMs();
    const { settlements } = this.#book;
    this.#book.observe(statuses.values(), nowMs);
    const isWorthAPlan = this.#book.isCalm(nowMs) && this.#book.isWorthAPlan(workers, this.policy, nowMs);
    // What was left where it was because it did not run may move now.
    if (!isWorthAPlan && this.#book.settlements === settlements) return;
    this.#revision++;
    onNews();
  }
}
