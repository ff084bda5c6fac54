import type { ListedTransaction } from '../../../common/kafka/wire/apis/list-transactions.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { TopicPartition } from '../../../common/model/topic-partition.js';
import type { Dice } from '../kernel/dice.js';
import type { Timeline } from '../kernel/timeline.js';
import type { Partition } from './partition.js';

const MARKER_MS = [0.3, 5] as const;
const MARKER_RETRY_MS = 40;
/** A marker now and then takes its time. */
const SLOW_MARKER = { share: 0.05, ms: [50, 1_500] } as const;

const NONE = 0;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const INVALID_TXN_STATE = 48;
const INVALID_PRODUCER_ID_MAPPING = 49;
const CONCURRENT_TRANSACTIONS = 51;
const OPERATION_NOT_ATTEMPTED = 55;
const PRODUCER_FENCED = 90;

interface Transaction {
  readonly id: string;
  readonly producerId: bigint;
  epoch: number;
  state: 'Empty' | 'Ongoing' | 'PrepareAbort' | 'CompleteAbort';
  readonly members: Map<string, Partition>;
  /** Of the transaction that ends: partitions without their marker. */
  readonly unmarked: Set<Partition>;
}

interface Identity {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** The coordinators of one cluster's transactional ids, as one: what they know survives each of them. */
export class Transactions {
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #find: (place: TopicPartition) => Partition | undefined;
  readonly #known = new Map<string, Transaction>();
  #nextProducer = 1_000n;
  /** Coordinators come and go: each term writes the markers of what is ending. */
  #term = 0;
  /** No marker gets through. */
  isStalled = false;

  constructor(deps: {
    readonly timeline: Timeline;
    readonly dice: Dice;
    readonly find: (place: TopicPartition) => Partition | undefined;
  }) {
    this.#timeline = deps.timeline;
    this.#dice = deps.dice;
    this.#find = deps.find;
  }

  newProducer(): bigint {
    this.#nextProducer += 1n;
    return this.#nextProducer;
  }

  /** Bare, as the owner's first and the fencers' calls are. */
  init(id: string): { readonly errorCode: number; readonly producerId: bigint; readonly producerEpoch: number } {
    const refused = { errorCode: CONCURRENT_TRANSACTIONS, producerId: -1n, producerEpoch: -1 };
    let transaction = this.#known.get(id);
    if (transaction === undefined) {
      const producerId = this.newProducer();
      transaction = { id, producerId, epoch: -1, state: 'Empty', members: new Map(), unmarked: new Set() };
      this.#known.set(id, transaction);
    }
    if (transaction.state === 'PrepareAbort') return refused;
    transaction.epoch += 1;
    if (transaction.state === 'Ongoing') {
      this.#abort(transaction);
      return refused;
    }
    transaction.state = 'Empty';
    return { errorCode: NONE, producerId: transaction.producerId, producerEpoch: transaction.epoch };
  }

