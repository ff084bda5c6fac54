import type { ClusterAdmin, TopicToCreate } from '../../../common/kafka/admin/admin.js';

/** Makes one topic; a failure is thrown. */
export async function createTopic(admin: ClusterAdmin, topic: TopicToCreate): Promise<'created' | 'exists'> {
  const outcome = (await admin.createTopics([topic])).get(topic.topic);
  if (outcome === undefined) throw new Error(`nothing was said of ${topic.topic}`);
  if (typeof outcome !== 'string') throw outcome;
  return outcome;
}
