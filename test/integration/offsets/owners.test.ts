import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { OFFSET_MAP_PARTITIONS, offsetMapTopic } from '../../../common/model/offset-map.js';
import { mapPartition } from '../../../common/model/offset-map-record.js';
import type { Route } from '../../../common/model/route.js';
import { seededRandom } from '../../../common/runtime/random.js';
import { batchImage, producerIdentity } from '../../../worker/core/batch-image.js';
import { HoleyLog } from '../../audit/holey-log.js';
import { copiesOf, judgeMap } from '../../audit/offset-truth.js';
import { kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { committedRecords } from '../worker/committed-log.js';
import { eventually, item, numbered, TestCluster, ThreadUnderTest, testRoute } from '../worker/thread-kit.js';
import { mapAtTarget } from './map-kit.js';

const MAP = offsetMapTopic('test');

describe('8.1 the offset map, whoever owns a partition', () => {
  const handles: KafkaClusterHandle[] = [];
  const threads: ThreadUnderTest[] = [];
  let source: TestCluster;
  let target: TestCluster;

  before(async () => {
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'source', version: '3.9.1' }),
        startKafkaCluster({ name: 'target', version: '4.1.0' }),
      ])),
    );
    const [from, to] = handles as [KafkaClusterHandle, KafkaClusterHandle];
    source = new TestCluster(from);
    target = new TestCluster(to);
    await target.createTopic(MAP, OFFSET_MAP_PARTITIONS, { 'cleanup.policy': 'compact' });
    await target.createTopic('causeway.test.gaps', 1, { 'cleanup.policy': 'compact' });
    await target.createTopic('causeway.test.renewals', 1);
  });

  after(async () => {
    await Promise.all(threads.map(({ thread }) => thread.stop()));
    await Promise.all([source?.close(), target?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  /** Owners die one after another in the middle of their work; the last one goes on to the end. */
  async function mirrored(topic: string, delivery: Route['delivery'], owners: number) {
    const route: Route = { ...testRoute('source', 'target'), delivery };
    await Promise.all([source.createTopic(topic, 1), target.createTopic(topic, 1)]);
    const [sourceTopicId, bootstrapServers] = [await source.topicId(topic), source.connection.bootstrap.join(',')];
    const log = await HoleyLog.open({
      bootstrapServers,
      topic,
      random: seededRandom(7),
      maxRecords: 12,
      abortShare: 0.2,
    });
    const copied = async (): Promise<number> => (await committedRecords(target.connection.bootstrap, topic)).length;
    try {
      for (let n = 0; n < owners; n += 1) {
        const under = new ThreadUnderTest([source.connection, target.connection], `${topic}-${n}`);
        threads.push(under);
        under.assign([route], [item(topic, 0, { sourceTopicId, started: n > 0 })]);
        const before = await copied();
        const filling = log.fill(800);
        if (n < owners - 1) {
          await eventually('some are copied', async () => (await copied()) > before + 200, 60_000);
          if (delivery === 'transactional') under.die();
          else await under.thread.stop();
          await filling;
          continue;
        }
        await filling;
        const expected = (await committedRecords(source.connection.bootstrap, topic)).length;
        await eventually('all are copied', async () => (await copied()) >= expected, 40_000);
      }
    } finally {
      await log.close();
    }
    const [from, to] = await Promise.all([
      committedRecords(source.connection.bootstrap, topic),
      committedRecords(target.connection.bootstrap, topic),
    ]);
    const end = (from.at(-1)?.offset ?? 0) + 1;
    await eventually('the last pair is committed', async () => {
      return Number((await mapAtTarget(target, route, topic))?.head.source ?? -1n) >= end;
    });
    const map = await mapAtTarget(target, route, topic);
    assert.ok(map !== undefined);
    return { map, from, to, end, route, own: item(topic, 0, { sourceTopicId, started: true }) };
  }

  async function deleteMap(): Promise<void> {
    const admin = kafkaOf(target.connection.bootstrap.join(',')).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [MAP] });
    await admin.disconnect();
    await eventually('it is gone', async () => (await target.client.metadata([MAP])).topics.get(MAP)?.errorCode !== 0);
    await target.createTopic(MAP, OFFSET_MAP_PARTITIONS, { 'cleanup.policy': 'compact' });
  }

  for (const delivery of ['exactly-once', 'transactional', 'at-least-once'] as const) {
    test(`8.2 ${delivery}: three owners, two of them dead in the middle of it: every offset of a log with holes is right, and again when the map was deleted`, async () => {
      const { map, from, to, end, route, own } = await mirrored(`taken-${delivery}`, delivery, 3);
      if (delivery !== 'at-least-once') assert.equal(to.length, from.length);
      assert.equal(
        map.lost,
        undefined,
        JSON.stringify(map.lost, (_, v) => (typeof v === 'bigint' ? String(v) : v)),
      );
      const verdict = judgeMap(map, copiesOf(from, to), { from: 0, to: end });
      const { asked, exact, wrong, skips, rereads, unanswered, inverseWrong, firstProblem } = verdict;
      assert.deepEqual({ wrong, skips, rereads, unanswered, inverseWrong }, NONE, firstProblem);
      assert.equal(exact, from.length);
      assert.ok(asked > 2_000 && map.runs.length > 100, `${asked} offsets in ${map.runs.length} runs`);
      const written = await Promise.all(Array.from({ length: OFFSET_MAP_PARTITIONS }, (_, i) => target.read(MAP, i)));
      assert.ok(
        written.flat().some(({ key }) => String(key).includes(`taken-${delivery}`)),
        'some of it is in the map topic',
      );
      if (delivery === 'at-least-once') return;
      await deleteMap();
      const without = await mapAtTarget(target, route, own.topic);
      assert.ok(without?.lost !== undefined, 'what is gone is said to be unknown');
      const unknown = judgeMap(without, copiesOf(from, to), { from: 0, to: end });
      assert.deepEqual([unknown.wrong, unknown.skips], [0, 0], unknown.firstProblem);
      assert.ok(unknown.unanswered > 1_000);
      threads.at(-1)?.assign([route], [{ ...own, mapRebuildAt: 'now' }]);
      await eventually(
        'it is rebuilt',
        async () => (await mapAtTarget(target, route, own.topic))?.lost === undefined,
        30_000,
      );
      const rebuilt = await mapAtTarget(target, route, own.topic);
      assert.ok(rebuilt !== undefined);
      const again = judgeMap(rebuilt, copiesOf(from, to), { from: 0, to: end });
      assert.deepEqual([again.exact, again.wrong, again.skips, again.unanswered], [exact, 0, 0, 0], again.firstProblem);
    });
  }

  test('3.4 a part of the map topic is not where the lane left it: another lane takes its partitions, and writes the runs that wait', async () => {
    const topic = 'miscounted';
    const part = mapPartition(topic, 0);
    const route: Route = { ...testRoute('source', 'target'), delivery: 'exactly-once' };
    await Promise.all([source.createTopic(topic, 1), target.createTopic(topic, 1)]);
    const sourceTopicId = await source.topicId(topic);
    const bootstrapServers = source.connection.bootstrap.join(',');
    const random = seededRandom(11);
    const log = await HoleyLog.open({ bootstrapServers, topic, random, maxRecords: 4, abortShare: 0.2 });
    const under = new ThreadUnderTest([source.connection, target.connection], topic);
    threads.push(under);
    const written = async () => (await target.read(MAP, part)).filter(({ key }) => String(key).includes(topic)).length;
    const producers = async () => {
      const lines = await target.writers(MAP, part);
      return lines.map((line) => /, (\d+), (\d+)\/(\d+)\/(\d+)$/.exec(line)?.slice(1).map(Number) ?? []);
    };
    try {
      under.assign([route], [item(topic, 0, { sourceTopicId })]);
      await log.fill(1_200);
      await eventually('some of the map is written', async () => (await written()) > 0, 30_000);
      // As after an unclean election, the broker and the lane do not agree any more about what comes next.
      const [count = 0, producerId = 0, epoch = 0, sequence = 0] = (await producers()).at(-1) ?? [];
      const strange = numbered(0, 3);
      const batch = buildBatch(strange);
      const image = batchImage(
        { buffer: batch, start: 0, length: batch.length },
        producerIdentity(BigInt(producerId), epoch),
        sequence + count,
      );
      await target.append(MAP, part, Buffer.concat([image.header, image.payload]));
      const before = await written();
      await log.fill(1_200);
      await eventually('more of the map is written', async () => (await written()) > before, 30_000);
      const last = (await producers()).at(-1) ?? [];
      assert.notEqual(last[1], producerId, 'by another lane');
    } finally {
      await log.close();
    }
    const from = await committedRecords(source.connection.bootstrap, topic);
    const end = (from.at(-1)?.offset ?? 0) + 1;
    await eventually('the last pair is committed', async () => {
      return Number((await mapAtTarget(target, route, topic))?.head.source ?? -1n) >= end;
    });
    const to = await committedRecords(target.connection.bootstrap, topic);
    const map = await mapAtTarget(target, route, topic);
    assert.ok(map !== undefined);
    assert.equal(map.lost, undefined, 'nothing of it is lost');
    const {
      exact,
      firstProblem,
      asked: _,
      holes: __,
      ...rest
    } = judgeMap(map, copiesOf(from, to), { from: 0, to: end });
    assert.deepEqual(rest, NONE, firstProblem);
    assert.deepEqual([exact, to.length], [from.length, from.length]);
  });
});

const NONE = { wrong: 0, skips: 0, rereads: 0, unanswered: 0, inverseWrong: 0 };
