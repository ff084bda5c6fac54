import type { Clock } from '../../common/runtime/clock.js';
import type { MapKeeper } from '../offsets/map-keeper.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

/** After a map that could not be written, transactions end without for this long: data must not wait for it. */
const BARRED_MS = 60_000;

export interface TransactionRunsDeps {
  readonly maps: Pick<MapKeeper, 'mustSave' | 'save' | 'isReady'>;
  /** Something may be done now that was waited for. */
  readonly wake: () => void;
  readonly stopped: (error: unknown) => void;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** Up to where the closed runs of a partition are part of the transaction under way. */
interface SavedRuns {
  readonly life: number;
  readonly targetEnd: number;
}

/**
 * Closed runs that do not fit the positions of a transaction any more are written within it, before its end: what is aborted leaves none
 * behind, and they stay in memory until it is committed. Where they cannot be written the transaction ends without them.
 */
export class TransactionRuns {
  readonly #deps: TransactionRunsDeps;
  #state: 'untouched' | 'saving' | 'done' = 'untouched';
  #transaction = 0;
  #saved: ReadonlyMap<MirroredPartition, SavedRuns> = new Map();
  #barredUntilMs = Number.NEGATIVE_INFINITY;

  constructor(deps: TransactionRunsDeps) {
    this.#deps = deps;
  }

  /** Another transaction. */
  begin(): void {
    // The one before did not end because of them.
    if (this.#state === 'saving') this.#bar();
    this.#transaction += 1;
    this.#state = 'untouched';
    this.#saved = new Map();
  }

  /** What was written within the transaction is there for good. */
  committed(): void {
    for (const [{ runs }, { life, targetEnd }] of this.#saved) runs.written(life, targetEnd);
    this.#saved = new Map();
  }

  /** It has more closed runs than its position holds, and nothing is known to keep them from being written. */
  isWaiting(partition: MirroredPartition): boolean {
    const { maps, clock } = this.#deps;
    return clock.monotonicMs() >= this.#barredUntilMs && maps.isReady && maps.mustSave(partition);
  }

  /** @param due those whose positions will be committed @returns false while something is being written */
  areSaved(due: readonly MirroredPartition[]): boolean {
    if (this.#state !== 'untouched') return this.#state === 'done';
    // Where the topic is not known yet, or not there, they stay in memory.
    const full = due.filter((partition) => this.isWaiting(partition));
    if (full.length === 0) return true;
    this.#state = 'saving';
    this.#save(full, this.#transaction).catch((error: unknown) => this.#deps.stopped(error));
    return false;
  }

  async #save(full: readonly MirroredPartition[], transaction: number): Promise<void> {
    const ends = full.map((partition) => {
      const { life, linkBefore } = partition.runs;
      return [partition, { life, targetEnd: linkBefore }] as const;
    });
    const saved = await this.#deps.maps.save(full);
    if (transaction !== this.#transaction) return;
    this.#saved = new Map(ends.filter(([partition]) => saved.has(partition)));
    if (saved.size < full.length) this.#bar();
    this.#state = 'done';
    this.#deps.wake();
  }

  #bar(): void {
    this.#barredUntilMs = this.#deps.clock.monotonicMs() + BARRED_MS;
  }
}
