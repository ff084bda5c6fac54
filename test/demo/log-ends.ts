import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import { AuditCluster } from '../audit/audit-cluster.js';
import type { TopicShape } from '../audit/shapes.js';

/** Where the logs of the load's topics end: the demo's own measure, independent of what Causeway says of itself. */
export class LogEnds {
  readonly #cluster: AuditCluster;
  readonly #partitions: readonly TopicPartition[];

  /** @param requestTimeoutMs how long a broker may take to answer; 30 s unless given */
  constructor(bootstrapServers: string, shapes: readonly TopicShape[], requestTimeoutMs?: number) {
    this.#cluster = new AuditCluster(bootstrapServers, requestTimeoutMs);
    this.#partitions = shapes.flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    );
  }

  /** By `topic-partition`; partitions that do not exist yet are left out. */
  async read(): Promise<Map<string, number>> {
    const ends = await this.#cluster.ends(this.#partitions);
    const byKey = new Map<string, number>();
    this.#partitions.forEach(({ topic, partition }, index) => {
      const end = ends[index] as number;
      if (end >= 0) byKey.set(partitionKey(topic, partition), end);
    });
    return byKey;
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }
}
