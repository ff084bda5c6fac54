/**
 * Items of one topic together, topics in the order of their first item: Kafka's requests nest partitions in topics.
 * A topic that was recreated counts as another one when ids are given.
 */
export function groupByTopic<T extends { readonly topic: string; readonly topicId?: string | null }>(
  items: readonly T[],
): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = item.topicId ? `${item.topic} ${item.topicId}` : item.topic;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
