import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeTopicEntry, encodeTopicEntry } from '../../../common/coordination/records/desired.js';
import { topicPath } from '../../../common/coordination/znodes.js';
import { ControllerKit, routeOf, until } from './kit.js';

async function fleet(options: Parameters<typeof ControllerKit.open>[0] = {}) {
  const kit = await ControllerKit.open(options);
  kit.kafka.addTopic('east', 't', 3);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  const worker = await kit.worker('a');
  return { kit, worker, ...controller };
}

describe('starts of single partitions', () => {
  test('reach the worker until the partition has begun; partitions that come later begin at their first record', async () => {
    const { kit, worker, client } = await fleet({ routes: [routeOf('r', { start: 'latest' })] });
    try {
      const starts = [
        { partition: 2, from: 'earliest' },
        { partition: 1, from: '1500' },
      ];
      const { value } = await client.addTopic('r', { topic: 't', starts });
      assert.deepEqual(value.starts, [starts[1], starts[0]]);
      await until(() => worker.held.size === 3);
      const begins = () =>
        [...worker.held.values()]
          .sort((a, b) => a.partition - b.partition)
          .map(({ start, startOffset }) => [start, startOffset]);
      assert.deepEqual(begins().slice(0, 3), [
        ['latest', undefined],
        ['latest', 1500n],
        ['earliest', undefined],
      ]);
      kit.kafka.grow('east', 't', 4);
      await until(() => worker.held.size === 4);
      assert.deepEqual(begins()[3], ['beginning', undefined]);
    } finally {
      await kit.close();
    }
  });

  test('a partition that the source does not have cannot begin anywhere; one is named once', async () => {
    const { kit, client } = await fleet();
    try {
      const add = (starts: { partition: number; from: string }[]) => client.addTopic('r', { topic: 't', starts });
      await assert.rejects(add([{ partition: 3, from: '0' }]), { code: 'PARTITIONS_BEYOND_SOURCE' });
      await assert.rejects(
        add([
          { partition: 1, from: '0' },
          { partition: 1, from: '9' },
        ]),
        { code: 'INVALID_REQUEST' },
      );
      await assert.rejects(add([{ partition: 1, from: '-1' }]), { code: 'INVALID_REQUEST' });
    } finally {
      await kit.close();
    }
  });

  test('a retired topic is taken off its workers, keeps its settings, and is in nobody’s way', async () => {
    const { kit, worker, client } = await fleet({
      routes: [routeOf('r'), routeOf('back', { source: 'west', target: 'east' })],
    });
    try {
      await client.addTopic('r', { topic: 't', limits: { bytesPerS: 1000 } });
      await until(() => worker.held.size === 3);
      await assert.rejects(client.addTopic('back', { topic: 't' }), { code: 'TARGET_CONFLICT' });
      const path = topicPath('r', 't');
      const node = await kit.store.get(path);
      assert.ok(node !== undefined);
      const retired = { by: 'x', at: '2026-01-01T00:00:00.000Z' };
      await kit.store.set(path, encodeTopicEntry({ ...decodeTopicEntry(node.data, path), retired }), node.version);
      await until(() => worker.held.size === 0);
      const { value } = await client.getTopic('r', 't');
      assert.deepEqual([value.retired, value.limits], [retired, { bytesPerS: 1000 }]);
      const why = await client.why('r', 't', 0);
      assert.match(why.summary, /recovery program x took the topic off its workers/);
      const { topics } = await client.status();
      assert.deepEqual(
        topics.map(({ retired }) => retired),
        ['x'],
      );
      await client.addTopic('back', { topic: 't' });
      await until(() => worker.held.size === 3 && [...worker.held.values()].every(({ route }) => route === 'back'));
    } finally {
      await kit.close();
    }
  });
});
