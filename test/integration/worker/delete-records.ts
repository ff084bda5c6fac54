import type { ClusterConnection } from '../../../common/model/cluster.js';
import { kafkaOf } from '../../audit/topics.js';

/** Moves a partition's log start, as retention would. */
export async function deleteRecords(
  cluster: ClusterConnection,
  topic: string,
  partition: number,
  before: bigint,
): Promise<void> {
  const admin = kafkaOf(cluster.bootstrap.join(',')).admin();
  await admin.connect();
  try {
    // kafkajs finds the leaders only of topics it was asked about before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] });
  } finally {
    await admin.disconnect();
  }
}
