import { mergesPartitions } from '../../common/model/record-rules.js';
import { isRetired, type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';

/** Why no position in a topic of the target is one of the source's; undefined: it is. */
export type WhyShared = (targetTopic: string) => string | undefined;

export interface RouteEntries {
  readonly route: Route;
  readonly entries: readonly TopicEntry[];
}

/** Of a route by itself, whatever others do. */
export function whyShared({ partitionMapping, targetTopics }: Route): string | undefined {
  if (mergesPartitions(partitionMapping)) return 'several source partitions are copied into one of the target';
  return targetTopics.shared === true ? 'targetTopics.shared says that others write into the target topic' : undefined;
}

/**
 * Topics of the target that other routes copied into, too. Between records of two sources there is no order: a reader that goes on behind one
 * source's copies would miss the other's in front of them. What was copied before a topic was retired is still there.
 */
export function sharedTopics(own: RouteEntries, others: readonly RouteEntries[]): WhyShared {
  const ours = new Map(own.entries.map((entry) => [targetTopicOf(own.route, entry.topic), entry]));
  const found = new Map<string, string>();
  for (const { route, entries } of others) {
    if (route.name === own.route.name || route.target !== own.route.target) continue;
    for (const entry of entries) {
      const targetTopic = targetTopicOf(route, entry.topic);
      const ourEntry = ours.get(targetTopic);
      if (ourEntry === undefined || found.has(targetTopic)) continue;
      if (!mayBothHaveWritten({ route: own.route, entry: ourEntry }, { route, entry })) continue;
      found.set(targetTopic, `topic ${entry.topic} of route ${route.name} is copied into the target topic, too`);
    }
  }
  return (targetTopic) => found.get(targetTopic);
}

interface Placed {
  readonly route: Route;
  readonly entry: TopicEntry;
}

/** Of two live ones that are not transactional only the earlier is copied at all (core/conflicts.ts): it goes on undisturbed. */
function mayBothHaveWritten(a: Placed, b: Placed): boolean {
  const isAnyRetired = isRetired(a.entry) || isRetired(b.entry);
  // One route in the place of another: records of one log are in its order, whoever copied them.
  if (isAnyRetired && a.route.source === b.route.source && a.entry.topic === b.entry.topic) return false;
  return isAnyRetired || (a.route.delivery === 'transactional' && b.route.delivery === 'transactional');
}
