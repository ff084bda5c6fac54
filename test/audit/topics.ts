import { Kafka, logLevel } from 'kafkajs';
import { waitUntil } from '../bed/wait.js';
import type { TopicShape } from './shapes.js';

/**
 * Asked again soon and for twenty seconds: kafkajs' own first pause of 300 ms lies between any two transactions, which a coordinator begins a few
 * milliseconds after the last one's end.
 */
const RETRY = { initialRetryTime: 20, retries: 10 };

/** A client that says nothing. */
export function kafkaOf(bootstrapServers: string): Kafka {
  const brokers = bootstrapServers.split(',');
  return new Kafka({ clientId: 'audit', brokers, logLevel: logLevel.NOTHING, retry: RETRY });
}

/** A topic to be made: any shape of the load is one. */
export type NewTopic = Pick<TopicShape, 'topic' | 'partitions' | 'configs'>;

/**
 * Creates topics (with replication factor 1 unless given) and waits until every partition has its leader, and that serves. kafkajs' own wait gives up
 * when a broker has not heard of the topic yet, which a KRaft broker may not for a moment after the controller made it; and it tells who leads a
 * moment before that one takes records.
 */
export async function createTopics(
  bootstrapServers: string,
  topics: readonly NewTopic[],
  replicationFactor = 1,
): Promise<void> {
  const admin = kafkaOf(bootstrapServers).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      waitForLeaders: false,
      timeout: 30_000,
      topics: topics.map(({ topic, partitions, configs }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor,
        configEntries: Object.entries(configs ?? {}).map(([name, value]) => ({ name, value })),
      })),
    });
    const wanted = topics.reduce((sum, { partitions }) => sum + partitions, 0);
    await waitUntil('every new partition has a leader', async () => {
      const metadata = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
      const led = metadata.topics.flatMap((topic) => topic.partitions.filter(({ leader }) => leader >= 0));
      return led.length === wanted;
    });
    for (const { topic } of topics) {
      await waitUntil(`the leaders of ${topic} serve`, async () => (await admin.fetchTopicOffsets(topic)).length > 0);
    }
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
