import type { BrokersOf, PlanPartition } from './plan-model.js';

/**
 * Which brokers each worker talks to while a plan is made. A connection costs a fetch session at the broker and requests of its own, so a
 * partition goes where its brokers are talked to already, as far as that costs no balance. It is never moved for that.
 */
export class Connections {
  readonly #brokersOf: BrokersOf | undefined;
  readonly #ofWorker = new Map<string, Set<string>>();

  /** @param brokersOf absent: no worker is better than another */
  constructor(partitions: Iterable<PlanPartition>, brokersOf: BrokersOf | undefined) {
    this.#brokersOf = brokersOf;
    if (brokersOf === undefined) return;
    for (const { key, at } of partitions) if ('owner' in at) this.took(at.owner, key);
  }

  /** Connections that the worker would have to open for the partition. */
  fresh(worker: string, key: string): number {
    if (this.#brokersOf === undefined) return 0;
    const known = this.#ofWorker.get(worker);
    let count = 0;
    for (const broker of this.#brokersOf(key)) if (known?.has(broker) !== true) count += 1;
    return count;
  }

  took(worker: string, key: string): void {
    if (this.#brokersOf === undefined) return;
    let known = this.#ofWorker.get(worker);
    if (known === undefined) {
      known = new Set();
      this.#ofWorker.set(worker, known);
    }
    for (const broker of this.#brokersOf(key)) known.add(broker);
  }
}

/** Connections of a fleet in which partitions are where `owners` says. */
export function countConnections(owners: ReadonlyMap<string, string>, brokersOf: BrokersOf): number {
  const pairs = new Set<string>();
  for (const [key, worker] of owners) for (const broker of brokersOf(key)) pairs.add(`${worker}\u0000${broker}`);
  return pairs.size;
}
