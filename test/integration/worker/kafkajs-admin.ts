import { type Admin, Kafka, logLevel } from 'kafkajs';
import type { ClusterConnection } from '../../../common/model/cluster.js';

/** Topics are made and cut by a client that is not under test here. */
async function withAdmin<T>(cluster: ClusterConnection, act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: [...cluster.bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await act(admin);
  } finally {
    await admin.disconnect();
  }
}

export async function createTopic(
  cluster: ClusterConnection,
  topic: string,
  partitions: number,
  configs: Readonly<Record<string, string>>,
): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  const topics = [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }];
  await withAdmin(cluster, (admin) => admin.createTopics({ topics, waitForLeaders: true }));
}

/** Moves a partition's log start, as retention would. */
export async function deleteRecords(
  cluster: ClusterConnection,
  topic: string,
  partition: number,
  before: bigint,
): Promise<void> {
  const partitions = [{ partition, offset: String(before) }];
  await withAdmin(cluster, async (admin) => {
    // kafkajs finds the leaders only of topics it was asked about before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions });
  });
}
