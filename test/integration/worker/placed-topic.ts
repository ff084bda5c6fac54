import { kafkaOf } from '../../audit/topics.js';
import { waitUntil } from '../../bed/wait.js';

type Replicas = readonly number[];

/** A topic whose partitions have these replicas, the preferred leader first; waits until all of them lead. */
export async function createPlacedTopic(
  bootstrapServers: string,
  topic: string,
  partitions: readonly Replicas[],
): Promise<void> {
  const admin = kafkaOf(bootstrapServers).admin();
  await admin.connect();
  try {
    const replicaAssignment = partitions.map((replicas, partition) => ({ partition, replicas: [...replicas] }));
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic, replicaAssignment }] });
    await waitUntil('every partition has its replicas in sync', async () => {
      const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
      const ready = found?.partitions.filter(
        ({ partitionId, leader, isr }) =>
          leader === partitions[partitionId]?.[0] && isr.length === partitions[partitionId]?.length,
      );
      return ready?.length === partitions.length;
    });
  } finally {
    await admin.disconnect();
  }
}

/** Gives a partition other replicas, and so another leader; waits until that leads. */
export async function movePartition(
  bootstrapServers: string,
  topic: string,
  partition: number,
  replicas: Replicas,
): Promise<void> {
  const admin = kafkaOf(bootstrapServers).admin();
  await admin.connect();
  try {
    const partitionAssignment = [{ partition, replicas: [...replicas] }];
    await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] });
    await waitUntil(`broker ${replicas[0]} leads ${topic}-${partition}`, async () => {
      const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
      const now = found?.partitions.find(({ partitionId }) => partitionId === partition);
      return now?.leader !== undefined && replicas.includes(now.leader) && now.replicas.length === replicas.length;
    });
  } finally {
    await admin.disconnect();
  }
}
