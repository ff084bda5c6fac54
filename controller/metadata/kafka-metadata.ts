import type { TopicMetadata } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Clock } from '../../common/runtime/clock.js';
import { withDeadline } from '../../common/runtime/deadline.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { ListedTopic } from '../core/selection.js';
import { type ClientParts, ClusterClients, clientOpener, clusterSilent } from './cluster-clients.js';
import type { ClusterSnapshot, SourceMetadata, TopicInfo } from './ports.js';

/** A description takes no longer than this, whatever a cluster's own timeouts are: people and other clusters wait for it. */
const DESCRIBE_TIMEOUT_MS = 5_000;

export interface KafkaMetadataOptions extends ClientParts {
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
}

/** Metadata of the configured clusters, over one client each that is opened when first needed. */
export class KafkaMetadata implements SourceMetadata, Closable {
  readonly #clients: ClusterClients;
  readonly #clock: Clock;

  constructor({ clusters, ...parts }: KafkaMetadataOptions) {
    this.#clients = new ClusterClients(clusters, clientOpener(parts));
    this.#clock = parts.clock;
  }

  async describe(cluster: string, topics: readonly string[]): Promise<ClusterSnapshot> {
    const metadata = await this.#bounded(cluster, this.#clients.of(cluster).metadata(topics));
    const described = topics.map((topic) => [topic, describeTopic(metadata.topics.get(topic))] as const);
    return { clusterId: metadata.clusterId, brokers: metadata.brokers.size, topics: new Map(described) };
  }

  async list(cluster: string): Promise<ReadonlyMap<string, ListedTopic>> {
    const { topics } = await this.#bounded(cluster, this.#clients.of(cluster).metadata('all'));
    return new Map([...topics].map(([topic, { internal }]) => [topic, { internal }]));
  }

  close(): Promise<void> {
    return this.#clients.close();
  }

  /** The client's own attempts go on; whoever comes next finds their outcome. */
  #bounded<T>(cluster: string, work: Promise<T>): Promise<T> {
    return withDeadline(this.#clock, DESCRIBE_TIMEOUT_MS, work, () => {
      throw clusterSilent(cluster, `the cluster did not answer within ${DESCRIBE_TIMEOUT_MS} ms`);
    });
  }
}

function describeTopic(topic: TopicMetadata | undefined): TopicInfo | 'absent' | 'unknown' {
  if (topic === undefined) return 'unknown';
  const { errorCode, topicId, partitions } = topic;
  if (errorCode === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) return 'absent';
  if (errorCode !== KafkaCode.NONE || partitions.length === 0) return 'unknown';
  const replicationFactor = Math.max(...partitions.map((partition) => partition.replicas.length));
  const leaders: number[] = Array<number>(partitions.length).fill(-1);
  for (const { partition, leader } of partitions) if (partition < leaders.length) leaders[partition] = leader;
  return { topicId, partitions: partitions.length, replicationFactor, leaders };
}
