import { CausewayError } from '../../../common/errors/error.js';
import type { ListedTopic } from '../../../controller/core/selection.js';
import type {
  ClusterSnapshot,
  NewTopic,
  SourceMetadata,
  TargetAdmin,
  TopicInfo,
} from '../../../controller/metadata/ports.js';

/** Clusters that are only metadata; each may be made unreachable. */
export class FakeKafka implements SourceMetadata, TargetAdmin {
  readonly #topics = new Map<string, Map<string, TopicInfo & { configs: Record<string, string> }>>();
  readonly unreachable = new Set<string>();
  readonly clusterIds = new Map<string, string>();
  brokers = 3;
  #ids = 0;
  describes = 0;
  lists = 0;
  createRequests = 0;
  /** Topics that the cluster's policy forbids. */
  readonly refused = new Map<string, CausewayError>();
  readonly created: { cluster: string; topic: NewTopic }[] = [];

  /** Makes (or makes anew, with another topic id) a topic. */
  addTopic(
    cluster: string,
    topic: string,
    partitions: number,
    configs: Record<string, string> = {},
    replicationFactor = 1,
  ): void {
    const topicId = `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`;
    this.#cluster(cluster).set(topic, { topicId, partitions, replicationFactor, configs });
  }

  grow(cluster: string, topic: string, partitions: number): void {
    const info = this.topic(cluster, topic);
    if (info !== undefined) this.#cluster(cluster).set(topic, { ...info, partitions });
  }

  deleteTopic(cluster: string, topic: string): void {
    this.#cluster(cluster).delete(topic);
  }

  topic(cluster: string, topic: string): (TopicInfo & { configs: Record<string, string> }) | undefined {
    return this.#cluster(cluster).get(topic);
  }

  async describe(cluster: string, topics: readonly string[]): Promise<ClusterSnapshot> {
    this.describes++;
    this.#reach(cluster);
    const described = topics.map((topic) => [topic, this.topic(cluster, topic) ?? ('absent' as const)] as const);
    const clusterId = this.clusterIds.get(cluster) ?? `id-${cluster}`;
    return { clusterId, brokers: this.brokers, topics: new Map(described) };
  }

  async list(cluster: string): Promise<ReadonlyMap<string, ListedTopic>> {
    this.lists++;
    this.#reach(cluster);
    return new Map([...this.#cluster(cluster).keys()].map((topic) => [topic, { internal: topic.startsWith('__') }]));
  }

  async createTopics(cluster: string, topics: readonly NewTopic[]): Promise<ReadonlyMap<string, CausewayError>> {
    this.#reach(cluster);
    this.createRequests++;
    const failed = new Map<string, CausewayError>();
    for (const topic of topics) {
      const refusal = this.refused.get(topic.topic);
      if (refusal !== undefined) failed.set(topic.topic, refusal);
      else if (this.topic(cluster, topic.topic) === undefined) {
        this.created.push({ cluster, topic });
        this.addTopic(cluster, topic.topic, topic.partitions, { ...topic.configs }, topic.replicationFactor);
      }
    }
    return failed;
  }

  async createPartitions(cluster: string, topic: string, partitions: number): Promise<void> {
    this.#reach(cluster);
    this.grow(cluster, topic, partitions);
  }

  async topicConfigs(cluster: string, topics: readonly string[]) {
    this.#reach(cluster);
    const known = topics.map((topic) => [topic, this.topic(cluster, topic)?.configs] as const);
    return new Map(known.flatMap(([topic, configs]) => (configs === undefined ? [] : [[topic, configs] as const])));
  }

  #cluster(cluster: string): Map<string, TopicInfo & { configs: Record<string, string> }> {
    let topics = this.#topics.get(cluster);
    if (topics === undefined) {
      topics = new Map();
      this.#topics.set(cluster, topics);
    }
    return topics;
  }

  #reach(cluster: string): void {
    if (this.unreachable.has(cluster)) {
      throw new CausewayError('CLUSTER_UNREACHABLE', 'no broker answers', { place: { cluster } });
    }
  }
}