  add(identity: Identity, places: readonly TopicPartition[]): readonly number[] {
    const transaction = this.#of(identity);
    if (typeof transaction === 'number') return places.map(() => transaction);
    if (transaction.state === 'PrepareAbort') return places.map(() => CONCURRENT_TRANSACTIONS);
    const found = places.map((place) => this.#find(place));
    if (found.includes(undefined)) {
      return found.map((partition) => (partition === undefined ? UNKNOWN_TOPIC_OR_PARTITION : OPERATION_NOT_ATTEMPTED));
    }
    if (transaction.state !== 'Ongoing') transaction.members.clear();
    transaction.state = 'Ongoing';
    for (const partition of found) if (partition !== undefined) transaction.members.set(partition.key, partition);
    return places.map(() => NONE);
  }

  /** Aborts. */
  end(identity: Identity): number {
    const transaction = this.#of(identity);
    if (typeof transaction === 'number') return transaction;
    switch (transaction.state) {
      case 'Ongoing':
        this.#abort(transaction);
        return NONE;
      case 'CompleteAbort':
        return NONE;
      case 'PrepareAbort':
        return CONCURRENT_TRANSACTIONS;
      case 'Empty':
        return INVALID_TXN_STATE;
    }
  }

  describe(
    id: string,
  ): { state: string; producerId: bigint; producerEpoch: number; partitions: TopicPartition[] } | undefined {
    const transaction = this.#known.get(id);
    if (transaction === undefined) return undefined;
    const { state, producerId, epoch, members, unmarked } = transaction;
    const open = state === 'PrepareAbort' ? [...unmarked] : state === 'Ongoing' ? [...members.values()] : [];
    const partitions = open.map(({ topic, number }) => ({ topic, partition: number }));
    return { state, producerId, producerEpoch: epoch, partitions };
  }

  /** All, or those of these producers. */
  list(producerIds: readonly bigint[]): ListedTransaction[] {
    return [...this.#known.values()]
      .filter(({ producerId }) => producerIds.length === 0 || producerIds.includes(producerId))
      .map(({ id, producerId, state }) => ({ transactionalId: id, producerId, state }));
  }

  /** Another coordinator takes office: it writes the markers of everything that is ending, also those that are written already. */
  restart(): void {
    this.#term += 1;
    for (const transaction of this.#known.values()) {
      if (transaction.state !== 'PrepareAbort') continue;
      for (const partition of transaction.members.values()) transaction.unmarked.add(partition);
      this.#writeMarkers(transaction);
    }
  }

  #of({ transactionalId, producerId, producerEpoch }: Identity): Transaction | number {
    const transaction = this.#known.get(transactionalId);
    if (transaction === undefined || transaction.producerId !== producerId) return INVALID_PRODUCER_ID_MAPPING;
    return transaction.epoch === producerEpoch ? transaction : PRODUCER_FENCED;
  }

  #abort(transaction: Transaction): void {
    transaction.state = 'PrepareAbort';
    for (const partition of transaction.members.values()) transaction.unmarked.add(partition);
    this.#writeMarkers(transaction);
  }

  #writeMarkers(transaction: Transaction): void {
    for (const partition of transaction.unmarked)
      this.#writeMarker(transaction, partition, this.#term, this.#delayMs());
  }

  #writeMarker(transaction: Transaction, partition: Partition, term: number, delayMs: number): void {
    const { producerId, epoch } = transaction;
    this.#timeline.after(delayMs, () => {
      // One that is deposed writes on for a moment: its last request is under way.
      if (term < this.#term - 1 || transaction.epoch !== epoch) return;
      if (partition.leader < 0 || this.isStalled) {
        this.#writeMarker(transaction, partition, term, MARKER_RETRY_MS);
        return;
      }
      const base = partition.appendMarker(abortMarker(producerId, epoch, this.#timeline.nowMs));
      if (base === undefined) return;
      partition.whenSafe(base + 1, (code) => {
        if (code !== NONE) this.#writeMarker(transaction, partition, term, MARKER_RETRY_MS);
        else if (term === this.#term && transaction.epoch === epoch) this.#marked(transaction, partition);
      });
    });
  }

  #marked(transaction: Transaction, partition: Partition): void {
    transaction.unmarked.delete(partition);
    if (transaction.state === 'PrepareAbort' && transaction.unmarked.size === 0) transaction.state = 'CompleteAbort';
  }

  #delayMs(): number {
    const { share, ms } = SLOW_MARKER;
    return this.#dice.chance(share) ? this.#dice.between(...ms) : this.#dice.between(...MARKER_MS);
  }
}

/** Key: version, type 0 (abort); value: version, coordinator epoch (KIP-98). */
function abortMarker(producerId: bigint, producerEpoch: number, nowMs: number): Buffer {
  const record = { key: Buffer.alloc(4), value: Buffer.alloc(6), headers: [], timestamp: BigInt(Math.floor(nowMs)) };
  return buildBatch([record], { producerId, producerEpoch, transactional: true, control: true });
}
