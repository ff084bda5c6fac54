import { CausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { SourceMetadata, TopicInfo } from '../metadata/ports.js';

type Describing = Pick<SourceMetadata, 'describe'>;

/** @throws TOPIC_UNKNOWN_AT_SOURCE, CLUSTER_UNREACHABLE */
export async function topicAtSource(metadata: Describing, route: Route, topic: string): Promise<TopicInfo> {
  const snapshot = await metadata.describe(route.source, [topic]);
  const info = snapshot.topics.get(topic);
  const place = { route: route.name, topic, cluster: route.source };
  if (info === 'absent') {
    throw new CausewayError('TOPIC_UNKNOWN_AT_SOURCE', 'the source cluster has no such topic', {
      place,
      fix: 'Check the name; create the topic at the source first.',
    });
  }
  if (info === undefined || info === 'unknown') {
    throw new CausewayError('CLUSTER_UNREACHABLE', 'the source cluster does not describe the topic', {
      place,
      fix: 'Check that Causeway may describe it and that its partitions have leaders.',
    });
  }
  return info;
}

/** @returns how many each topic has, undefined: there is none; without those that the source does not tell of @throws CLUSTER_UNREACHABLE */
export async function partitionsAtSource(
  metadata: Describing,
  route: Route,
  names: readonly string[],
): Promise<ReadonlyMap<string, number | undefined>> {
  const { topics } = await metadata.describe(route.source, names);
  return new Map(
    names.flatMap((name): (readonly [string, number | undefined])[] => {
      const info = topics.get(name);
      if (info === undefined || info === 'unknown') return [];
      return [[name, info === 'absent' ? undefined : info.partitions]];
    }),
  );
}
