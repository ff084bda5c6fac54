import type { Lane } from '../lane/lane.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { Enrolment } from './enrolment.js';
import { Rider, type RiderPort } from './rider.js';

/** The partitions on one transactional lane. */
export class Riders {
  readonly #enrolment: Enrolment;
  readonly #riders = new Map<MirroredPartition, Rider>();

  constructor(enrolment: Enrolment) {
    this.#enrolment = enrolment;
  }

  get size(): number {
    return this.#riders.size;
  }

  of(partition: MirroredPartition): Rider | undefined {
    return this.#riders.get(partition);
  }

  has(partition: MirroredPartition): boolean {
    return this.#riders.has(partition);
  }

  add(partition: MirroredPartition): void {
    this.#riders.set(partition, new Rider(partition));
  }

  remove(partition: MirroredPartition): void {
    this.#riders.delete(partition);
  }

  /** Somebody writes into this target partition. */
  writeInto(targetKey: string): boolean {
    for (const { targetKey: taken } of this.#riders.keys()) if (taken === targetKey) return true;
    return false;
  }

  /** Those whose target partitions are part of the transaction. */
  members(): Rider[] {
    return [...this.#riders.values()].filter(({ partition }) => this.#enrolment.has(partition.targetKey));
  }

  /** Everything that members had to send is stored. */
  get isIdle(): boolean {
    return this.members().every(({ partition }) => partition.queue.drained);
  }

  /** Somebody waits for a position. */
  get isUrgent(): boolean {
    for (const rider of this.#riders.values()) if (rider.isAwaited) return true;
    return false;
  }

  /** Those whose positions belong into a transaction that ends now. */
  due(nowMs: number, refreshMs: number, hasRuns: (partition: MirroredPartition) => boolean): Rider[] {
    return [...this.#riders.values()].filter((rider) => rider.isDue(nowMs, refreshMs, hasRuns));
  }

  /** What was stored since the last commit will not have been. @returns those that go back */
  rewind(port: Pick<RiderPort, 'rewind'>): readonly Rider[] {
    const rewound: Rider[] = [];
    for (const rider of this.#riders.values()) {
      const { committed } = rider;
      const isTouched = rider.isAhead || !rider.isQuiet || this.#enrolment.has(rider.partition.targetKey);
      if (committed !== undefined && isTouched) {
        port.rewind(rider.partition, committed);
        rewound.push(rider);
      }
      rider.giveUpWaiting();
    }
    return rewound;
  }

  goOnUnder(lane: Lane): void {
    for (const partition of this.#riders.keys()) partition.lane = lane;
  }

  /** Positions that somebody waits for are not committed. */
  giveUpWaiting(): void {
    for (const rider of this.#riders.values()) rider.giveUpWaiting();
  }
}
