import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gapTopic } from '../../../common/model/gap.js';
import { OFFSET_MAP_PARTITIONS, offsetMapTopic } from '../../../common/model/offset-map.js';
import { ControllerKit, until } from './kit.js';

const GAPS = gapTopic('test');
const MAP = offsetMapTopic('test');

test('a topic added over REST is created at the target and spread over the workers', async () => {
  const kit = await ControllerKit.open();
  try {
    kit.kafka.addTopic('east', 'orders', 8, { 'cleanup.policy': 'delete', 'min.insync.replicas': '2' }, 5);
    const { client } = await kit.controller();
    const a = await kit.worker('a');
    const b = await kit.worker('b');
    await until(async () => (await client.status()).leader !== null);
    const { value } = await client.addTopic('r', { topic: 'orders' });
    assert.equal(value.targetTopic, 'orders');
    await until(
      () => a.held.size === 4 && b.held.size === 4,
      () => [a.keys(), b.keys()],
    );
    await until(() => kit.kafka.created.length === 3);
    const created = [...kit.kafka.created].sort((a, b) => (a.topic.topic < b.topic.topic ? -1 : 1));
    assert.deepEqual(created, [
      {
        cluster: 'west',
        topic: { topic: GAPS, partitions: 1, replicationFactor: 3, configs: { 'cleanup.policy': 'compact' } },
      },
      {
        cluster: 'west',
        topic: {
          topic: MAP,
          partitions: OFFSET_MAP_PARTITIONS,
          replicationFactor: 3,
          configs: { 'cleanup.policy': 'compact' },
        },
      },
      {
        cluster: 'west',
        topic: { topic: 'orders', partitions: 8, replicationFactor: 3, configs: { 'cleanup.policy': 'delete' } },
      },
    ]);
    const listed = await client.listTopics('r');
    assert.deepEqual(
      listed.topics.map((topic) => topic.topic),
      ['orders'],
    );
    const assignment = await client.assignment();
    assert.equal(assignment.workers.flatMap((worker) => worker.items).length, 8);
  } finally {
    await kit.close();
  }
});
