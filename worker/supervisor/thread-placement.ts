import { type AssignmentItem, refKey } from '../../common/model/assignment.js';
import type { PartitionStatus } from '../../common/model/status.js';
import type { StartedRef } from '../../common/model/worker.js';
import { loadOf, placeKeys } from '../core/placement.js';
import type { PartitionBetween } from '../core/thread-views.js';

/** Weight of the newest measurement: a partition that just changed threads measures its rate anew. */
const LOAD_WEIGHT = 0.2;

/** A partition between two threads of this worker: the old one drains it first, only then is it in the other's orders. */
interface Transit extends PartitionBetween {
  readonly to: number;
  /** The order to `to` that first names it; undefined while the old thread holds it. */
  orderedIn: number | undefined;
}

/** Which thread of the worker has which partition, and which is on its way from one to another. */
export class ThreadPlacement {
  readonly #threads: number;
  #placed = new Map<string, number>();
  readonly #transits = new Map<string, Transit>();
  readonly #loads = new Map<string, number>();

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** @param held keys that some thread holds, wanted or not: what one still drains must not start in another meanwhile */
  place(items: readonly AssignmentItem[], held: ReadonlySet<string>): void {
    const keys = items.map(refKey);
    const wanted = new Set(keys);
    const isKept = (key: string): boolean => held.has(key) || wanted.has(key) || this.#transits.has(key);
    const kept = new Map([...this.#placed].filter(([key]) => isKept(key)));
    for (const key of this.#loads.keys()) if (!kept.has(key)) this.#loads.delete(key);
    this.#placed = new Map([...kept, ...placeKeys(kept, keys, this.#threads, this.#loads)]);
  }

  /** What the thread should hold. */
  itemsOf(thread: number, items: readonly AssignmentItem[]): AssignmentItem[] {
    return items.filter((item) => {
      const key = refKey(item);
      const transit = this.#transits.get(key);
      return this.#placed.get(key) === thread && (transit === undefined || transit.orderedIn !== undefined);
    });
  }

  /** What a thread measured. */
  observe(statuses: readonly PartitionStatus[]): void {
    for (const status of statuses) {
      const key = refKey(status);
      const before = this.#loads.get(key);
      const load = loadOf(status);
      this.#loads.set(key, before === undefined ? load : before + LOAD_WEIGHT * (load - before));
    }
  }

  threadOf(key: string): number | undefined {
    return this.#placed.get(key);
  }

  load(key: string): number {
    return this.#loads.get(key) ?? 0;
  }

  get moving(): boolean {
    return this.#transits.size > 0;
  }

  /** From now on the present thread's orders do not name it any more. */
  move(status: PartitionStatus, to: number, started: StartedRef | undefined): void {
    const { route, topic, partition } = status;
    const ref = { route, topic, partition };
    this.#transits.set(refKey(ref), { ref, started, to, status, orderedIn: undefined });
  }

  /**
   * A thread said what it holds, having carried out its order `order`.
   * @param started of those held, the ones that have begun
   * @param isOwned whether the partition is still assigned to this worker
   * @param nextOrder number of the next order to a thread
   * @returns threads that need a new order
   */
  reported(
    thread: number,
    order: number,
    held: ReadonlySet<string>,
    started: ReadonlySet<string>,
    isOwned: (key: string) => boolean,
    nextOrder: (thread: number) => number,
  ): Set<number> {
    const due = new Set<number>();
    for (const [key, transit] of this.#transits) {
      if (transit.orderedIn === undefined) {
        if (this.#placed.get(key) !== thread || held.has(key)) continue;
        if (isOwned(key)) {
          this.#placed.set(key, transit.to);
          transit.orderedIn = nextOrder(transit.to);
          due.add(transit.to);
        } else this.#transits.delete(key);
      } else if (thread === transit.to && order >= transit.orderedIn) {
        if (started.has(key) || !held.has(key)) this.#transits.delete(key);
      }
    }
    return due;
  }

  /** Let go by one thread and not yet begun by the other: held by this worker all the same. */
  get between(): readonly PartitionBetween[] {
    return [...this.#transits.values()].filter(({ orderedIn }) => orderedIn !== undefined);
  }
}
