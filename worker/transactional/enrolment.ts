import type { CausewayError } from '../../common/errors/error.js';
import type { PartitionCode } from '../../common/kafka/wire/apis/partition-lists.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

/** What is to be added to the transaction next. */
export interface Wanted {
  readonly riders: readonly MirroredPartition[];
  /** The riders' targets, and those that are no rider's. */
  readonly partitions: readonly TopicPartition[];
}

interface Side {
  readonly partition: TopicPartition;
  readonly waiting: { readonly resolve: () => void; readonly reject: (error: CausewayError) => void }[];
}

/** Which target partitions and groups are part of a lane's transaction, and which ask to be. */
export class Enrolment {
  readonly #added = new Set<string>();
  readonly #groups = new Set<string>();
  readonly #wanting = new Set<MirroredPartition>();
  /** Partitions for what is not mirrored data, asked for in the transaction under way. */
  readonly #sides = new Map<string, Side>();

  /** A new transaction: those who ask still do. */
  begin(): void {
    this.#added.clear();
    this.#groups.clear();
  }

  has(targetKey: string): boolean {
    return this.#added.has(targetKey);
  }

  get isWanted(): boolean {
    return this.#wanting.size > 0;
  }

  want(partition: MirroredPartition): void {
    this.#wanting.add(partition);
  }

  wantSide(partition: TopicPartition): Promise<void> {
    const key = partitionKey(partition.topic, partition.partition);
    const side = this.#sides.get(key) ?? { partition, waiting: [] };
    this.#sides.set(key, side);
    return new Promise((resolve, reject) => side.waiting.push({ resolve, reject }));
  }

  /** @param withRiders false: riders wait for the next transaction */
  take(withRiders: boolean, isRider: (partition: MirroredPartition) => boolean): Wanted {
    const riders: MirroredPartition[] = [];
    for (const partition of withRiders ? this.#wanting : []) {
      // Part of it, and turned away because it is full: its turn comes in the next one.
      if (this.#added.has(partition.targetKey)) continue;
      this.#wanting.delete(partition);
      if (isRider(partition)) riders.push(partition);
    }
    const own = riders.map(({ item, targetPartition: partition }) => ({ topic: item.targetTopic, partition }));
    return { riders, partitions: [...own, ...[...this.#sides.values()].map(({ partition }) => partition)] };
  }

  /** The target has taken them in, but for those dropped. @returns the riders among those */
  added(
    { riders, partitions }: Wanted,
    dropped: readonly PartitionCode[],
  ): readonly { readonly partition: MirroredPartition; readonly code: number }[] {
    const codes = new Map(dropped.map((item) => [partitionKey(item.topic, item.partition), item.errorCode]));
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition);
      const code = codes.get(key) ?? KafkaCode.NONE;
      if (code === KafkaCode.NONE) this.#added.add(key);
      this.#settle(key, code === KafkaCode.NONE ? undefined : kafkaError(code, { topic, partition }));
    }
    return riders.flatMap((partition) => {
      const code = codes.get(partition.targetKey);
      return code === undefined ? [] : [{ partition, code }];
    });
  }

  /** The first of these groups that is not announced yet; it counts as announced from here on. */
  takeGroup(groups: Iterable<string>): string | undefined {
    for (const group of groups) {
      if (this.#groups.has(group)) continue;
      this.#groups.add(group);
      return group;
    }
    return undefined;
  }

  /** The transaction will not take in anybody any more. */
  giveUp(error: CausewayError): void {
    for (const key of [...this.#sides.keys()]) this.#settle(key, error);
  }

  #settle(key: string, error: CausewayError | undefined): void {
    const side = this.#sides.get(key);
    this.#sides.delete(key);
    for (const { resolve, reject } of side?.waiting ?? []) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }
}
