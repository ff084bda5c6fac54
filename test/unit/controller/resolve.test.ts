import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { type ContinuityPolicy, DEFAULT_CONTINUITY } from '../../../common/model/continuity.js';
import { ControllerKit, routeOf, until } from './kit.js';

async function fleet(policy: Partial<ContinuityPolicy> = {}) {
  const route = routeOf('r', { continuity: { ...DEFAULT_CONTINUITY, ...policy } });
  const kit = await ControllerKit.open({ routes: [route] });
  kit.kafka.addTopic('east', 't', 3);
  const { client } = await kit.controller();
  await until(async () => (await client.status()).leader !== null);
  const worker = await kit.worker('a');
  await worker.serve();
  await client.addTopic('r', { topic: 't' });
  await until(async () => (await kit.store.get('/progress/r/t'))?.data.toString().includes('"started":"0-2"'));
  const items = (): AssignmentItem[] => [...worker.held.values()].sort((a, b) => a.partition - b.partition);
  const problems = async (): Promise<string[]> =>
    (await client.describeTopic('r', 't')).problems.map(({ code }) => code).sort();
  return { kit, worker, client, items, problems };
}

describe('4.2 topics that are not what they were, under a leader', () => {
  test('a recreated source topic is started anew where the route says so: another timeline, from the first record', async () => {
    const { kit, items, problems } = await fleet({ sourceRecreated: 'restart' });
    try {
      kit.kafka.addTopic('east', 't', 2);
      const id = kit.kafka.topic('east', 't')?.topicId;
      await until(() => items().length === 2 && items().every(({ timeline }) => timeline === 2));
      for (const item of items()) {
        assert.deepEqual([item.sourceTopicId, item.start, item.paused], [id, 'beginning', false]);
        assert.deepEqual(item.origin, { cause: 'source-recreated', from: 'start', former: 1 });
      }
      assert.deepEqual(await problems(), []);
    } finally {
      await kit.close();
    }
  });

  test('a recreated source topic that is held says so in the items; an operator’s restart begins the new one', async () => {
    const { kit, client, items } = await fleet();
    try {
      kit.kafka.addTopic('east', 't', 3);
      await until(() => items().every(({ hold }) => hold?.code === 'SOURCE_RECREATED'));
      await assert.rejects(client.resolve('r', 't', { action: 'continue', reason: 'x' }), {
        code: 'NOTHING_TO_RESOLVE',
      });
      await client.resolve('r', 't', { action: 'restart', reason: 'the new one is right' });
      await until(
        () => items().length === 3 && items().every(({ timeline, hold }) => timeline === 2 && hold === undefined),
      );
      assert.equal(items()[0]?.origin?.cause, 'source-recreated');
    } finally {
      await kit.close();
    }
  });

  test('a deleted target topic is left alone until an operator lets it go on; then it is made anew and the positions carry over', async () => {
    const { kit, client, items, problems } = await fleet();
    try {
      kit.kafka.deleteTopic('west', 't');
      await until(async () => (await problems()).includes('TARGET_TOPIC_DELETED'));
      assert.equal(kit.kafka.topic('west', 't'), undefined);
      await client.resolve('r', 't', { action: 'continue', reason: 'emptied on purpose' });
      await until(() => items().length === 3 && items().every(({ timeline }) => timeline === 2));
      assert.equal(kit.kafka.topic('west', 't')?.partitions, 3);
      assert.deepEqual(items()[0]?.origin, { cause: 'target-recreated', from: 'position', former: 1 });
      assert.deepEqual(await problems(), []);
    } finally {
      await kit.close();
    }
  });

  test('a target topic made anew by somebody is copied again from the start where the route says so', async () => {
    const { kit, items } = await fleet({ targetRecreated: 'restart' });
    try {
      kit.kafka.addTopic('west', 't', 3);
      await until(() => items().length === 3 && items().every(({ timeline }) => timeline === 2));
      assert.deepEqual(
        items().map(({ origin, start }) => [origin?.cause, origin?.from, start]),
        Array.from({ length: 3 }, () => ['target-recreated', 'start', 'earliest']),
      );
    } finally {
      await kit.close();
    }
  });

  test('a deleted source topic is given up by its workers where the route says so, and taken up when it is back', async () => {
    const { kit, worker, problems } = await fleet({ sourceDeleted: 'stop', sourceRecreated: 'restart' });
    try {
      kit.kafka.deleteTopic('east', 't');
      await until(() => worker.held.size === 0);
      await until(async () => (await problems()).includes('SOURCE_TOPIC_DELETED'));
      kit.kafka.addTopic('east', 't', 1);
      await until(() => worker.held.size === 1);
    } finally {
      await kit.close();
    }
  });

  test('an operator’s word reaches the partition that waits for it, and a restart gives it alone another timeline', async () => {
    const { kit, worker, client, items } = await fleet();
    try {
      await assert.rejects(client.resolve('r', 't', { partition: 1, action: 'continue', reason: 'x' }), {
        code: 'NOTHING_TO_RESOLVE',
      });
      worker.says = ({ partition }) =>
        partition === 1 ? { state: 'paused', reason: { code: 'SOURCE_TRUNCATED', message: 'm' } } : {};
      await until(async () => {
        const { partitions } = await client.describeTopic('r', 't');
        return partitions[1]?.reason?.code === 'SOURCE_TRUNCATED';
      });
      const order = await client.resolve('r', 't', { partition: 1, action: 'continue', reason: 'known' });
      assert.deepEqual([order.timeline, order.partition], [1, 1]);
      await until(() => items()[1]?.resolve?.action === 'continue');
      assert.equal(items()[0]?.resolve, undefined);
      await client.resolve('r', 't', { partition: 1, action: 'restart', reason: 'rather so' });
      await until(() => items()[1]?.timeline === 2);
      assert.deepEqual(
        items().map(({ timeline, resolve }) => [timeline, resolve]),
        [
          [1, undefined],
          [2, undefined],
          [1, undefined],
        ],
      );
      const { value } = await client.getTopic('r', 't');
      assert.equal(value.resolutions.length, 1, 'the latest of each partition');
    } finally {
      await kit.close();
    }
  });
});
