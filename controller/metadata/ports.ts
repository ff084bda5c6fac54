import type { CausewayError } from '../../common/errors/error.js';
import type { DrillResult } from '../../common/kafka/fencing/drill.js';
import type { FencingClient } from '../../common/kafka/fencing/fencing-client.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import type { ListedTopic } from '../core/selection.js';

/** A topic as a cluster's metadata shows it. */
export interface TopicInfo {
  /** Canonical UUID text; null where the cluster has no topic ids. */
  readonly topicId: string | null;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Broker that leads each partition, by number; -1: none. Absent: not known. */
  readonly leaders?: readonly number[];
}

export interface ClusterSnapshot {
  readonly clusterId: string | null;
  readonly brokers: number;
  /**
   * Every topic that was asked for: its description, `absent` when the cluster says that it does not exist, `unknown` when the cluster
   * could not tell (no right to see it, no leader yet).
   */
  readonly topics: ReadonlyMap<string, TopicInfo | 'absent' | 'unknown'>;
}

/** Reads the metadata of the operators' clusters, by cluster name. */
export interface SourceMetadata {
  /** @throws CLUSTER_UNREACHABLE, KAFKA_AUTH_FAILED... when no broker answers as it should */
  describe(cluster: string, topics: readonly string[]): Promise<ClusterSnapshot>;
  /**
   * All topics that we may see. Absent (in tests): there are none to select.
   * @throws as `describe`
   */
  list?(cluster: string): Promise<ReadonlyMap<string, ListedTopic>>;
}

/** Asks a cluster to prove that it can fence. */
export interface DeliveryProver {
  /**
   * Writes, fences and writes again on a partition of a topic of ours (exactly-once.md 5.7).
   * @throws when nothing was proven; ask again
   */
  prove(cluster: string, partition: TopicPartition, signal: AbortSignal): Promise<DrillResult>;
  /**
   * The same text while the cluster has the same brokers of the same versions. Brokers do not tell their software's version: what requests
   * they understand stands for it.
   * @throws when a broker cannot be asked
   */
  brokers(cluster: string, signal: AbortSignal): Promise<string>;
}

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** What the leader does to topics, by cluster name. */
export interface TargetAdmin {
  /** Makes topics in one request. A topic that exists already is no error; the answer has those that failed. */
  createTopics(cluster: string, topics: readonly NewTopic[]): Promise<ReadonlyMap<string, CausewayError>>;
  /** Grows the topic to `partitions`; having that many already is no error. */
  createPartitions(cluster: string, topic: string, partitions: number): Promise<void>;
  /** The configs set explicitly on each topic; one that is not there is missing in the answer. */
  topicConfigs(
    cluster: string,
    topics: readonly string[],
  ): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>;
}

/** A client of one target, closed by its owner. */
export interface TargetClient extends FencingClient {
  close(): Promise<void>;
}
