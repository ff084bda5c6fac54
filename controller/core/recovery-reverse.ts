import type { CommonPoint } from '../../common/model/recovery.js';
import { type PartitionStart, type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import { nextTimeline } from './continuity.js';

/** What a new route between the same clusters is called. */
export function reverseName(route: string): string {
  const suffix = '-reverse';
  return route.endsWith(suffix) ? route.slice(0, -suffix.length) : `${route}${suffix}`;
}

/** Would this route copy every one of these target topics back to where it came from? */
export function isReverse(route: Route, other: Route, topics: readonly string[]): boolean {
  const sameClusters = other.source === route.target && other.target === route.source;
  return sameClusters && topics.every((topic) => targetTopicOf(other, targetTopicOf(route, topic)) === topic);
}

/** The route that copies the target topics back. It delivers as the route does; what it copies begins at single offsets. */
export function reverseRouteOf(route: Route, name: string, topics: readonly string[]): Route {
  const keepsNames = topics.every((topic) => targetTopicOf(route, topic) === topic);
  const names = Object.fromEntries(topics.map((topic) => [targetTopicOf(route, topic), topic]));
  const { selection: _selection, deadLetterTopic: _deadLetters, zones: _zones, ...others } = route;
  // What keeps rights and names in step in one direction is not for the other one: an operator says what is.
  const { acls: _acls, quotas: _quotas, users: _users, schemas: _schemas, mm2: _mm2, groups, ...settings } = others;
  return {
    ...settings,
    ...(groups === undefined ? {} : { groups: { ...groups, renames: [] } }),
    name,
    source: route.target,
    target: route.source,
    naming: keepsNames
      ? { policy: 'identity' }
      : { policy: 'map', topics: names, otherwise: { policy: 'default', separator: '.' } },
    start: 'earliest',
    // Whatever is refused on the way back is an operator's to judge: the topics named there are the old target's.
    onRefusedRecord: route.onRefusedRecord === 'dead-letter' ? 'pause' : route.onRefusedRecord,
  };
}

/** Why what this route copies cannot be copied back as it was; undefined: it can. */
export function oneWayFault({
  rules,
  partitionMapping,
  provenance,
  schemaIds,
  targetTopics,
}: Route): string | undefined {
  if (rules !== undefined) return 'its rules make other records of some: they cannot be turned back';
  if (partitionMapping !== undefined) return 'its partitions are folded or merged: there is no one way back';
  if (schemaIds !== undefined) return 'it exchanges schema ids: its copies are other records';
  if (provenance === true) return 'both directions are copied already (provenance)';
  if (targetTopics.shared === true) return 'others write into its target topics, too: there is no common point';
  return undefined;
}

/** Where the copy back begins: at what the old target got since the common point. */
export function reverseStarts(points: readonly CommonPoint[], topic: string): readonly PartitionStart[] {
  return points
    .filter((point) => point.topic === topic)
    .map(({ partition, target }) => ({ partition, from: target }))
    .sort((a, b) => a.partition - b.partition);
}

/** The entry of a topic on the route back. */
export function reversedEntry(
  entry: TopicEntry,
  reverse: { readonly route: string; readonly topic: string },
  starts: readonly PartitionStart[],
  addedAt: string,
): TopicEntry {
  const { limits, partitions } = entry;
  return { ...reverse, partitions, paused: false, skips: [], limits, addedAt, starts };
}

/**
 * Its next timeline, in which nothing has begun: positions of an earlier time that the topic was copied in this direction are void
 * (exactly-once.md 4.2). Partitions beyond `partitions` came to be later.
 */
export function renewedProgress(progress: TopicProgress, partitions: number): TopicProgress {
  const { route, topic, targetTopic, transactional } = progress;
  return {
    ...{ route, topic, targetTopic },
    // Both topics may have been made anew meanwhile: what they are is looked up when copying begins.
    sourceTopicId: null,
    ...(transactional === undefined ? {} : { transactional }),
    timeline: nextTimeline(progress),
    started: [],
    initialPartitions: partitions,
  };
}

export function sameStarts(a: readonly PartitionStart[] | undefined, b: readonly PartitionStart[]): boolean {
  return (
    a?.length === b.length && a.every(({ partition, from }, i) => b[i]?.partition === partition && b[i]?.from === from)
  );
}
