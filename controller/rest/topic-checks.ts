import { CausewayError } from '../../common/errors/error.js';
import { type PartitionStart, type Route, targetTopicOf } from '../../common/model/route.js';
import { topicNameFault } from '../../common/model/topic-partition.js';
import { neverMirrored } from '../core/own-topics.js';
import type { TopicRules } from '../core/selection.js';
import type { TopicInfo } from '../metadata/ports.js';

/* What can be said against an order about a topic before anything is written. */

/** @throws TOPIC_DENIED */
export function checkDenied(route: Route, topic: string, rules: Pick<TopicRules, 'denied'>): void {
  const pattern = rules.denied(topic);
  const listed = pattern === undefined ? undefined : `the configuration’s deny list has ${pattern}`;
  const why = neverMirrored(topic) ?? listed;
  if (why === undefined) return;
  throw new CausewayError('TOPIC_DENIED', `the topic is never mirrored: ${why}`, {
    place: { route: route.name, topic },
  });
}

/** @throws TOPIC_NAME_ILLEGAL */
export function checkName(route: Route, topic: string): void {
  const fault = topicNameFault(topic);
  const target = fault === undefined ? topicNameFault(targetTopicOf(route, topic)) : undefined;
  if (fault === undefined && target === undefined) return;
  const which =
    fault === undefined ? `the target topic’s name would be illegal: ${target}` : `the topic name is illegal: ${fault}`;
  throw new CausewayError('TOPIC_NAME_ILLEGAL', which, { place: { route: route.name, topic: topic.slice(0, 249) } });
}

/** @throws PARTITIONS_BEYOND_SOURCE */
export function checkPartitions(route: Route, topic: string, partitions: number | 'all', info: TopicInfo): void {
  if (partitions === 'all' || partitions <= info.partitions) return;
  const message = `the source topic has ${info.partitions} partitions, not ${partitions}`;
  throw new CausewayError('PARTITIONS_BEYOND_SOURCE', message, {
    place: { route: route.name, topic },
    fix: 'Ask for at most that many, or for "all", which follows the source as it grows.',
  });
}

/** @throws PARTITIONS_BEYOND_SOURCE */
export function checkStarts(
  route: Route,
  topic: string,
  starts: readonly PartitionStart[] | undefined,
  info: TopicInfo,
): void {
  const beyond = starts?.find(({ partition }) => partition >= info.partitions);
  if (beyond === undefined) return;
  const message = `the source topic has ${info.partitions} partitions, and no partition ${beyond.partition} that could begin anywhere`;
  throw new CausewayError('PARTITIONS_BEYOND_SOURCE', message, {
    place: { route: route.name, topic, partition: beyond.partition },
    fix: 'Name partitions that exist in starts; those that come to be later begin at their first record.',
  });
}

export function exists(route: Route, topic: string): CausewayError {
  return new CausewayError('TOPIC_EXISTS', 'the route mirrors this topic already', {
    place: { route: route.name, topic },
  });
}
