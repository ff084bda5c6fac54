import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
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
import {
  committedValues,
  mirrored,
  Producer,
  Programs,
  positionsOf,
  setPositions,
  stepOf,
  valuesOf,
} from './recovery-kit.js';

const PARTITIONS = 3;
const QUICK = { stillMs: 300, drainTimeoutMs: 60_000, stopTimeoutMs: 60_000 } as const;
/** A producer on a busy machine may pause for long before it is taken for one that has stopped. */
const PATIENT = { ...QUICK, stillMs: 2_500 } as const;

/** Topics that begin so all go into one. */
const namedAs = (letter: string) => {
  const naming = { policy: 'regex', match: `${letter}-.*`, replacement: `all-${letter}` };
  return { ...naming, otherwise: { policy: 'identity' } };
};

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
        tx: { source: 'east', target: 'west', delivery: 'transactional' },
        merge: { source: 'east', target: 'west', partitionMapping: { to: 'merge' }, naming: namedAs('m') },
        fold: {
          source: 'east',
          target: 'west',
          partitionMapping: { to: 'modulo', partitions: 2 },
          naming: namedAs('f'),
        },
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

  async function settled(topic: string, expected: readonly (readonly string[])[]): Promise<void> {
    await eventually('all has arrived', async () => {
      const found = await Promise.all(expected.map((_, i) => valuesOf(west, topic, i)));
      return found.every((list, i) => list.length >= (expected[i]?.length ?? 0));
    });
    for (const [i, list] of expected.entries()) {
      for (const cluster of [east, west]) {
        assert.deepEqual(await valuesOf(cluster, topic, i), list, `partition ${i}: every record once, in order`);
      }
    }
  }

  /** There, with producers that do not stop at first, and back again. */
  async function thereAndBack(name: string, topic: string, groupId: string): Promise<void> {
    const place = { groupId, topic };
    await east.createTopic(topic, PARTITIONS);
    await mirrored(fleet.client, { route: name, topic, partitions: PARTITIONS });
    const first = new Producer(east, topic, { partitions: PARTITIONS, prefix: 'e', pauseMs: 5 });
    await eventually('some are written to each', () => first.acknowledged.every(({ length }) => length > 45));
    await eventually('and copied', async () => {
      const found = await Promise.all(first.acknowledged.map((_, i) => valuesOf(west, topic, i)));
      return found.every(({ length }) => length > 45);
    });
    await setPositions(east, place, { 0: 30, 1: 20, 2: 0 });
    const drill = await programs.done(await programs.begin({ kind: 'drill', route: name }));
    assert.deepEqual(
      ['checked', 'different', 'rereads', 'compared'].map((key) => stepOf(drill, 'translations').evidence?.[key]),
      [PARTITIONS, 0, 0, 'offsets; key, value, headers'],
    );
    assert.ok(Number(stepOf(drill, 'translations').evidence?.['comparedRecords']) > 0);
    assert.deepEqual(await positionsOf(west, place), {}, 'a drill writes nothing');
    const routes = (await fleet.client.listRoutes()).routes.map((route) => route.name);
    const dry = await programs.done(
      await programs.begin({ kind: 'switchover', route: name, options: PATIENT, dryRun: true }),
    );
    assert.ok(Number(stepOf(dry, 'quiet').evidence?.['moving']) > 0, 'it sees that producers are there');
    assert.ok(!routes.includes(`${name}-reverse`), 'and makes nothing');
    const { value, etag } = await fleet.client.getRoute(name);
    const groups = { include: [groupId], intervalMs: 200 };
    await fleet.client.putRoute(name, { source: 'east', target: 'west', delivery: value.delivery, groups }, etag);
    const asking = { ...PATIENT, confirm: ['settle', 'reverse'] };
    const tried = await programs.begin({ kind: 'switchover', route: name, options: asking });
    await programs.at(tried, 'quiet');
    const countThen = first.count;
    await eventually('more are written while it waits', () => first.count > countThen + 60);
    assert.equal((await programs.client.get(tried)).state, 'running', 'it waits for the producers to stop');
    await first.stop();
    await programs.until(tried, ({ state }) => state === 'waiting');
    const late = await written(topic, 'e1');
    await programs.client.confirm(tried);
    const failed = await programs.until(tried, ({ state }) => state === 'failed');
    assert.match(
      stepOf(failed, 'settle').message ?? '',
      /written to after everything had been copied; 1 topics are copied again/,
    );
    await programs.client.resume(tried, 'the producer is stopped');
    await programs.until(tried, ({ state, step }) => state === 'waiting' && step === 'reverse');
    await programs.client.abort(tried, 'not today');
    await programs.until(tried, ({ state }) => state === 'aborted');
    const again = await written(topic, 'e2');
    const out = await programs.begin({ kind: 'switchover', route: name, options: QUICK });
    const done = await programs.done(out);
    assert.equal(stepOf(done, 'settle').evidence?.['exact'], PARTITIONS);
    assert.equal(stepOf(done, 'groups').evidence?.['rereads'], 0, 'nobody reads anything again');
    assert.equal(stepOf(done, 'follow').evidence?.['groups'], 1, 'the group is followed in the other direction');
    const there = await positionsOf(west, place);
    for (const [i, from] of [30, 20, 0].entries()) {
      assert.deepEqual(await restOf(west, topic, i, there[i] ?? 0), await restOf(east, topic, i, from));
    }
    const second = new Producer(west, topic, { partitions: PARTITIONS, prefix: 'w', pauseMs: 5 });
    await eventually('the other side is written to', () => second.acknowledged.every(({ length }) => length > 20));
    await second.stop();
    // One reader has not come to the common point yet, one has read all, one is behind it.
    const points = done.points.map(({ target }) => Number(target));
    const ends = await Promise.all(points.map(async (_, i) => Number((await west.read(topic, i)).at(-1)?.offset) + 1));
    const moved = { 0: 35, 1: ends[1] ?? 0, 2: (points[2] ?? 0) + 7 };
    const rest = await Promise.all(points.map((_, i) => restOf(west, topic, i, moved[i as 0 | 1 | 2])));
    await setPositions(west, place, moved);
    await eventually('its positions at the old source go along, without a program', async () => {
      const found = await positionsOf(east, place);
      const left = await Promise.all(points.map((_, i) => restOf(east, topic, i, found[i] ?? 0)));
      return isDeepStrictEqual(left, rest);
    });
    const back = await programs.begin({ kind: 'switchover', route: done.reverse ?? '', options: QUICK });
    const returned = await programs.done(back);
    assert.equal(returned.reverse, name, 'the way back is the route that was there before');
    assert.equal(stepOf(returned, 'groups').evidence?.['rereads'], 0);
    const found = await positionsOf(east, place);
    // Below the common point, too: through the inverse of the first map.
    for (const [i, values] of rest.entries()) assert.deepEqual(await restOf(east, topic, i, found[i] ?? 0), values);
    const third = await written(topic, 'e3');
    const parts = [first, late, again, second, third].map(({ acknowledged }) => acknowledged);
    await settled(
      topic,
      points.map((_, i) => parts.flatMap((acknowledged) => acknowledged[i] ?? [])),
    );
  }

  async function written(topic: string, prefix: string): Promise<Producer> {
    const producer = new Producer(east, topic, { partitions: PARTITIONS, prefix, pauseMs: 5 });
    await eventually('the first side is written to', () => producer.count > 60);
    await producer.stop();
    return producer;
  }

  /** What a reader gets from an offset on. */
  async function restOf(cluster: TestCluster, topic: string, partition: number, from: number): Promise<string[]> {
    const records = await cluster.read(topic, partition);
    return records.filter(({ offset }) => offset >= BigInt(from)).map(({ value }) => value?.toString() ?? '');
  }

  test('planned switchovers under load, and back, exactly once and in transactions: every record is at both ends once, nobody reads any again', async () => {
    await Promise.all([thereAndBack('r', 'orders', 'readers'), thereAndBack('tx', 'ledger', 'clerks')]);
  });

  test('partitions that share others’ come to their own common points: a cutover of a merge ends, a failover of a fold loses nothing', async () => {
    const shapes = { 'm-a': 3, 'm-b': 2, 'f-a': 4 };
    const sent = await Promise.all(
      Object.entries(shapes).map(async ([topic, partitions]) => {
        await east.createTopic(topic, partitions);
        await mirrored(fleet.client, { route: topic.startsWith('m') ? 'merge' : 'fold', topic, partitions });
        const producer = new Producer(east, topic, { partitions, prefix: topic, pauseMs: 20 });
        await eventually('each is written to', () => producer.acknowledged.every(({ length }) => length > 5));
        await producer.stop();
        return producer.acknowledged.flat();
      }),
    );
    const copies = async (topic: string, partitions: number): Promise<string[]> => {
      const lists = await Promise.all([...Array(partitions).keys()].map((i) => committedValues(west, topic, i)));
      return lists.flat().sort();
    };
    const ended = await programs.done(await programs.begin({ kind: 'cutover', route: 'merge', options: QUICK }));
    assert.deepEqual([stepOf(ended, 'settle').evidence?.['exact'], ended.points.length], [5, 5]);
    assert.deepEqual(await copies('all-m', 3), [...(sent[0] ?? []), ...(sent[1] ?? [])].sort());
    await eventually('all is copied', async () => (await copies('all-f', 2)).length === sent[2]?.length);
    const forced = { ...QUICK, force: true };
    const lost = await programs.done(await programs.begin({ kind: 'failover', route: 'fold', options: forced }));
    const { lostRecords, unknownPartitions } = stepOf(lost, 'settle').evidence ?? {};
    assert.deepEqual([lostRecords, unknownPartitions, lost.points.length], [0, 0, 4]);
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
