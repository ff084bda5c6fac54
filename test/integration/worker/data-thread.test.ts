import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { DecodedRecord, KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import type { Route } from '../../../common/model/route.js';
import { kafkaOf } from '../../audit/topics.js';
import { ClusterPair } from './cluster-pair.js';
import { deleteRecords } from './delete-records.js';
import { eventually, item, numbered, type TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

function content(records: readonly (KafkaRecord | DecodedRecord)[]): unknown[] {
  return records.map(({ key, value, headers, timestamp }) => ({
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    headers: headers.map(([name, content_]) => [name.toString('hex'), content_?.toString('hex') ?? null]),
    timestamp,
  }));
}

describe('a data thread between two real clusters', () => {
  let pair: ClusterPair;
  let source: TestCluster;
  let target: TestCluster;
  let route: Route;

  before(async () => {
    pair = await ClusterPair.start({ source: '3.9.1', target: '4.1.0' });
    ({ source, target } = pair);
    route = testRoute('source', 'target');
  });

  after(async () => {
    await pair?.stop();
  });

  async function topic(name: string, partitions = 1, configs: Record<string, string> = {}): Promise<string | null> {
    await Promise.all([source.createTopic(name, partitions, configs), target.createTopic(name, partitions, configs)]);
    return source.topicId(name);
  }

  const thread = (incarnation: string): ThreadUnderTest =>
    new ThreadUnderTest([source.connection, target.connection], incarnation);

  test('copies what was there and what comes, identical and in order, at the same offsets', async () => {
    const sourceTopicId = await topic('plain', 2);
    const expected = [numbered(0, 500), numbered(1_000, 300)];
    for (const partition of [0, 1]) {
      const records = expected[partition] as KafkaRecord[];
      for (let i = 0; i < records.length; i += 50)
        await source.append('plain', partition, buildBatch(records.slice(i, i + 50)));
    }
    const under = thread('one');
    under.assign([route], [item('plain', 0, { sourceTopicId }), item('plain', 1, { sourceTopicId })]);
    await eventually('both partitions copied', async () => {
      const counts = await Promise.all([0, 1].map(async (p) => (await target.read('plain', p)).length));
      return counts[0] === 500 && counts[1] === 300;
    });
    const late = numbered(5_000, 3);
    await source.append('plain', 1, buildBatch(late));
    await eventually('the late records', async () => (await target.read('plain', 1)).length === 303);
    assert.deepEqual(content(await target.read('plain', 0)), content(expected[0] as KafkaRecord[]));
    assert.deepEqual(content(await target.read('plain', 1)), content([...(expected[1] as KafkaRecord[]), ...late]));
    assert.equal(under.held()?.started.length, 2);
    await under.thread.stop();
  });

  test('a target topic that is made anew before anybody knows that the partition began is no first start', async () => {
    const sourceTopicId = await topic('reborn');
    await source.append('reborn', 0, buildBatch(numbered(0, 50)));
    const under = thread('reborn');
    const exact: Route = { ...route, delivery: 'exactly-once' };
    under.assign([exact], [item('reborn', 0, { sourceTopicId })]);
    const status = () => under.status().find(({ topic: name }) => name === 'reborn');
    await eventually('copied', async () => (await target.read('reborn', 0)).length === 50);
    await eventually('the pair is committed', () => under.held()?.started.length === 1);
    const admin = kafkaOf(target.connection.bootstrap.join(',')).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: ['reborn'] });
    await eventually('it is gone', async () => (await target.topicId('reborn')) === null);
    await admin.disconnect();
    await target.createTopic('reborn', 1);
    await source.append('reborn', 0, buildBatch(numbered(50, 50)));
    await eventually('it says why it stands', () => status()?.state === 'paused');
    assert.equal(status()?.reason?.code, 'TARGET_TOPIC_RECREATED');
    // At most what was on its way when the topic became another; never what was copied before.
    const keys = (await target.read('reborn', 0)).map(({ key }) => String(key));
    assert.ok(!keys.includes('key-0'), keys.slice(0, 3).join());
    await under.thread.stop();
  });

  test('a revoked partition is drained and checkpointed: the next owner repeats nothing and misses nothing', async () => {
    const sourceTopicId = await topic('moved');
    await source.append('moved', 0, buildBatch(numbered(0, 200)));
    const first = thread('two-a');
    first.assign([route], [item('moved', 0, { sourceTopicId })]);
    await eventually('some records copied', async () => (await target.read('moved', 0)).length > 0);
    await source.append('moved', 0, buildBatch(numbered(200, 200)));
    first.assign([route], [item('moved', 0, { sourceTopicId, state: 'revoke' })]);
    await eventually('released', () => first.held()?.generation === 2 && first.held()?.held.length === 0);
    const second = thread('two-b');
    second.assign([route], [item('moved', 0, { sourceTopicId, started: true })]);
    await source.append('moved', 0, buildBatch(numbered(400, 100)));
    await eventually('everything copied', async () => (await target.read('moved', 0)).length >= 500);
    assert.deepEqual(content(await target.read('moved', 0)), content(numbered(0, 500)));
    await Promise.all([first.thread.stop(), second.thread.stop()]);
  });

  test('A to B to A: sequences go on where they were, so nothing is silently dropped', async () => {
    const sourceTopicId = await topic('pingpong');
    const a = thread('three-a');
    const b = thread('three-b');
    let sent = 0;
    for (const owner of [a, b, a, b, a]) {
      await source.append('pingpong', 0, buildBatch(numbered(sent, 10)));
      sent += 10;
      owner.assign([route], [item('pingpong', 0, { sourceTopicId, started: sent > 10 })]);
      await eventually(`${sent} records`, async () => (await target.read('pingpong', 0)).length === sent);
      owner.assign([route], [item('pingpong', 0, { sourceTopicId, state: 'revoke' })]);
      await eventually('released', () => owner.held()?.held.length === 0);
    }
    assert.deepEqual(content(await target.read('pingpong', 0)), content(numbered(0, 50)));
    await Promise.all([a.thread.stop(), b.thread.stop()]);
  });

  test('a start position inside a batch is honoured: the head is trimmed', async () => {
    const sourceTopicId = await topic('inside');
    await source.append('inside', 0, buildBatch(numbered(0, 10), { codec: 'gzip' }));
    await source.append('inside', 0, buildBatch(numbered(10, 10)));
    await deleteRecords(source.connection, 'inside', 0, 4n);
    const under = thread('four');
    under.assign([route], [item('inside', 0, { sourceTopicId })]);
    await eventually('16 records', async () => (await target.read('inside', 0)).length === 16);
    assert.deepEqual(content(await target.read('inside', 0)), content(numbered(4, 16)));
    await under.thread.stop();
  });

  test('the lease ends: not one more record reaches the target', async () => {
    const sourceTopicId = await topic('lease');
    const under = thread('five');
    under.assign([route], [item('lease', 0, { sourceTopicId })]);
    await source.append('lease', 0, buildBatch(numbered(0, 5)));
    await eventually('five records', async () => (await target.read('lease', 0)).length === 5);
    new Float64Array(under.lease)[0] = 0;
    await source.append('lease', 0, buildBatch(numbered(5, 5)));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal((await target.read('lease', 0)).length, 5);
    new Float64Array(under.lease)[0] = Number.POSITIVE_INFINITY;
    await under.thread.stop();
  });

  test('a batch the target refuses pauses its partition with the reason; its neighbour goes on', async () => {
    const sourceTopicId = await topic('strict', 2);
    await target.createTopic('small', 2, { 'max.message.bytes': '2000' });
    await source.createTopic('small', 2);
    const smallId = await source.topicId('small');
    await source.append('small', 0, buildBatch(numbered(0, 1, 5_000)));
    await source.append('small', 1, buildBatch(numbered(0, 5)));
    const under = thread('six');
    under.assign(
      [route],
      [
        item('small', 0, { sourceTopicId: smallId }),
        item('small', 1, { sourceTopicId: smallId }),
        item('strict', 0, { sourceTopicId }),
      ],
    );
    await eventually('the neighbour copied', async () => (await target.read('small', 1)).length === 5);
    await eventually('paused with reason', () =>
      under.status().some((s) => s.topic === 'small' && s.partition === 0 && s.state === 'paused'),
    );
    const paused = under.status().find((s) => s.topic === 'small' && s.partition === 0);
    assert.equal(paused?.reason?.code, 'TARGET_REFUSED');
    assert.match(paused?.reason?.message ?? '', /max\.message\.bytes/);
    assert.equal((await target.read('small', 0)).length, 0);
    await under.thread.stop();
  });

  test('an item whose cluster or route this worker does not know is shown as paused and touches no other', async () => {
    const sourceTopicId = await topic('known');
    await source.append('known', 0, buildBatch(numbered(0, 5)));
    const strange = { ...testRoute('source', 'elsewhere'), name: 'strange' };
    const under = thread('seven');
    under.assign(
      [route, strange],
      [
        item('known', 0, { route: 'nowhere', sourceTopicId }),
        item('known', 0, { route: 'strange', sourceTopicId }),
        item('known', 0, { sourceTopicId }),
      ],
    );
    await eventually('five records', async () => (await target.read('known', 0)).length === 5);
    await eventually('shown as paused', () =>
      under.status().some((s) => s.route === 'strange' && s.reason?.code === 'CLUSTER_UNKNOWN'),
    );
    under.assign([route], [item('known', 0, { sourceTopicId, state: 'revoke' })]);
    await eventually('released', () => under.held()?.generation === 2 && under.held()?.held.length === 0);
    await under.thread.stop();
  });

  test('paused and resumed again and again under load: nothing is sent twice, nothing is left out', async () => {
    const sourceTopicId = await topic('blink');
    for (let i = 0; i < 40; i++) await source.append('blink', 0, buildBatch(numbered(i * 25, 25, 2_000)));
    const under = thread('eight');
    for (let i = 0; i < 21; i++) {
      under.assign([route], [item('blink', 0, { sourceTopicId, paused: i % 2 === 1 })]);
      await new Promise((resolve) => setTimeout(resolve, i === 0 ? 300 : 15));
      if (i % 2 === 1) await source.append('blink', 0, buildBatch(numbered(1_000 + ((i - 1) / 2) * 25, 25, 2_000)));
    }
    await eventually('everything copied', async () => (await target.read('blink', 0)).length >= 1_250);
    assert.deepEqual(content(await target.read('blink', 0)), content(numbered(0, 1_250, 2_000)));
    await under.thread.stop();
  });
});
