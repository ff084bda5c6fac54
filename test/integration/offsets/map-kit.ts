import { encodeTopicProgress } from '../../../common/coordination/records/desired.js';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import type { Route } from '../../../common/model/route.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { KafkaOffsetMaps } from '../../../controller/offsets/kafka-offset-maps.js';
import type { TestCluster } from '../worker/thread-kit.js';

/** Reads maps as a controller does, for a topic that no controller knows of. */
export async function mapAtTarget(
  target: TestCluster,
  route: Route,
  topic: string,
  partition = 0,
): Promise<PartitionMap | undefined> {
  const progress = encodeTopicProgress({
    route: route.name,
    topic,
    sourceTopicId: null,
    targetTopic: topic,
    timeline: 1,
    started: [partition],
    initialPartitions: 1,
  });
  const maps = new KafkaOffsetMaps({
    store: { get: () => Promise.resolve({ data: progress, version: 1, createdAt: '' } as never) },
    client: () => target.client,
    fleet: 'test',
    logger: silentLogger,
  });
  return (await maps.read(route, topic, [partition])).get(partition);
}
