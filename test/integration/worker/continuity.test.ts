import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { PartitionView } from '../../../common/api/fleet-shapes.js';
import { OffsetClient } from '../../../common/api/offset-client.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { gapTopic } from '../../../common/model/gap.js';
import { compareClusters } from '../../audit/compare-clusters.js';
import { addPartitions, kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { deleteRecords } from './delete-records.js';
import { SmallFleet } from './small-fleet.js';
import { eventually, numbered, TestCluster } from './thread-kit.js';

const FLEET = 'default';
/** Goes on by itself wherever that is possible. */
const ON = {
  sourceRecreated: 'restart',
  sourceTruncated: 'continue',
  retentionOverrun: 'continue',
  targetRecreated: 'restart',
  targetTruncated: 'continue',
};

describe('5.3 topics that are not what they were, on real brokers', () => {
  const handles: KafkaClusterHandle[] = [];
  let source: TestCluster;
  let target: TestCluster;
  let fleet: SmallFleet;

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
    const route = { source: 'source', target: 'target', delivery: 'exactly-once' };
    fleet = await SmallFleet.start({
      clusters: { source: from.bootstrapServers, target: to.bootstrapServers },
      routes: {
        on: { ...route, continuity: ON },
        held: { ...route, continuity: { retentionOverrun: 'pause' } },
        carried: { ...route, delivery: 'at-least-once', continuity: { ...ON, targetRecreated: 'continue' } },
      },
      workers: 1,
      worker: { checkpointIntervalMs: 200, fetchMaxWaitMs: 200 },
    });
  });

  after(async () => {
    await fleet?.close();
    await Promise.all([source?.close(), target?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  const fill = async (topic: string, from: number, count: number, partition = 0): Promise<void> => {
    for (let at = from; at < from + count; at += 10) {
      await source.append(topic, partition, buildBatch(numbered(at, Math.min(10, from + count - at))));
    }
  };
  const keys = (...ranges: readonly (readonly [number, number])[]): string[] =>
    ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => `key-${from + i}`));
  /** Nothing while the topic is on its way. */
  const copied = async (topic: string, partition = 0): Promise<string[]> => {
    try {
      return (await target.read(topic, partition)).map(({ key }) => String(key));
    } catch {
      return [];
    }
  };
  const arrived = (topic: string, expected: readonly string[]): Promise<void> =>
    eventually(
      `${topic} has ${expected.length} records`,
      async () => (await copied(topic)).length >= expected.length,
      30_000,
    );
  const partitionOf = async (route: string, topic: string, partition = 0): Promise<PartitionView | undefined> =>
    (await fleet.client.describeTopic(route, topic)).partitions.find((one) => one.partition === partition);
  const problemsOf = async (route: string, topic: string): Promise<readonly string[]> =>
    (await fleet.client.describeTopic(route, topic)).problems.map(({ code }) => code);

  async function declared(topic: string): Promise<Record<string, unknown>[]> {
    const records = await target.read(gapTopic(FLEET), 0).catch(() => []);
    const all = records.map(({ value }) => JSON.parse(String(value)) as Record<string, unknown>);
    return all.filter((one) => one['topic'] === topic);
  }
  /** Once there is one. */
  const rangesOf = async (topic: string): Promise<readonly unknown[]> => {
    await eventually('declared', async () => (await declared(topic)).length > 0);
    return (await declared(topic)).map(({ kind, reason, firstOffset, lastOffset, bound }) =>
      [kind, reason, firstOffset, lastOffset, bound].join(' '),
    );
  };

  async function begun(route: string, topic: string, count: number): Promise<void> {
    await source.createTopic(topic, 1);
    await fill(topic, 0, count);
    await fleet.client.addTopic(route, { topic });
    await arrived(topic, keys([0, count]));
    // What is not written down yet is a partition without a checkpoint, should its target go now.
    const offsets = new OffsetClient(fleet.client.transport);
    await eventually('written down', async () => {
      const { partitions } = await offsets.maps(route, topic);
      return Number(partitions[0]?.head.source ?? -1) >= count;
    });
  }

  async function deleted(cluster: TestCluster, topic: string): Promise<void> {
    const before = await cluster.topicId(topic);
    const admin = kafkaOf(cluster.connection.bootstrap.join(',')).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    // Where it is made anew at once, nobody may see that it was not there.
    await eventually(
      'it is gone, or another one',
      async () => (await cluster.topicId(topic)) !== before || !(await exists(cluster, topic)),
    );
  }
  const exists = async (cluster: TestCluster, topic: string): Promise<boolean> =>
    (await cluster.client.metadata([topic])).topics.get(topic)?.errorCode === 0;

  async function audited(topic: string): Promise<void> {
    const servers = { source: source.connection.bootstrap.join(','), target: target.connection.bootstrap.join(',') };
    const result = await compareClusters({ ...servers, topics: [topic], fleet: FLEET });
    const { missing, duplicated, reordered, different, phantom } = result;
    const counts = { missing, duplicated, reordered, different, phantom };
    const none = { missing: 0, duplicated: 0, reordered: 0, different: 0, phantom: 0 };
    assert.deepEqual(counts, none, JSON.stringify(result.firstProblems));
    // What other topics of the bed declare is no fault of this one.
    assert.deepEqual(
      result.gapFaults.filter((fault) => fault.startsWith(`${topic}-`)),
      [],
    );
  }

  test('records deleted before a paused partition reads them: exactly those are declared, what follows is copied', async () => {
    await begun('on', 'overrun', 20);
    await fleet.client.patchTopic('on', 'overrun', { paused: true });
    await eventually('paused', async () => (await partitionOf('on', 'overrun'))?.state === 'paused');
    await fill('overrun', 20, 40);
    await deleteRecords(source.connection, 'overrun', 0, 45n);
    await fleet.client.patchTopic('on', 'overrun', { paused: false });
    await arrived('overrun', keys([0, 20], [45, 60]));
    assert.deepEqual(await copied('overrun'), keys([0, 20], [45, 60]));
    assert.deepEqual(await rangesOf('overrun'), ['gap retention 20 44 exact']);
    await eventually('counted', async () => (await partitionOf('on', 'overrun'))?.gapRecords === 25);
    await eventually('and in the metrics', async () => {
      const metrics = await fleet.workers[0]?.metrics.text();
      return /causeway_gaps_declared_total\{route="on",kind="gap",reason="retention"\} 1/.test(metrics ?? '');
    });
  });

  test('records deleted in front of a partition that is being read: the gap begins where it stood', async () => {
    await source.createTopic('chased', 1);
    await fill('chased', 0, 400);
    await fleet.client.addTopic('on', { topic: 'chased', limits: { recordsPerS: 10 } });
    await eventually('some are copied', async () => (await copied('chased')).length > 10);
    await deleteRecords(source.connection, 'chased', 0, 380n);
    await eventually('declared', async () => (await declared('chased')).length > 0);
    await eventually('the rest is copied', async () => (await copied('chased')).at(-1) === 'key-399');
    const [gap] = await declared('chased');
    const first = Number(gap?.['firstOffset']);
    assert.deepEqual([gap?.['lastOffset'], gap?.['bound']], ['379', 'exact']);
    assert.deepEqual(await copied('chased'), keys([0, first], [380, 400]));
  });

  test('where the route says pause, the range is told; an operator’s skip over it lets it go on', async () => {
    await begun('held', 'stopped', 10);
    await fleet.client.patchTopic('held', 'stopped', { paused: true });
    await eventually('paused', async () => (await partitionOf('held', 'stopped'))?.state === 'paused');
    await fill('stopped', 10, 20);
    await deleteRecords(source.connection, 'stopped', 0, 25n);
    await fleet.client.patchTopic('held', 'stopped', { paused: false });
    await eventually('told', async () => (await partitionOf('held', 'stopped'))?.reason?.code === 'SOURCE_OFFSET_GONE');
    assert.match((await partitionOf('held', 'stopped'))?.reason?.message ?? '', /\[10, 25\)/);
    await fleet.client.skip('held', 'stopped', { partition: 0, from: '10', to: '25', reason: 'known' });
    await arrived('stopped', keys([0, 10], [25, 30]));
    assert.deepEqual(await rangesOf('stopped'), ['gap operator 10 24 exact']);
  });

  test('the source topic is deleted and made anew while it is copied: the new one follows the old one, declared', async () => {
    await begun('on', 'renewed', 30);
    await deleted(source, 'renewed');
    await eventually('said', async () => (await problemsOf('on', 'renewed')).includes('SOURCE_TOPIC_DELETED'));
    await source.createTopic('renewed', 1);
    // More than the old one had: no offset gives it away.
    await fill('renewed', 100, 50);
    await arrived('renewed', keys([0, 30], [100, 150]));
    assert.deepEqual(await copied('renewed'), keys([0, 30], [100, 150]));
    await eventually('declared', async () => (await declared('renewed')).length > 0);
    const [end] = await declared('renewed');
    assert.deepEqual(
      [
        end?.['kind'],
        end?.['reason'],
        end?.['bound'],
        end?.['firstOffset'],
        end?.['targetOffset'],
        end?.['nextTimeline'],
      ],
      ['gap', 'source-recreated', 'at-least', '30', '30', 2],
    );
    await audited('renewed');
  });

  test('without that policy nothing of the new topic is copied before an operator says so', async () => {
    await begun('held', 'guarded', 10);
    await deleted(source, 'guarded');
    await source.createTopic('guarded', 1);
    await fill('guarded', 200, 40);
    await eventually('held', async () => (await problemsOf('held', 'guarded')).includes('SOURCE_RECREATED'));
    assert.deepEqual(await copied('guarded'), keys([0, 10]));
    await fleet.client.resolve('held', 'guarded', { action: 'restart', reason: 'the new one is right' });
    await arrived('guarded', keys([0, 10], [200, 240]));
    assert.deepEqual(await copied('guarded'), keys([0, 10], [200, 240]));
    await audited('guarded');
  });

  test('the target topic is deleted under load: made anew and copied again from the start, nothing of the old timeline in it', async () => {
    await begun('on', 'emptied', 50);
    const before = await target.topicId('emptied');
    const load = fill('emptied', 50, 100);
    await deleted(target, 'emptied');
    await load;
    await arrived('emptied', keys([0, 150]));
    assert.notEqual(await target.topicId('emptied'), before);
    await fill('emptied', 150, 10);
    await arrived('emptied', keys([0, 160]));
    const last = await copied('emptied');
    assert.deepEqual(last.slice(-160), keys([0, 160]));
    await eventually('declared', async () => (await declared('emptied')).length > 0);
    const ends = (await declared('emptied')).map(({ kind, reason, bound }) => [kind, reason, bound].join(' '));
    assert.deepEqual(ends, ['recopied target-recreated at-most']);
  });

  test('or it goes on from its position, what the target lost declared', async () => {
    await begun('carried', 'halved', 50);
    await deleted(target, 'halved');
    await eventually(
      'made anew',
      async () => (await target.topicId('halved')) !== null && (await exists(target, 'halved')),
    );
    await fill('halved', 50, 20);
    await eventually('declared', async () => (await declared('halved')).length === 1, 30_000);
    // What was on its way may have got into the new topic before it was known to be one: what counts lies behind it.
    const from = Number((await declared('halved'))[0]?.['targetOffset']);
    await eventually('it goes on', async () => (await copied('halved')).length === from + 20, 30_000);
    assert.deepEqual((await copied('halved')).slice(from), keys([50, 70]));
    assert.deepEqual(await rangesOf('halved'), ['gap target-recreated 0 49 at-most']);
    await audited('halved');
  });

  test('the target topic is deleted where nobody allows it: left alone and told, until an operator decides', async () => {
    await begun('held', 'lost', 20);
    await deleted(target, 'lost');
    await eventually('told', async () => (await problemsOf('held', 'lost')).includes('TARGET_TOPIC_DELETED'));
    assert.equal(await exists(target, 'lost'), false);
    await fleet.client.resolve('held', 'lost', { action: 'restart', reason: 'start over' });
    await arrived('lost', keys([0, 20]));
    assert.deepEqual(await copied('lost'), keys([0, 20]));
  });

  test('partitions added while keyed writes go on are copied from their first record', async () => {
    await begun('on', 'grown', 10);
    await addPartitions(source.connection.bootstrap.join(','), 'grown', 3);
    await eventually('they lead', async () => {
      const found = (await source.client.metadata(['grown'])).topics.get('grown')?.partitions ?? [];
      return found.length === 3 && found.every(({ leader }) => leader >= 0);
    });
    await fill('grown', 300, 20, 1);
    await fill('grown', 400, 20, 2);
    for (const [partition, from] of [
      [1, 300],
      [2, 400],
    ] as const) {
      await eventually('copied', async () => (await copied('grown', partition)).length === 20);
      assert.deepEqual(await copied('grown', partition), keys([from, from + 20]));
    }
    await audited('grown');
  });
});
