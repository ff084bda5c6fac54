import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { OffsetClient } from '../../../common/api/offset-client.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { OFFSET_MAP_PARTITIONS, offsetMapTopic } from '../../../common/model/offset-map.js';
import { seededRandom } from '../../../common/runtime/random.js';
import { HoleyLog } from '../../audit/holey-log.js';
import { copiesOf, judgeMap } from '../../audit/offset-truth.js';
import { mapOverRest } from '../../audit/rest-map.js';
import { kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { committedRecords } from '../worker/committed-log.js';
import { SmallFleet } from '../worker/small-fleet.js';
import { eventually, numbered, TestCluster } from '../worker/thread-kit.js';

const ROUTE = 'exact';
const MAP = offsetMapTopic('default');
const NONE = { wrong: 0, skips: 0, rereads: 0, unanswered: 0, inverseWrong: 0 };
/** The cleaner is quick about it. */
const QUICK_CLEANER = { 'log.cleaner.backoff.ms': '100', 'log.cleaner.min.cleanable.ratio': '0.01' };

describe('8. the offset map of a fleet, over REST', () => {
  const handles: KafkaClusterHandle[] = [];
  let source: TestCluster;
  let target: TestCluster;
  let fleet: SmallFleet;
  let offsets: OffsetClient;

  before(async () => {
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'source', version: '3.9.1', config: QUICK_CLEANER }),
        startKafkaCluster({ name: 'target', version: '4.1.0' }),
      ])),
    );
    const [from, to] = handles as [KafkaClusterHandle, KafkaClusterHandle];
    source = new TestCluster(from);
    target = new TestCluster(to);
    const continuity = { sourceRecreated: 'restart' };
    fleet = await SmallFleet.start({
      clusters: { source: from.bootstrapServers, target: to.bootstrapServers },
      routes: { [ROUTE]: { source: 'source', target: 'target', delivery: 'exactly-once', continuity } },
      workers: 1,
      worker: { checkpointIntervalMs: 200, fetchMaxWaitMs: 200 },
    });
    offsets = new OffsetClient(fleet.client.transport);
  });

  after(async () => {
    await fleet?.close();
    await Promise.all([source?.close(), target?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  const servers = (cluster: TestCluster): string => cluster.connection.bootstrap.join(',');

  async function filled(topic: string, count: number): Promise<void> {
    await source.createTopic(topic, 1);
    for (let at = 0; at < count; at += 10) await source.append(topic, 0, buildBatch(numbered(at, 10)));
  }

  /** Copied and committed up to the source's end. */
  async function settled(topic: string, end: number): Promise<void> {
    await eventually(
      `${topic} is copied up to ${end}`,
      async () => {
        const { partitions } = await offsets.maps(ROUTE, topic);
        return Number(partitions[0]?.head.source ?? -1) >= end;
      },
      40_000,
    );
  }

  /** Every offset of the log against what both clusters hold. */
  async function checked(topic: string) {
    const from = await committedRecords(source.connection.bootstrap, topic);
    const end = (from.at(-1)?.offset ?? -1) + 1;
    await settled(topic, end);
    const to = await committedRecords(target.connection.bootstrap, topic);
    const map = await mapOverRest(fleet.client.transport, ROUTE, topic);
    assert.equal(map.lost, undefined);
    const copies = copiesOf(from, to);
    const { wrong, skips, rereads, unanswered, inverseWrong, ...verdict } = judgeMap(map, copies, { from: 0, to: end });
    assert.deepEqual({ wrong, skips, rereads, unanswered, inverseWrong }, NONE, verdict.firstProblem);
    assert.equal(verdict.exact, copies.size);
    return { map, copies, verdict, end };
  }

  async function recordsOfMap(topic: string): Promise<number> {
    const all = await Promise.all(Array.from({ length: OFFSET_MAP_PARTITIONS }, (_, i) => target.read(MAP, i)));
    return all.flat().filter(({ key }) => String(key).includes(`"${topic}"`)).length;
  }

  test('without holes offsets are identical, said so per partition, and nothing is written', async () => {
    await filled('plain', 300);
    await fleet.client.addTopic(ROUTE, { topic: 'plain' });
    const { end } = await checked('plain');
    const [summary] = (await offsets.maps(ROUTE, 'plain')).partitions;
    assert.deepEqual([summary?.isIdentical, summary?.runs, summary?.lost], [true, 1, 0]);
    assert.equal(await recordsOfMap('plain'), 0);
    const found = await offsets.locate(ROUTE, 'plain', 0, '17');
    assert.deepEqual(
      [found.isCopied, found.targetOffset, found.kind, found.run?.length],
      [true, '17', 'exact', String(end)],
    );
    assert.equal(BigInt(found.timestampMs ?? -1), numbered(17, 1)[0]?.timestamp);
    const ahead = await offsets.translate(ROUTE, 'plain', { partition: 0, offset: String(end + 5) });
    assert.deepEqual(
      ahead.translations.map(({ kind, translated, behind }) => [kind, translated, behind]),
      [['head', String(end), '5']],
    );
    const [byTime] = (await offsets.translate(ROUTE, 'plain', { timestamp: Number(numbered(42, 1)[0]?.timestamp) }))
      .translations;
    assert.deepEqual([byTime?.offset, byTime?.translated], ['42', '42']);
  });

  test('transactions committed and aborted, and a declared gap: every offset of the log, a group’s position among them', async () => {
    const topic = 'transactions';
    await source.createTopic(topic, 1);
    await fleet.client.addTopic(ROUTE, { topic });
    const random = seededRandom(3);
    const log = await HoleyLog.open({
      bootstrapServers: servers(source),
      topic,
      random,
      maxRecords: 10,
      abortShare: 0.2,
    });
    try {
      await log.fill(1_800);
      await eventually('it is under way', async () => (await offsets.maps(ROUTE, topic)).partitions.length === 1);
      const applied = async (): Promise<number> =>
        Math.min(...(await fleet.client.assignment()).workers.map((worker) => worker.applied?.generation ?? 0));
      const generation = await applied();
      await fleet.client.skip(ROUTE, topic, { partition: 0, from: '1900', to: '1950', reason: 'a test' });
      // Before it has come there.
      await eventually('the worker knows of it', async () => (await applied()) > generation);
      await log.fill(800);
    } finally {
      await log.close();
    }
    const { map, copies, verdict } = await checked(topic);
    assert.ok(verdict.asked > 2_300 && verdict.holes > 280 && map.runs.length > 110, JSON.stringify(map.runs.length));
    assert.equal(
      [...copies.keys()].some((offset) => offset >= 1_900 && offset < 1_950),
      false,
      'the gap is one',
    );
    assert.ok((await recordsOfMap(topic)) > 0);
    const [copied] = [...copies].slice(-100) as [[number, number]];
    const admin = kafkaOf(servers(source)).admin();
    await admin.connect();
    await admin.setOffsets({ groupId: 'readers', topic, partitions: [{ partition: 0, offset: String(copied[0]) }] });
    await admin.disconnect();
    const { translations } = await offsets.translate(ROUTE, topic, { group: 'readers' });
    assert.deepEqual(
      translations.map(({ offset, kind, translated }) => [offset, kind, translated]),
      [[String(copied[0]), 'exact', String(copied[1])]],
    );
    const back = await offsets.inverse(ROUTE, topic, 0, String(copied[1]));
    assert.equal(back.translations[0]?.translated, String(copied[0]));
    const hole = Array.from({ length: 1_800 }, (_, i) => i).find((offset) => offset > 10 && !copies.has(offset)) ?? -1;
    const located = await offsets.locate(ROUTE, topic, 0, String(hole));
    assert.deepEqual([located.isCopied, located.kind, located.timestampMs], [false, 'hole', null]);
  });

  test('what the cleaner took out of the source: holes inside batches', async () => {
    const topic = 'compacted';
    const configs = { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' };
    await source.createTopic(topic, 1, configs);
    const options = {
      bootstrapServers: servers(source),
      topic,
      random: seededRandom(5),
      maxRecords: 40,
      abortShare: 0,
    };
    const log = await HoleyLog.open({ ...options, keys: 150 });
    try {
      await log.fill(1_500);
      await eventually(
        'the cleaner has been there',
        async () => {
          // It leaves the segment alone that is written to; a later record starts another.
          await log.fill(1);
          const left = await committedRecords(source.connection.bootstrap, topic);
          return left.length < 1_200 && left.length > 0;
        },
        40_000,
      );
    } finally {
      await log.close();
    }
    await fleet.client.addTopic(ROUTE, { topic });
    const from = await committedRecords(source.connection.bootstrap, topic);
    await settled(topic, (from.at(-1)?.offset ?? -1) + 1);
    const to = await committedRecords(target.connection.bootstrap, topic);
    const map = await mapOverRest(fleet.client.transport, ROUTE, topic);
    // The cleaner goes on: what is still at the source was copied, and what was copied may be gone there.
    const copies = copiesOf(from, to);
    for (const [offset, copy] of copies) {
      const [run] = [...map.runs].filter(({ source: s, length }) => s <= BigInt(offset) && BigInt(offset) < s + length);
      assert.equal(run && run.target + BigInt(offset) - run.source, BigInt(copy), `offset ${offset}`);
    }
    assert.ok(copies.size > 100 && map.runs.length > 20, `${copies.size} records in ${map.runs.length} runs`);
  });

  test('a source topic that is made anew has a map of its own: nothing of the old one answers', async () => {
    const topic = 'reborn';
    await filled(topic, 200);
    await fleet.client.addTopic(ROUTE, { topic });
    const { map: before } = await checked(topic);
    assert.equal(before.timeline, 1);
    const admin = kafkaOf(servers(source)).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    await eventually(
      'it is gone',
      async () => (await source.client.metadata([topic])).topics.get(topic)?.errorCode !== 0,
    );
    await source.createTopic(topic, 1);
    for (let at = 1_000; at < 1_060; at += 10) await source.append(topic, 0, buildBatch(numbered(at, 10)));
    await eventually(
      'its second life is copied',
      async () => (await committedRecords(target.connection.bootstrap, topic)).length >= 260,
      40_000,
    );
    const { map, copies } = await checked(topic);
    assert.deepEqual([map.timeline, copies.get(0), copies.size], [2, 200, 60]);
    const [position] = (await offsets.translate(ROUTE, topic, { partition: 0, offset: '150' })).translations;
    assert.deepEqual([position?.kind, position?.translated, position?.behind], ['head', '260', '90']);
  });
});
