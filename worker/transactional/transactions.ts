import { CausewayError } from '../../common/errors/error.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { LaneTransactionFacts } from '../core/stall-facts.js';
import { Lane } from '../lane/lane.js';
import type { MirroredPartition, Reason } from '../partition/mirrored-partition.js';
import type { TransactionGate } from '../partition/transaction-gate.js';
import { TransactionalLane, type TransactionalLaneDeps } from './transactional-lane.js';

export interface TransactionsDeps extends Omit<TransactionalLaneDeps, 'unfit'> {
  /** Opens a lane: known to the target, written into the store. @param before how many there were */
  readonly open: (before: number) => Promise<LaneRecord>;
}

/**
 * One thread's transactions at one target cluster: which partition rides which lane. Partitions that share a target partition ride different
 * lanes, and so do those that kept others from committing.
 */
export class Transactions implements TransactionGate, Closable {
  readonly #deps: TransactionsDeps;
  readonly #lanes: TransactionalLane[] = [];
  readonly #laneOf = new Map<MirroredPartition, TransactionalLane>();
  /** By key: a partition that begins anew is the same one. */
  readonly #unfit = new Set<string>();
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(deps: TransactionsDeps) {
    this.#deps = deps;
  }

  /** Lanes that are alive. */
  get count(): number {
    return this.#lanes.filter(({ isDead }) => !isDead).length;
  }

  /** The lane is one of these, and alive. */
  owns({ transactionalId, producerId }: Pick<LaneRecord, 'transactionalId' | 'producerId'>): boolean {
    return this.#lanes.some(({ isDead, lane: { record } }) => {
      return !isDead && record.transactionalId === transactionalId && record.producerId === producerId;
    });
  }

  /** Gives the partition a lane, as if it came for the first time; `partition.lane` is that lane's identity from here on. */
  async join(partition: MirroredPartition): Promise<void> {
    this.leave(partition);
    for (;;) {
      if (this.#closed) throw new CausewayError('SHUTTING_DOWN', 'the worker’s thread is ending');
      const isApart = this.#unfit.has(partition.key);
      const open = this.#lanes.find((lane) => lane.isApart === isApart && lane.hasRoomFor(partition.targetKey));
      if (open !== undefined) {
        open.join(partition);
        this.#laneOf.set(partition, open);
        partition.lane = open.lane;
        return;
      }
      this.#opening ??= this.#open(isApart).finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
    }
  }

  leave(partition: MirroredPartition): void {
    this.#laneOf.get(partition)?.leave(partition);
    this.#laneOf.delete(partition);
  }

  /** Its stay is over. */
  remove(partition: MirroredPartition): void {
    this.leave(partition);
    this.#unfit.delete(partition.key);
  }

  /** Positions are committed with every transaction from the first on. */
  add(_partition: MirroredPartition): void {}

  /** Commits the positions of these as they stand; gives those that are committed. */
  async flush(partitions: readonly MirroredPartition[]): Promise<ReadonlySet<MirroredPartition>> {
    const done = await Promise.all(
      partitions.map((partition) => this.#laneOf.get(partition)?.commitPosition(partition) ?? false),
    );
    return new Set(partitions.filter((_, i) => done[i] === true));
  }

  /** Undefined: it rides no lane. */
  factsOf(partition: MirroredPartition): LaneTransactionFacts | undefined {
    return this.#laneOf.get(partition)?.facts;
  }

  admits(partition: MirroredPartition, bytes: number): boolean {
    return this.#laneOf.get(partition)?.admits(partition, bytes) ?? false;
  }

  answered(partition: MirroredPartition): void {
    this.#laneOf.get(partition)?.answered(partition);
  }

  broken(partition: MirroredPartition, reason: Reason): void {
    this.#laneOf.get(partition)?.broken(partition, reason);
  }

  /** @throws LANE_DEAD where the identity is not one of now, or its transaction is over */
  async enroll(lane: Lane, partition: TopicPartition): Promise<void> {
    const riding = this.#lanes.find((candidate) => candidate.lane === lane);
    if (riding === undefined) throw new CausewayError('LANE_DEAD', 'the transaction it belonged to was aborted');
    await riding.enroll(partition);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  async #open(isApart: boolean): Promise<void> {
    const record = await this.#deps.open(this.#lanes.length);
    if (this.#closed) return;
    const unfit = (partition: MirroredPartition): void => void this.#unfit.add(partition.key);
    this.#lanes.push(new TransactionalLane(new Lane(record, true), isApart, { ...this.#deps, unfit }));
  }
}
