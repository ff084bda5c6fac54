import type { Route } from '../model/route.js';

/*
 * Names of MirrorMaker 2's own topics and what its replication policies read from names (org.apache.kafka.connect.mirror.
 * {DefaultReplicationPolicy,IdentityReplicationPolicy}). Aliases are the clusters' names.
 */

export const HEARTBEATS = 'heartbeats';
const OFFSET_SYNCS = 'mm2-offset-syncs';
const CHECKPOINTS_SUFFIX = 'checkpoints';
const INTERNAL_SUFFIX = 'internal';
export const DEFAULT_SEPARATOR = '.';

/** The separator of the route's names: that of policy `default`, else MirrorMaker 2's own default. */
export function separatorOf({ naming }: Pick<Route, 'naming'>): string {
  return naming.policy === 'default' ? naming.separator : DEFAULT_SEPARATOR;
}

/** At the target of the flow from `source`. */
export function checkpointsTopic(source: string, separator = DEFAULT_SEPARATOR): string {
  return [source, CHECKPOINTS_SUFFIX, INTERNAL_SUFFIX].join(separator);
}

/** @param alias of the cluster that the topic is *not* on */
export function offsetSyncsTopic(alias: string, separator = DEFAULT_SEPARATOR): string {
  return [OFFSET_SYNCS, alias, INTERNAL_SUFFIX].join(separator);
}

/** The cluster that the topic came from last, by its name; undefined: it came from nowhere. */
export function topicSource(topic: string, separator = DEFAULT_SEPARATOR): string | undefined {
  const at = topic.indexOf(separator);
  // Java's split drops what is empty at the end: "foo." is not remote, ".b" comes from "".
  const rest = topic.slice(at + separator.length);
  if (at < 0 || isOnlySeparators(rest, separator)) return undefined;
  return topic.slice(0, at);
}

/** Its name at the cluster that it came from last; undefined: it came from nowhere. */
export function upstreamTopic(topic: string, separator = DEFAULT_SEPARATOR): string | undefined {
  const source = topicSource(topic, separator);
  return source === undefined ? undefined : topic.slice(source.length + separator.length);
}

/** Its name where it was made. */
export function originalTopic(topic: string, separator = DEFAULT_SEPARATOR): string {
  for (let name = topic; ; ) {
    const upstream = upstreamTopic(name, separator);
    if (upstream === undefined) return name;
    name = upstream;
  }
}

/** `heartbeats`, and its mirrors by any chain of clusters. */
export function isHeartbeatsTopic(topic: string, separator = DEFAULT_SEPARATOR): boolean {
  return originalTopic(topic, separator) === HEARTBEATS;
}

export function isCheckpointsTopic(topic: string, separator = DEFAULT_SEPARATOR): boolean {
  return topic.endsWith(`${separator}${CHECKPOINTS_SUFFIX}${separator}${INTERNAL_SUFFIX}`);
}

/** Kafka's, Connect's and MirrorMaker 2's own topics: never mirrored by it. */
export function isInternalTopic(topic: string, separator = DEFAULT_SEPARATOR): boolean {
  const ends = ['-internal', '.internal', `${separator}${INTERNAL_SUFFIX}`];
  return topic.startsWith('__') || topic.startsWith('.') || ends.some((end) => topic.endsWith(end));
}

/** True where mirroring it into `target` would bring back what was there already. */
export function isCycle(topic: string, target: string, separator = DEFAULT_SEPARATOR): boolean {
  for (let name: string | undefined = topic; name !== undefined; name = upstreamTopic(name, separator)) {
    if (topicSource(name, separator) === target) return true;
  }
  return false;
}

function isOnlySeparators(text: string, separator: string): boolean {
  return text.split(separator).every((part) => part === '');
}
