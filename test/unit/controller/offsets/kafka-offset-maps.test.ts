import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeTopicProgress } from '../../../../common/coordination/records/desired.js';
import { checkpointGroup } from '../../../../common/model/checkpoint.js';
import type { Route } from '../../../../common/model/route.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { KafkaOffsetMaps } from '../../../../controller/offsets/kafka-offset-maps.js';
import { expectRead } from '../../../../controller/offsets/ports.js';
import { FakeGroups } from '../fake-groups.js';
import { routeOf } from '../kit.js';

const ROUTE: Route = routeOf('r');
const groupOf = (partition: number): string => {
  return checkpointGroup({ route: 'r', targetTopic: 't', partition, timeline: 1 });
};

test('a checkpoint that cannot be read is a fault of its partition, and not the same as knowing nothing', async () => {
  const target = new FakeGroups();
  const client = target.client('west');
  const progress = {
    ...{ route: 'r', topic: 't', sourceTopicId: null, targetTopic: 't', timeline: 1 },
    ...{ started: [0, 1, 2, 3], initialPartitions: 4 },
  };
  const store = { get: () => Promise.resolve({ data: encodeTopicProgress(progress), version: 0 }) };
  const maps = new KafkaOffsetMaps({
    ...{ client: () => client, fleet: 'f', logger: silentLogger },
    store: store as unknown as ConstructorParameters<typeof KafkaOffsetMaps>[0]['store'],
  });
  const other = [1, 2, 3].find((partition) => groupOf(partition) !== groupOf(0)) as number;
  const before = await maps.read(ROUTE, 't', [0, other]);
  assert.deepEqual([[...before.keys()], [...(before.unread ?? [])]], [[], []]);
  assert.equal(expectRead(before), before);
  target.denied.add(groupOf(0));
  const read = await maps.read(ROUTE, 't', [0, other]);
  assert.deepEqual([...(read.unread?.keys() ?? [])], [0]);
  assert.match(read.unread?.get(0)?.message ?? '', /GROUP_AUTHORIZATION_FAILED/);
  assert.throws(() => expectRead(read), { code: 'KAFKA_ERROR' });
});
