import { Kafka, logLevel } from 'kafkajs';
import type { TopicShape } from './shapes.js';

/** An admin connection that says nothing. */
export function kafkaOf(bootstrapServers: string): Kafka {
  return new Kafka({ clientId: 'audit', brokers: bootstrapServers.split(','), logLevel: logLevel.NOTHING });
}

/** Creates the load's topics with replication factor 1 and waits until every partition has its leader. */
export async function createTopics(bootstrapServers: string, shapes: readonly TopicShape[]): Promise<void> {
  const admin = kafkaOf(bootstrapServers).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      waitForLeaders: true,
      timeout: 30_000,
      topics: shapes.map(({ topic, partitions, configs }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: Object.entries(configs ?? {}).map(([name, value]) => ({ name, value })),
      })),
    });
  } finally {
    await admin.disconnect();
  }
}

/** Grows a topic to `partitions` partitions. */
export async function addPartitions(bootstrapServers: string, topic: string, partitions: number): Promise<void> {
  const admin = kafkaOf(bootstrapServers).admin();
  await admin.connect();
  try {
    await admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] });
  } finally {
    await admin.disconnect();
  }
}
