import type { Route } from '../../model/route.js';
import type { TopicPartition } from '../../model/topic-partition.js';
import type { FencingClient } from './fencing-client.js';

/**
 * Where lanes of these routes may have written refused records (exactly-once.md 5.3). Such a record goes to a partition that follows from its
 * own: to any there are. A topic that is not there is named all the same: the fence leaves it out.
 */
export async function deadLetterPartitions(
  client: Pick<FencingClient, 'metadata'>,
  routes: readonly Route[],
): Promise<TopicPartition[]> {
  const named = routes.flatMap(({ onRefusedRecord, deadLetterTopic }) =>
    onRefusedRecord === 'dead-letter' && deadLetterTopic !== undefined ? [deadLetterTopic] : [],
  );
  const topics = [...new Set(named)];
  if (topics.length === 0) return [];
  const metadata = await client.metadata(topics);
  return topics.flatMap((topic) =>
    (metadata.topics.get(topic)?.partitions ?? [{ partition: 0 }]).map(({ partition }) => ({ topic, partition })),
  );
}
