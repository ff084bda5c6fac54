import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitUntil } from '../../bed/wait.js';
import { assertMonotonic, each, flow, GROUPS, MirrorBed, MM2, PARTITIONS } from './mm2-kit.js';

const CHECKPOINTS = 'primary.checkpoints.internal';
const LIMIT = { timeoutMs: 40_000 };

/** The scenarios of MirrorConnectorsIntegrationBaseTest with one direction. Routes have topics of their own, and share the clusters. */
describe('MirrorMaker 2’s scenarios, one way', { timeout: 280_000 }, () => {
  let bed: MirrorBed;

  before(async () => {
    bed = await MirrorBed.start({
      sync: flow('primary', 'backup', { groups: GROUPS }),
      plain: flow('primary', 'backup'),
      target: flow('primary', 'backup', { mm2: { ...MM2, offsetSyncs: 'target' } }),
      frequent: flow('primary', 'backup', { groups: GROUPS, mm2: { ...MM2, offsetLagMax: 0 } }),
      latest: flow('primary', 'backup', { start: 'latest' }),
    });
  });

  after(async () => await bed?.close());

  const mirror = async (route: string, topic: string, partitions = PARTITIONS): Promise<void> => {
    await bed.primary.createTopic(topic, partitions);
    await bed.fleet.client.addTopic(route, { topic });
  };

  for (const route of ['sync', 'frequent']) {
    const name =
      route === 'sync' ? 'testOneWayReplicationWithAutoOffsetSync' : 'testOneWayReplicationWithFrequentOffsetSyncs';
    test(`${name}: positions come by themselves, exactly`, async () => {
      const group = `consumer-group-${route}`;
      for (const topic of route === 'sync' ? ['sync-1', 'sync-2'] : ['frequent']) {
        await mirror(route, topic);
        await bed.produce('primary', topic);
        await bed.arrived('backup', `primary.${topic}`, each(10));
        await bed.commit('primary', group, topic, each(10));
        await bed.reaches('backup', group, `primary.${topic}`, each(10));
        await bed.commit('primary', group, topic, each(7));
        await bed.produce('primary', topic);
        await bed.commit('primary', group, topic, each(17));
        // Not one record comes again.
        await bed.reaches('backup', group, `primary.${topic}`, each(17));
      }
      assert.ok(!(await bed.topics('primary')).some((topic) => topic.startsWith('backup.')));
      assertMonotonic((await bed.checkpoints('backup', CHECKPOINTS)).filter((at) => at.upstreamOffset !== 7n));
    });
  }

  test('testReplicationWithEmptyPartition: a group that has read everything has a position in the empty partition as well', async () => {
    const counts = [...each(10).slice(1), 0];
    await mirror('sync', 'empty');
    await bed.produce('primary', 'empty', 10, PARTITIONS - 1);
    await bed.arrived('backup', 'primary.empty', counts);
    await bed.commit('primary', 'consumer-group-empty', 'empty', counts);
    await bed.reaches('backup', 'consumer-group-empty', 'primary.empty', counts);
  });

  test('testReplicationWithoutOffsetSyncWillNotCreateOffsetSyncsTopic', async () => {
    await mirror('plain', 'plain');
    await bed.produce('primary', 'plain');
    await bed.arrived('backup', 'primary.plain', each(10));
    assert.ok(!(await bed.topics('primary')).some((topic) => topic.startsWith('mm2-offset-syncs')));
  });

  test('testOffsetSyncsTopicsOnTarget: the topic is there, none is at the source, and syncs name copied records', async () => {
    await mirror('target', 'target');
    await bed.produce('primary', 'target');
    await bed.arrived('backup', 'primary.target', each(10));
    await bed.commit('primary', 'consumer-group-target', 'target', each(10));
    const syncs = async () => await bed.offsetSyncs('backup', 'mm2-offset-syncs.primary.internal');
    const isWhole = async (): Promise<boolean> => {
      const last = new Map((await syncs()).map(({ partition, upstreamOffset }) => [partition, upstreamOffset]));
      return last.size === PARTITIONS && [...last.values()].every((upstream) => upstream === 9n);
    };
    await waitUntil('every partition has its last sync', isWhole, LIMIT);
    for (const { topic, upstreamOffset, downstreamOffset } of await syncs()) {
      assert.deepEqual([topic, upstreamOffset], ['target', downstreamOffset]);
    }
    assert.ok(!(await bed.topics('primary')).some((topic) => topic.startsWith('mm2-offset-syncs')));
    const ofTopic = async () =>
      (await bed.checkpoints('backup', CHECKPOINTS)).filter(({ topic }) => topic === 'primary.target');
    await waitUntil('checkpoints of the remote topic', async () => (await ofTopic()).length === PARTITIONS, LIMIT);
    assertMonotonic(await ofTopic());
  });

  test('testNoCheckpointsIfNoRecordsAreMirrored: a position in an empty topic is no checkpoint, until something is copied', async () => {
    await mirror('plain', 'nothing');
    await mirror('plain', 'something');
    await bed.produce('primary', 'something');
    await bed.arrived('backup', 'primary.something', each(10));
    await bed.commit('primary', 'consumer-group-none', 'nothing', each(0));
    await bed.commit('primary', 'consumer-group-none', 'something', each(10));
    const topics = async (): Promise<Set<string>> => {
      const all = await bed.checkpoints('backup', CHECKPOINTS);
      return new Set(all.filter(({ group }) => group === 'consumer-group-none').map(({ topic }) => topic));
    };
    await waitUntil('a checkpoint of the other topic', async () => (await topics()).has('primary.something'), LIMIT);
    assert.ok(!(await topics()).has('primary.nothing'));
    await bed.produce('primary', 'nothing');
    await bed.commit('primary', 'consumer-group-none', 'nothing', each(10));
    await waitUntil('a checkpoint', async () => (await topics()).has('primary.nothing'), LIMIT);
  });

  test('testOffsetTranslationBehindReplicationFlow: checkpoints follow a consumer far behind, and back when it goes back', async () => {
    const behind = 1_000;
    const group = 'consumer-group-behind';
    await mirror('plain', 'behind');
    await bed.produce('primary', 'behind', behind);
    await bed.arrived('backup', 'primary.behind', each(behind));
    const of = async (): Promise<number[]> => {
      const last = new Map<number, number>();
      for (const at of await bed.checkpoints('backup', CHECKPOINTS)) {
        if (at.group === group) last.set(at.partition, Number(at.downstreamOffset));
      }
      return [...last].sort(([a], [b]) => a - b).map(([, offset]) => offset);
    };
    for (const share of [0.5, 0.9, 0.1]) {
      await bed.commit('primary', group, 'behind', each(behind * share));
      const isThere = async (): Promise<boolean> => String(await of()) === String(each(behind * share));
      await waitUntil(`checkpoints at ${share * 100} %, exactly`, isThere, LIMIT);
    }
  });

  test('testReplicateFromLatest: only what was produced after the start arrives', async () => {
    await bed.primary.createTopic('latest', PARTITIONS);
    await bed.produce('primary', 'latest');
    await bed.fleet.client.addTopic('latest', { topic: 'latest' });
    const isRunning = async (): Promise<boolean> => {
      const { partitions } = await bed.fleet.client.describeTopic('latest', 'latest');
      return partitions.length === PARTITIONS && partitions.every(({ state }) => state === 'running');
    };
    await waitUntil('all partitions have begun', isRunning, LIMIT);
    await bed.produce('primary', 'latest');
    await bed.arrived('backup', 'primary.latest', each(10));
  });

  test('testRestartReplication: everything ends and begins again; positions go on, none goes back', async () => {
    const group = 'consumer-group-restart';
    await mirror('sync', 'restart');
    await bed.produce('primary', 'restart');
    await bed.arrived('backup', 'primary.restart', each(10));
    await bed.commit('primary', group, 'restart', each(10));
    await bed.reaches('backup', group, 'primary.restart', each(10));
    const before = await bed.checkpoints('backup', CHECKPOINTS);
    await bed.restartFleet();
    await bed.produce('primary', 'restart');
    await bed.arrived('backup', 'primary.restart', each(20));
    await bed.commit('primary', group, 'restart', each(20));
    await bed.reaches('backup', group, 'primary.restart', each(20));
    const after = (await bed.checkpoints('backup', CHECKPOINTS)).filter((at) => at.group === group);
    assertMonotonic(after);
    assert.ok(after.length > before.filter((at) => at.group === group).length);
  });

  test('the leading controller dies: the next one keeps the positions on, and takes none for a stranger’s', async () => {
    const group = 'consumer-group-failover';
    await mirror('sync', 'failover');
    await bed.produce('primary', 'failover');
    await bed.restartFleet(2);
    await bed.arrived('backup', 'primary.failover', each(10));
    await bed.commit('primary', group, 'failover', each(4));
    await bed.reaches('backup', group, 'primary.failover', each(4));
    const [leader] = bed.fleet.controllers;
    await leader?.die();
    await bed.commit('primary', group, 'failover', each(9));
    await bed.reaches('backup', group, 'primary.failover', each(9));
    assertMonotonic((await bed.checkpoints('backup', CHECKPOINTS)).filter((at) => at.group === group));
  });
});
