import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RecoveryClient } from '../../../common/api/recovery-client.js';
import { createTopics, kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { TestCluster } from '../worker/thread-kit.js';
import { ExampleFleet } from './example-fleet.js';
import { audit, auditMerged, shapeOf, writeSigned, writing, written } from './topology-kit.js';

/** Of each side and partition. */
const ACCOUNTS = 200;

describe('examples with two clusters', () => {
  let here: KafkaClusterHandle;
  let there: KafkaClusterHandle;

  before(async () => {
    [here, there] = await Promise.all([
      startKafkaCluster({ name: 'here' }),
      startKafkaCluster({ name: 'there', version: '4.1.0' }),
    ]);
  });

  after(async () => {
    await Promise.all([here?.stop(), there?.stop()]);
  });

  /** Where a group stands in partition 0 of a topic; undefined: nowhere. */
  async function positionOf(cluster: KafkaClusterHandle, groupId: string, topic: string): Promise<string | undefined> {
    const admin = kafkaOf(cluster.bootstrapServers).admin();
    await admin.connect();
    try {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      return found?.partitions.find(({ partition }) => partition === 0)?.offset;
    } finally {
      await admin.disconnect();
    }
  }

  async function stand(cluster: KafkaClusterHandle, groupId: string, topic: string, offset: string): Promise<void> {
    const admin = kafkaOf(cluster.bootstrapServers).admin();
    await admin.connect();
    try {
      await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset }] });
    } finally {
      await admin.disconnect();
    }
  }

  test('active-standby: the same topics, records and group positions at the standby', async () => {
    const fleet = await ExampleFleet.start('active-standby', {
      ACTIVE: here.bootstrapServers,
      STANDBY: there.bootstrapServers,
    });
    try {
      const load = await writing(here, ['invoices']);
      await written(load);
      await fleet.caughtUp('active-standby', ['invoices'], here);
      await audit(here, there, [load]);
      await stand(here, 'billing', 'invoices', '317');
      const isThere = async (): Promise<boolean> => (await positionOf(there, 'billing', 'invoices')) === '317';
      await waitUntil('the group stands there as here', isThere, { timeoutMs: 20_000 });
    } finally {
      await fleet.close();
    }
  });

  test('active-active under two names: each side has the other’s topic beside its own, and nothing goes back', async () => {
    const fleet = await ExampleFleet.start('active-active', {
      EAST: here.bootstrapServers,
      WEST: there.bootstrapServers,
    });
    try {
      const loads = [await writing(here, ['orders']), await writing(there, ['orders'])] as const;
      await Promise.all(loads.map((load) => written(load)));
      await fleet.caughtUp('east-west', ['orders'], here);
      await fleet.caughtUp('west-east', ['orders'], there);
      await audit(here, there, [loads[0]], (topic) => `east.${topic}`);
      await audit(there, here, [loads[1]], (topic) => `west.${topic}`);
      const selected = await Promise.all(
        ['east-west', 'west-east'].map(async (route) => (await fleet.client.listTopics(route)).topics),
      );
      const names = selected.flat().map(({ topic }) => topic);
      assert.ok(names.includes('orders') && names.every((name) => !/^(east|west)[.]/.test(name)), names.join());
    } finally {
      await fleet.close();
    }
  });

  test('active-active under one name: both sides end with the records of both, each once, each writer’s in order', async () => {
    for (const cluster of [here, there]) await createTopics(cluster.bootstrapServers, [shapeOf('accounts')]);
    const fleet = await ExampleFleet.start('active-active-same-name', {
      EAST: here.bootstrapServers,
      WEST: there.bootstrapServers,
    });
    const sides = [new TestCluster(here), new TestCluster(there)] as const;
    try {
      await Promise.all([
        writeSigned(sides[0], 'accounts', 'east', { from: 0, until: ACCOUNTS }),
        writeSigned(sides[1], 'accounts', 'west', { from: 0, until: ACCOUNTS }),
      ]);
      await fleet.caughtUp('east-west', ['accounts'], here);
      await fleet.caughtUp('west-east', ['accounts'], there);
      for (const cluster of [here, there]) await auditMerged(cluster, 'accounts', ['east', 'west'], ACCOUNTS);
    } finally {
      await Promise.all(sides.map((side) => side.client.close()));
      await fleet.close();
    }
  });

  test('migration: a topic is copied, its consumers’ positions with it, and cut over', async () => {
    const fleet = await ExampleFleet.start('migration', { OLD: here.bootstrapServers, NEW: there.bootstrapServers });
    try {
      const load = await writing(here, ['stock']);
      await fleet.client.addTopic('old-new', { topic: 'stock', partitions: 'all', paused: false, limits: {} });
      await written(load);
      await fleet.caughtUp('old-new', ['stock'], here);
      await stand(here, 'warehouse', 'stock', '250');
      const recoveries = new RecoveryClient(fleet.client.transport);
      const options = { stillMs: 500, confirm: [] };
      const { id } = await recoveries.begin({ kind: 'cutover', route: 'old-new', topics: ['stock'], options });
      const isOver = async (): Promise<boolean> => (await recoveries.get(id)).state !== 'running';
      await waitUntil('the topic is cut over', isOver, { timeoutMs: 40_000 });
      const { state, message } = await recoveries.get(id);
      assert.equal(state, 'done', message ?? '');
      assert.equal(await positionOf(there, 'warehouse', 'stock'), '250');
      await audit(here, there, [load]);
    } finally {
      await fleet.close();
    }
  });
});
