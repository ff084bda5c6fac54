import { OffsetClient } from '../../../common/api/offset-client.js';
import type { RestTransport } from '../../../common/api/rest-transport.js';
import { encodeTopicProgress } from '../../../common/coordination/records/desired.js';
import type { LostStretch, PartitionMap, Run } from '../../../common/model/offset-map.js';
import type { Route } from '../../../common/model/route.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { KafkaOffsetMaps } from '../../../controller/offsets/kafka-offset-maps.js';
import type { TestCluster } from '../worker/thread-kit.js';

/** The map of a partition, page by page over REST. */
export async function mapOverRest(
  transport: RestTransport,
  route: string,
  topic: string,
  partition = 0,
): Promise<PartitionMap> {
  const client = new OffsetClient(transport);
  const runs: Run[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    const { entries, next, lostStretches, head, timeline } = await client.map(route, topic, partition, page);
    for (const { source, target, length } of entries) {
      runs.push({ source: BigInt(source), target: BigInt(target), length: BigInt(length) });
    }
    if (next !== null) {
      cursor = next;
      continue;
    }
    const range = ({ from, to }: { from: string; to: string }) => ({ from: BigInt(from), to: BigInt(to) });
    const lost: LostStretch[] = lostStretches.map(({ source, target, reason }) => {
      return { source: range(source), target: range(target), reason };
    });
    const map = { timeline, runs, head: { source: BigInt(head.source), target: BigInt(head.target) } };
    return lost.length === 0 ? map : { ...map, lost };
  }
}

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
