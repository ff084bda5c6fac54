import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Admin } from 'kafkajs';
import { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { CommonPoint } from '../../../common/model/recovery.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { ClusterClients } from '../../../controller/metadata/cluster-clients.js';
import { KafkaLens } from '../../../controller/recovery/cluster-lens.js';
import type { StepContext } from '../../../controller/recovery/ports.js';
import { stranded } from '../../../controller/recovery/steps/stranded.js';
import { kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { routeOf } from '../../unit/controller/kit.js';
import { SmallFleet } from '../worker/small-fleet.js';
import { eventually, TestCluster } from '../worker/thread-kit.js';
import { mirrored, Producer, Programs, stepOf, valuesOf } from './recovery-kit.js';

const PARTITIONS = 3;
const QUICK = { stillMs: 300, drainTimeoutMs: 60_000, stopTimeoutMs: 30_000, groups: false } as const;

describe('recovery programs on two real clusters', () => {
  const handles: KafkaClusterHandle[] = [];
  let east: TestCluster;
  let west: TestCluster;
  let fleet: SmallFleet;
  let programs: Programs;

  before(async () => {
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'east', version: '3.9.1' }),
        startKafkaCluster({ name: 'west', version: '4.1.0' }),
      ])),
    );
    const [from, to] = handles as [KafkaClusterHandle, KafkaClusterHandle];
    east = new TestCluster(from);
    west = new TestCluster(to);
    fleet = await SmallFleet.start({
      clusters: { east: from.bootstrapServers, west: to.bootstrapServers },
      routes: {
        r: { source: 'east', target: 'west' },
        dr: { source: 'east', target: 'west', groups: { include: ['readers'], intervalMs: 500 } },
      },
      workers: 2,
      worker: { checkpointIntervalMs: 200, fetchMaxWaitMs: 100 },
    });
    programs = new Programs(fleet.client);
  });

  after(async () => {
    await fleet?.close();
    await Promise.all([east?.close(), west?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  const groupId = 'readers';

  async function positions(
    cluster: TestCluster,
    offsets: Readonly<Record<number, number>>,
    topic = 'orders',
  ): Promise<void> {
    await withAdmin(cluster, async (admin) => {
      const partitions = Object.entries(offsets).map(([partition, offset]) => {
        return { partition: Number(partition), offset: String(offset) };
      });
      await admin.setOffsets({ groupId, topic, partitions });
    });
  }

  async function positionsOf(cluster: TestCluster, topic = 'orders'): Promise<Record<number, number>> {
    const found: Record<number, number> = {};
    await withAdmin(cluster, async (admin) => {
      const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
      for (const { partition, offset } of answer?.partitions ?? [])
        if (offset !== '-1') found[partition] = Number(offset);
    });
    return found;
  }

  async function withAdmin(cluster: TestCluster, use: (admin: Admin) => Promise<void>): Promise<void> {
    const admin = kafkaOf(cluster.connection.bootstrap.join(',')).admin();
    await admin.connect();
    try {
      await use(admin);
    } finally {
      await admin.disconnect();
    }
  }

  async function same(topic: string): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const [a, b] = [await valuesOf(east, topic, partition), await valuesOf(west, topic, partition)];
      assert.deepEqual(a, b, `partition ${partition} is the same at both ends`);
      assert.equal(new Set(a).size, a.length, 'every record is there once');
    }
  }

  test('a planned switchover under load, and back: every record is at both ends once, in order', async () => {
    await east.createTopic('orders', PARTITIONS);
    await mirrored(fleet.client, { route: 'r', topic: 'orders', partitions: PARTITIONS });
    const first = new Producer(east, 'orders', { partitions: PARTITIONS, prefix: 'e' });
    await eventually('some are written', () => first.count > 150);
    await positions(east, { 0: 30, 1: 20, 2: 0 });
    const drill = await programs.done(await programs.begin({ kind: 'drill', route: 'r', topics: ['orders'] }));
    assert.deepEqual(
      ['checked', 'different', 'rereads'].map((name) => stepOf(drill, 'translations').evidence?.[name]),
      [PARTITIONS, 0, 0],
    );
    assert.deepEqual(await positionsOf(west), {}, 'a drill writes nothing');
    const options = { ...QUICK, groups: true };
    const tried = await programs.begin({ kind: 'switchover', route: 'r', topics: ['orders'], options, dryRun: true });
    const dry = await programs.done(tried);
    assert.ok(Number(stepOf(dry, 'quiet').evidence?.['moving']) > 0, 'it sees that producers are there');
    assert.equal((await fleet.client.listRoutes()).routes.length, 2, 'and makes nothing');
    const out = await programs.begin({ kind: 'switchover', route: 'r', topics: ['orders'], options });
    await programs.at(out, 'quiet');
    await eventually('more are written while it waits', () => first.count > 300);
    assert.equal((await programs.client.get(out)).state, 'running', 'it waits for the producers to stop');
    await first.stop();
    const done = await programs.done(out);
    assert.equal(stepOf(done, 'settle').evidence?.['exact'], PARTITIONS);
    assert.equal(stepOf(done, 'groups').evidence?.['rereads'], 0, 'nobody reads anything again');
    assert.deepEqual(await positionsOf(west), { 0: 30, 1: 20, 2: 0 });
    const second = new Producer(west, 'orders', { partitions: PARTITIONS, prefix: 'w' });
    await eventually('the other side is written to', () => second.count > 120);
    await second.stop();
    // One reader has not come to the common point yet, one has read all, one is behind it.
    const common = first.acknowledged.map((list) => list.length);
    const ends = common.map((count, i) => count + (second.acknowledged[i]?.length ?? 0));
    const moved = { 0: (common[0] ?? 0) - 20, 1: ends[1] ?? 0, 2: (common[2] ?? 0) + 7 };
    await positions(west, moved);
    const route = done.reverse ?? '';
    const back = await programs.begin({ kind: 'switchover', route, topics: ['orders'], options });
    const returned = await programs.done(back);
    assert.equal(returned.reverse, 'r', 'the way back is the route that was there before');
    assert.equal(stepOf(returned, 'groups').evidence?.['rereads'], 0);
    assert.deepEqual(
      await positionsOf(east),
      moved,
      'below the common point, too: through the inverse of the first map',
    );
    const third = new Producer(east, 'orders', { partitions: PARTITIONS, prefix: 'e2' });
    await eventually('the first side is written to again', () => third.count > 90);
    await third.stop();
    const expected = first.acknowledged.map((list, i) => [
      ...list,
      ...(second.acknowledged[i] ?? []),
      ...(third.acknowledged[i] ?? []),
    ]);
    await eventually('all has arrived', async () => {
      const counts = await Promise.all(expected.map((_, i) => valuesOf(west, 'orders', i)));
      return counts.every((list, i) => list.length >= (expected[i]?.length ?? 0));
    });
    await same('orders');
    for (const [i, list] of expected.entries()) assert.deepEqual(await valuesOf(west, 'orders', i), list);
  });

  test('a source killed under load: failover, then failback when it is back; what crossed is there once, what did not is listed', async () => {
    await east.createTopic('stock', PARTITIONS);
    await mirrored(fleet.client, { route: 'dr', topic: 'stock', partitions: PARTITIONS });
    const before = new Producer(east, 'stock', { partitions: PARTITIONS, prefix: 'e', pauseMs: 2 });
    await eventually('some are copied', () => before.count > 150);
    await fleet.client.patchRoute('dr', { limits: { recordsPerS: 60 } }, (await fleet.client.getRoute('dr')).etag);
    const slowAt = before.count;
    await eventually('copying falls behind', () => before.count > slowAt + 500);
    await eventually(
      'the loss is measured',
      async () => {
        const { records, seconds } = await programs.client.rpo('dr');
        return (records ?? 0) > 100 && (seconds ?? 0) > 0;
      },
      60_000,
    );
    const read = { 0: 40, 1: 0, 2: 9 };
    await positions(east, read, 'stock');
    await eventually('positions follow', async () => {
      return JSON.stringify(await positionsOf(west, 'stock')) === JSON.stringify(read);
    });
    const [source] = handles;
    await source?.brokers[0]?.kill();
    await before.stop();
    const dry = await programs.done(await programs.begin({ kind: 'failover', route: 'dr', dryRun: true }));
    assert.ok(Number(stepOf(dry, 'rpo').evidence?.['records']) > 100);
    const out = await programs.done(await programs.begin({ kind: 'failover', route: 'dr' }));
    const told = stepOf(out, 'groups');
    assert.deepEqual(
      [told.state, told.evidence?.['positions'], told.evidence?.['rereads']],
      ['skipped', PARTITIONS, 0],
    );
    assert.deepEqual(await positionsOf(west, 'stock'), read, 'what was moved while the source was there stands');
    assert.ok(Number(stepOf(out, 'settle').evidence?.['lostRecords']) > 100);
    const after = new Producer(west, 'stock', { partitions: PARTITIONS, prefix: 'w' });
    await eventually('the other side is written to', () => after.count > 90);
    // The way back has the route's limits.
    await fleet.client.patchRoute('dr', { limits: {} }, (await fleet.client.getRoute('dr')).etag);
    await source?.brokers[0]?.start();
    const looked = await programs.done(await programs.begin({ kind: 'failback', route: 'dr', dryRun: true }));
    assert.ok(Number(stepOf(looked, 'stranded').evidence?.['records']) > 100);
    assert.equal(stepOf(looked, 'back-quiet').state, 'skipped');
    const options = { ...QUICK, groups: true, switchBack: true, confirm: [], quarantineSuffix: '.stranded' };
    const back = await programs.begin({ kind: 'failback', route: 'dr', options });
    await programs.at(back, 'back-quiet');
    await after.stop();
    const done = await programs.done(back);
    assert.equal(stepOf(done, 'back-groups').evidence?.['rereads'], 0);
    assert.deepEqual(await positionsOf(east, 'stock'), read, 'the same records at the old source');
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const point = done.points.find((one) => one.partition === partition);
      assert.ok(point !== undefined);
      const eastern = await east.read('stock', partition);
      const western = await valuesOf(west, 'stock', partition);
      const listed = done.stranded.find((one) => one.partition === partition);
      const ranges = listed?.ranges ?? [];
      const isStranded = (offset: bigint) =>
        ranges.some(({ from, to }) => offset >= BigInt(from) && offset <= BigInt(to));
      const values = eastern.map(({ value }) => value?.toString() ?? '');
      const lost = values.filter((_, i) => isStranded(eastern[i]?.offset ?? -1n));
      const common = values.filter((_, i) => !isStranded(eastern[i]?.offset ?? -1n));
      assert.equal(lost.length, listed?.records ?? 0);
      assert.ok(lost.length > 0, 'some never crossed');
      assert.deepEqual(western, common, 'all but the stranded are the same at both ends, once, in order');
      assert.equal(new Set(western).size, western.length);
      const acknowledged = before.acknowledged[partition] ?? [];
      const found = values.filter((value) => value.startsWith('e-') && !before.doubtful.has(value));
      assert.deepEqual(found, acknowledged, 'the old source lost nothing that it had acknowledged');
      const crossed = western.filter((value) => value.startsWith('e-'));
      const wholly = [...crossed, ...lost].filter((value) => !before.doubtful.has(value));
      assert.deepEqual(wholly, acknowledged, 'crossed and stranded together are what was acknowledged');
      assert.deepEqual(
        western.filter((value) => value.startsWith('w-')),
        after.acknowledged[partition],
      );
      const quarantined = await valuesOf(west, 'stock.stranded', partition);
      assert.deepEqual(quarantined, lost);
    }
  });

  test('records behind a pair that is in doubt are found beside their originals; markers and aborted records are nobody’s loss', async () => {
    await Promise.all([east, west].map((cluster) => cluster.createTopic('doubt', 1)));
    const producer = kafkaOf(east.connection.bootstrap.join(',')).producer({
      ...{ transactionalId: 'doubt', maxInFlightRequests: 1, idempotent: true },
    });
    await producer.connect();
    const transaction = async (values: readonly string[], commits: boolean): Promise<void> => {
      const open = await producer.transaction();
      await open.send({ topic: 'doubt', messages: values.map((value) => ({ key: 'k', value, partition: 0 })) });
      await (commits ? open.commit() : open.abort());
    };
    // Offsets 0-2, marker 3, 4-5 aborted, marker 6, 7-9, marker 10, 11 aborted, marker 12, 13-14, marker 15.
    await transaction(['a', 'b', 'c'], true);
    await transaction(['x', 'y'], false);
    await transaction(['d', 'e', 'e'], true);
    await transaction(['z'], false);
    await transaction(['f', 'g'], true);
    await producer.disconnect();
    const copies = ['a', 'b', 'c', 'd', 'e'].map((value) => {
      return { key: Buffer.from('k'), value: Buffer.from(value), headers: [], timestamp: BigInt(systemClock.wallMs()) };
    });
    await west.append('doubt', 0, buildBatch(copies));
    const open = (cluster: ClusterConnection): ClusterClient =>
      new ClusterClient({ cluster, clientId: 'test', clock: systemClock, random: systemRandom, logger: silentLogger });
    const connections = [east, west].map(({ connection }) => connection);
    const lens = new KafkaLens(new ClusterClients(new Map(connections.map((one) => [one.name, one])), open));
    const point = { topic: 'doubt', targetTopic: 'doubt', partition: 0, source: 2n, pairTarget: 2n, target: 5n };
    const points = [{ ...point, exact: false, sourceTopicId: await east.topicId('doubt'), targetTopicId: null }];
    const context = (found: readonly CommonPoint[]): StepContext =>
      ({
        recovery: { route: 'r', topics: ['doubt'], facts: { out: { points: found }, back: {} } },
        step: { leg: 'out' },
        signal: new AbortController().signal,
        world: {
          lens,
          fleet: { route: () => Promise.resolve({ value: routeOf('r'), version: 0 }) },
          metadata: { describe: () => Promise.resolve({ clusterId: null, brokers: 1, topics: new Map() }) },
        },
      }) as unknown as StepContext;
    try {
      const outcome = await stranded.run(context(points));
      assert.ok(outcome.kind === 'done');
      assert.deepEqual(
        outcome.facts?.points?.map(({ source, exact }) => [source, exact]),
        [[9n, true]],
      );
      const [one] = outcome.facts?.stranded ?? [];
      assert.deepEqual(
        [one?.records, one?.ranges],
        [
          3,
          [
            { from: 9n, to: 9n },
            { from: 13n, to: 14n },
          ],
        ],
      );
      const foreign = { ...copies[0], value: Buffer.from('written by others'), headers: [], timestamp: 0n, key: null };
      await west.append('doubt', 0, buildBatch([foreign]));
      await assert.rejects(stranded.run(context(points.map((each) => ({ ...each, target: 6n })))), {
        code: 'SOURCE_TRUNCATED',
      });
    } finally {
      await lens.close();
    }
  });
});
