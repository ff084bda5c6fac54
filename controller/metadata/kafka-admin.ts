import type { CausewayError } from '../../common/errors/error.js';
import { type ClusterAdmin, openAdmin, type TopicConfigs } from '../../common/kafka/admin/admin.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import { knownCluster } from './cluster-clients.js';
import type { NewTopic, TargetAdmin } from './ports.js';

/** Changes to topics of the configured clusters, over one admin connection each, opened when first needed. */
export class KafkaAdmin implements TargetAdmin, Closable {
  readonly #clusters: ReadonlyMap<string, ClusterConnection>;
  readonly #logger: Logger;
  readonly #admins = new Map<string, ClusterAdmin>();

  constructor(clusters: ReadonlyMap<string, ClusterConnection>, logger: Logger) {
    this.#clusters = clusters;
    this.#logger = logger;
  }

  async createTopics(cluster: string, topics: readonly NewTopic[]): Promise<ReadonlyMap<string, CausewayError>> {
    const outcomes = await this.#admin(cluster).createTopics(topics);
    const failed = new Map<string, CausewayError>();
    for (const [topic, outcome] of outcomes) if (typeof outcome !== 'string') failed.set(topic, outcome);
    return failed;
  }

  async createPartitions(cluster: string, topic: string, partitions: number): Promise<void> {
    await this.#admin(cluster).createPartitions(topic, partitions);
  }

  topicConfigs(cluster: string, topics: readonly string[]): Promise<ReadonlyMap<string, TopicConfigs>> {
    return this.#admin(cluster).topicConfigs(topics);
  }

  async close(): Promise<void> {
    for (const admin of this.#admins.values()) await admin.close();
  }

  #admin(name: string): ClusterAdmin {
    let admin = this.#admins.get(name);
    if (admin === undefined) {
      admin = openAdmin(knownCluster(this.#clusters, name), this.#logger);
      this.#admins.set(name, admin);
    }
    return admin;
  }
}
