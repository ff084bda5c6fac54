import type { TopicPartition } from '../../../common/model/topic-partition.js';
import type { Dice } from '../kernel/dice.js';
import type { Timeline } from '../kernel/timeline.js';
import { FetchSessions } from './fetch-sessions.js';
import { Partition, type PartitionListener } from './partition.js';
import { Transactions } from './transactions.js';

/** A coordinator that takes office reads its log first. */
const LOADING_MS = [5, 150] as const;

export interface Topic {
  readonly name: string;
  readonly id: string;
  readonly partitions: Partition[];
}

export interface Broker {
  readonly id: number;
  isUp: boolean;
  /** Answers nothing, keeps its connections. */
  isHung: boolean;
  readonly sessions: FetchSessions;
}

interface Committed {
  readonly offset: bigint;
  readonly metadata: string;
}

/** One Kafka cluster: topics, leaders, coordinators. What its brokers answer is in `broker.ts`. */
export class KafkaCluster {
  readonly name: string;
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly topics = new Map<string, Topic>();
  readonly brokers: readonly Broker[];
  readonly transactions: Transactions;
  readonly offsets = new Map<string, Map<string, Committed>>();
  readonly #listener: PartitionListener;
  #coordinatorShift = 0;
  #loadingUntilMs = 0;
  /** Of produce requests, this share is refused for a while, or answered too late. */
  refusals = 0;

  constructor(
    name: string,
    brokers: number,
    deps: { readonly timeline: Timeline; readonly dice: Dice; readonly listener: PartitionListener },
  ) {
    this.name = name;
    this.timeline = deps.timeline;
    this.dice = deps.dice;
    this.#listener = deps.listener;
    this.brokers = Array.from({ length: brokers }, (_, index) => ({
      id: index + 1,
      isUp: true,
      isHung: false,
      sessions: new FetchSessions(),
    }));
    this.transactions = new Transactions({
      timeline: deps.timeline,
      dice: deps.dice.of('transactions'),
      find: (place) => this.partition(place),
    });
  }

  create(name: string, partitions: number): Topic {
    const topic: Topic = { name, id: this.dice.uuid(), partitions: [] };
    this.topics.set(name, topic);
    this.grow(topic, partitions);
    return topic;
  }

  grow({ name, partitions }: Topic, count: number): void {
    const { timeline, dice } = this;
    for (let number = partitions.length; number < count; number += 1) {
      const leader = this.#up()[dice.below(this.#up().length)]?.id ?? 1;
      const deps = { timeline, dice: dice.of(`${name}-${number}`), listener: this.#listener };
      partitions.push(new Partition({ topic: name, number, leader }, deps));
    }
  }

  partition({ topic, partition }: TopicPartition): Partition | undefined {
    return this.topics.get(topic)?.partitions[partition];
  }

  all(): Partition[] {
    return [...this.topics.values()].flatMap(({ partitions }) => partitions);
  }

  broker(id: number): Broker | undefined {
    return this.brokers[id - 1];
  }

  /** The broker in charge of a group or transactional id. */
  coordinatorOf(key: string): number {
    let hash = this.#coordinatorShift;
    for (let i = 0; i < key.length; i += 1) hash = (hash * 31 + key.charCodeAt(i)) % 1_000_003;
    const up = this.#up();
    return up[hash % up.length]?.id ?? -1;
  }

  get isLoading(): boolean {
    return this.timeline.nowMs < this.#loadingUntilMs;
  }

  moveCoordinators(): void {
    this.#coordinatorShift += 1;
    this.#loadingUntilMs = this.timeline.nowMs + this.dice.between(...LOADING_MS);
    this.transactions.restart();
  }

  /** @returns false where it is the last one */
  crash(id: number): boolean {
    const broker = this.broker(id);
    if (broker?.isUp !== true || this.#up().length < 2) return false;
    broker.isUp = false;
    this.moveCoordinators();
    for (const partition of this.all()) {
      if (partition.leader !== id) continue;
      partition.lead(-1);
      this.timeline.after(this.dice.between(10, 800), () => this.#elect(partition));
    }
    return true;
  }

  restart(id: number): void {
    const broker = this.broker(id);
    if (broker === undefined || broker.isUp) return;
    broker.isUp = true;
    broker.sessions.forget();
    this.moveCoordinators();
  }

  /** Another broker leads from now on, perhaps after a while without anybody. */
  moveLeader(partition: Partition, withoutMs: number): void {
    if (partition.leader < 0) return;
    const before = partition.leader;
    if (withoutMs > 0) {
      partition.lead(-1);
      this.timeline.after(withoutMs, () => this.#elect(partition));
    } else {
      const other = this.#up().find(({ id }) => id !== before);
      if (other !== undefined) partition.lead(other.id);
    }
  }

  #elect(partition: Partition): void {
    if (partition.leader >= 0) return;
    const up = this.#up();
    partition.lead(this.dice.pick(up).id);
  }

  #up(): Broker[] {
    return this.brokers.filter(({ isUp }) => isUp);
  }
}
