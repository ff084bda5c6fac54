import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { selectionPath } from '../../../common/coordination/znodes.js';
import type { TopicSelection } from '../../../common/model/selection.js';
import { ControllerKit, type KitOptions, routeOf, until } from './kit.js';

const ALL: TopicSelection = { include: ['.*'], exclude: [], targetMustExist: false, onUnmatched: 'keep' };

async function fleet(
  selection: TopicSelection,
  options: Parameters<typeof routeOf>[1] = {},
  deny: string[] = [],
  { settings, ...more }: KitOptions = {},
) {
  const routes = [routeOf('r', { selection, ...options })];
  const kit = await ControllerKit.open({ routes, settings: { deny, ...settings }, ...more });
  for (const topic of ['orders', 'payments', 'scratch-tmp', '__consumer_offsets']) kit.kafka.addTopic('east', topic, 2);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  const worker = await kit.worker('a');
  const mirrored = async () => (await controller.client.listTopics('r')).topics.map(({ topic }) => topic);
  const applied = () => until(async () => (await kit.store.get(selectionPath('r'))) !== undefined);
  return { kit, worker, mirrored, applied, client: controller.client };
}

describe('automatic selection', () => {
  test('takes up what is there and what comes, each within a listing; starts new topics at their first record', async () => {
    const { kit, worker, mirrored, applied, client } = await fleet(
      { ...ALL, exclude: ['.*-tmp'] },
      { start: 'latest' },
    );
    try {
      await until(() => worker.held.size === 4);
      assert.deepEqual(await mirrored(), ['orders', 'payments']);
      await applied();
      kit.kafka.addTopic('east', 'late', 1);
      kit.kafka.addTopic('east', 'late-tmp', 1);
      await until(() => worker.held.size === 5);
      const starts = Object.fromEntries([...worker.held.values()].map((item) => [item.topic, item.start]));
      assert.deepEqual(starts, { orders: 'latest', payments: 'latest', late: 'beginning' });
      assert.equal((await client.getTopic('r', 'late')).value.origin, 'appeared');
      assert.equal((await client.getTopic('r', 'orders')).value.origin, 'selected');
    } finally {
      await kit.close();
    }
  });

  test('a new leader knows that the selection stood: what comes under it is copied from its first record too', async () => {
    const { kit, worker, applied } = await fleet(ALL, { start: 'latest' });
    try {
      await until(() => worker.held.size === 6);
      await applied();
      await kit.controller();
      kit.kafka.addTopic('east', 'late', 1);
      await until(() => worker.held.size === 7);
      const late = [...worker.held.values()].find(({ topic }) => topic === 'late');
      assert.equal(late?.start, 'beginning');
    } finally {
      await kit.close();
    }
  });

  test('what an operator removes is denied and does not come back; adding or allowing it lifts that', async () => {
    const { kit, worker, mirrored, applied, client } = await fleet(ALL);
    try {
      await until(() => worker.held.size === 6);
      await applied();
      await client.deleteTopic('r', 'orders');
      await until(() => worker.held.size === 4);
      const before = kit.kafka.lists;
      await until(() => kit.kafka.lists > before + 3);
      assert.deepEqual(await mirrored(), ['payments', 'scratch-tmp']);
      assert.deepEqual(
        (await client.denials('r')).denials.map(({ topic }) => topic),
        ['orders'],
      );
      await client.addTopic('r', { topic: 'orders' });
      assert.deepEqual((await client.denials('r')).denials, []);
      await until(() => worker.held.size === 6);
      await client.deleteTopic('r', 'payments');
      await client.allowTopic('r', 'payments');
      await until(async () => (await mirrored()).includes('payments'));
      assert.equal((await client.getTopic('r', 'payments')).value.origin, 'selected', 'it was known before');
    } finally {
      await kit.close();
    }
  });

  test('patterns that change take nothing away in silence: kept or stopped, said, and taken back', async () => {
    const { kit, worker, mirrored, client } = await fleet(ALL);
    const change = async (selection: TopicSelection) => {
      const { include, exclude, ...rest } = selection;
      await client.patchRoute('r', { selection: { include: [...include], exclude: [...exclude], ...rest } });
    };
    const pausedTopics = () => [
      ...new Set([...worker.held.values()].filter(({ paused }) => paused).map((i) => i.topic)),
    ];
    try {
      await until(() => worker.held.size === 6);
      await change({ ...ALL, include: ['orders'] });
      await until(async () => (await client.problems()).problems.length === 2);
      assert.deepEqual(
        (await client.problems()).problems.map(({ topic, code }) => [topic, code]),
        [
          ['payments', 'TOPIC_UNSELECTED'],
          ['scratch-tmp', 'TOPIC_UNSELECTED'],
        ],
      );
      assert.deepEqual(pausedTopics(), []);
      await change({ ...ALL, include: ['orders'], onUnmatched: 'stop' });
      await until(() => pausedTopics().length === 2);
      assert.deepEqual(await mirrored(), ['orders', 'payments', 'scratch-tmp']);
      await change(ALL);
      await until(() => pausedTopics().length === 0);
      await client.patchRoute('r', { selection: null });
      await until(async () => (await client.getRoute('r')).value.selection === undefined);
      assert.deepEqual((await client.problems()).problems, []);
      assert.equal(worker.held.size, 6);
    } finally {
      await kit.close();
    }
  });

  test('the deny list wins: nothing of it is selected, nothing can be added, what is mirrored stops', async () => {
    const { kit, worker, mirrored, client } = await fleet(ALL, {}, ['pay.*']);
    try {
      await until(() => worker.held.size === 4);
      assert.deepEqual(await mirrored(), ['orders', 'scratch-tmp']);
      for (const topic of ['payments', '__consumer_offsets', 'causeway.test.gaps']) {
        await assert.rejects(client.addTopic('r', { topic }), { code: 'TOPIC_DENIED' });
      }
      await client.denyTopic('r', 'orders', 'not yet');
      await until(() => [...worker.held.values()].filter(({ paused }) => paused).length === 2);
      const [problem] = (await client.problems()).problems;
      assert.deepEqual([problem?.topic, problem?.code], ['orders', 'TOPIC_DENIED']);
      await client.allowTopic('r', 'orders');
      await until(() => [...worker.held.values()].every(({ paused }) => !paused));
    } finally {
      await kit.close();
    }
  });

  test('a preview tells what would be taken, what is left and why, and what would stop; nothing is done', async () => {
    const { kit, worker, mirrored, client } = await fleet({ ...ALL, include: ['orders'] });
    try {
      await until(() => worker.held.size === 2);
      const now = await client.selection('r');
      assert.deepEqual([now.atSource, now.mirrored, now.notIncluded, now.counts.selected], [4, 1, 3, 0]);
      const tried = await client.selection('r', {
        include: ['(pay|scratch|__).*'],
        exclude: ['.*-tmp'],
        onUnmatched: 'stop',
      });
      assert.deepEqual(tried.selected, ['payments']);
      assert.deepEqual(
        tried.left.map(({ topic, why }) => [topic, why]),
        [
          ['__consumer_offsets', 'denied'],
          ['scratch-tmp', 'excluded'],
        ],
      );
      assert.deepEqual(
        tried.unmatched.map(({ topic, stops }) => [topic, stops]),
        [['orders', true]],
      );
      assert.equal(tried.truncated, false);
      assert.deepEqual(await mirrored(), ['orders']);
      await assert.rejects(client.selection('r', { include: ['(?=x)'] }), { code: 'INVALID_REQUEST' });
      await assert.rejects(client.selection('nope'), { code: 'ROUTE_UNKNOWN' });
    } finally {
      await kit.close();
    }
  });

  test('uReplicator’s way: only what both clusters have; its DELETE keeps a topic away, served or not, its POST brings it', async () => {
    const { kit, worker, client } = await fleet({ ...ALL, targetMustExist: true });
    const url = (await client.status()).leader?.http ?? '';
    const send = async (method: string, path: string) => (await fetch(`${url}${path}`, { method })).text();
    try {
      kit.kafka.addTopic('west', 'orders', 2);
      await until(() => worker.held.size === 2);
      assert.equal(await send('DELETE', '/topics/payments'), 'Failed to delete not existed topic: payments');
      kit.kafka.addTopic('west', 'payments', 2);
      kit.kafka.addTopic('west', 'scratch-tmp', 2);
      await until(() => worker.held.size === 4);
      assert.equal(await send('GET', '/topics'), 'Current serving topics: [orders, scratch-tmp]');
      await send('POST', '/topics/payments');
      await until(() => worker.held.size === 6);
      assert.deepEqual((await client.denials('r')).denials, []);
    } finally {
      await kit.close();
    }
  });

  test('a denial counts from its answer on, though the leader’s watch has not told of it', async () => {
    const { kit, client } = await fleet(ALL, {}, [], { deaf: true, settings: { reconcileIntervalMs: 60_000 } });
    try {
      await client.denyTopic('r', 'late');
      kit.kafka.addTopic('east', 'late', 1);
      kit.kafka.addTopic('east', 'later', 1);
      const mirrored = async () => (await client.listTopics('r')).topics.map(({ topic }) => topic);
      await until(async () => (await mirrored()).includes('later'), mirrored);
      assert.ok(!(await mirrored()).includes('late'));
    } finally {
      await kit.close();
    }
  });

  test('a cluster that does not answer takes nothing away, and what it shows later is taken up', async () => {
    const { kit, worker } = await fleet(ALL);
    try {
      await until(() => worker.held.size === 6);
      kit.kafka.unreachable.add('east');
      kit.kafka.addTopic('east', 'late', 1);
      const before = kit.kafka.lists;
      await until(() => kit.kafka.lists > before + 1);
      assert.equal(worker.held.size, 6);
      kit.kafka.unreachable.delete('east');
      await until(() => worker.held.size === 7);
    } finally {
      await kit.close();
    }
  });

  test('thousands at once are taken up, and the leader stays responsive', async () => {
    const kit = await ControllerKit.open({ routes: [routeOf('r', { selection: ALL })] });
    try {
      for (let i = 0; i < 2_500; i++) kit.kafka.addTopic('east', `t-${i}`, 1);
      const { client } = await kit.controller();
      await until(
        async () => (await client.getRoute('r').catch(() => undefined))?.value.topics === 2_500,
        () => '',
        30_000,
      );
      assert.equal((await client.selection('r')).counts.selected, 0);
    } finally {
      await kit.close();
    }
  });
});
