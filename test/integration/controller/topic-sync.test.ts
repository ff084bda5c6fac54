import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import kafkajs from 'kafkajs';
import { SyncClient } from '../../../common/api/sync-client.js';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { DELETE_TOPICS } from '../../../common/kafka/wire/apis/delete-topics.js';
import { DESCRIBE_CONFIGS } from '../../../common/kafka/wire/apis/describe-configs.js';
import { INCREMENTAL_ALTER_CONFIGS } from '../../../common/kafka/wire/apis/incremental-alter-configs.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { alterTopicConfigs, describeTopicConfigs } from '../../../common/kafka/wire/operations/topic-admin.js';
import { addPartitions, createTopics, kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { callVersion, clientOf, connectionTo, sharedVersions } from '../kafka/wire-kit.js';
import { SmallFleet } from '../worker/small-fleet.js';

const EXCLUDE = ['delete[.]retention[.].*'];
const SYNC = { configs: { exclude: EXCLUDE, intervalMs: 1_000 } };
const FROM_SOURCE = { configs: { exclude: EXCLUDE, intervalMs: 1_000, useDefaultsFrom: 'source' } };
const DELETING = { ...SYNC, deletion: { policy: 'delete', delayMs: 2_000, maxTopics: 1, maxPercent: 100 } };

function merging(topic: string) {
  return { delivery: 'transactional', naming: { policy: 'map', topics: { [topic]: 'merged' } } } as const;
}

/** MirrorMaker 2's scenarios 10 to 12 (mirrormaker2.md 7.1), and what it does not do: plans, deletions. */
describe('topics of real clusters kept in step', { concurrency: 4 }, () => {
  let east: KafkaClusterHandle;
  let west: KafkaClusterHandle;
  let source: ClusterClient;
  let target: ClusterClient;
  let fleet: SmallFleet;
  let syncs: SyncClient;

  before(async () => {
    [east, west] = await Promise.all([
      startKafkaCluster({ name: 'east', version: '3.9.1' }),
      startKafkaCluster({ name: 'west', version: '4.1.0' }),
    ]);
    source = clientOf(connectionTo(east));
    target = clientOf(connectionTo(west));
    const route = { source: 'east', target: 'west', naming: { policy: 'default' } };
    fleet = await SmallFleet.start({
      clusters: { east: east.bootstrapServers, west: west.bootstrapServers },
      routes: {
        plain: { ...route, topicSync: SYNC },
        defaults: { ...route, naming: { policy: 'template', template: 'd-{topic}' }, topicSync: FROM_SOURCE },
        'merging-a': { ...route, ...merging('first'), topicSync: SYNC },
        'merging-b': { ...route, ...merging('second'), topicSync: SYNC },
        manual: {
          ...route,
          naming: { policy: 'map', topics: { 'by-hand': 'renamed' } },
          metadata: 'manual',
          topicSync: SYNC,
        },
        deleting: {
          ...route,
          naming: { policy: 'regex', match: '(.*)-(.*)', replacement: '$2.$1' },
          topicSync: DELETING,
        },
      },
      workers: 1,
    });
    syncs = new SyncClient(fleet.client.transport);
  });

  after(async () => {
    await fleet?.close();
    await Promise.all([source?.close(), target?.close()]);
    await Promise.all([east?.stop(), west?.stop()]);
  });

  async function mirror(
    route: string,
    topic: string,
    configs: Readonly<Record<string, string>> = {},
    partitions = 2,
  ): Promise<void> {
    await createTopics(east.bootstrapServers, [{ topic, partitions, configs }]);
    await waitUntil('the source shows the topic', async () => (await partitionsOf(source, topic)) === partitions);
    await fleet.client.addTopic(route, { topic });
  }

  async function partitionsOf(client: ClusterClient, topic: string): Promise<number> {
    return (await client.metadata([topic])).topics.get(topic)?.partitions.length ?? 0;
  }

  /** As another client reads it. */
  async function heldBy(topic: string, config: string): Promise<string | undefined> {
    const admin = kafkaOf(west.bootstrapServers).admin();
    await admin.connect();
    try {
      const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: [config] }];
      const { resources: found } = await admin.describeConfigs({ resources, includeSynonyms: false });
      return found[0]?.configEntries[0]?.configValue;
    } finally {
      await admin.disconnect();
    }
  }

  async function change(client: ClusterClient, topic: string, configs: Record<string, string | null>): Promise<void> {
    const changes = Object.entries(configs).map(([name, value]) => ({ name, value }));
    assert.equal((await alterTopicConfigs(client, new Map([[topic, changes]]))).size, 0);
  }

  test('every version of the new requests is understood by both kinds of brokers', async () => {
    for (const [handle, client] of [
      [east, source],
      [west, target],
    ] as const) {
      const connection = await client.anyConnection();
      for (const version of sharedVersions(connection, ApiKey.IncrementalAlterConfigs)) {
        const topic = `rpc-${handle.name}-${version}`;
        await createTopics(handle.bootstrapServers, [{ topic, partitions: 1 }]);
        const resources = [{ type: 2, name: topic, changes: [{ name: 'retention.ms', value: '1234567' }] }];
        const { results } = await callVersion(connection, INCREMENTAL_ALTER_CONFIGS, version, { resources });
        assert.deepEqual(results, [
          { errorCode: 0, errorMessage: results[0]?.errorMessage ?? null, type: 2, name: topic },
        ]);
        await waitUntil('the value shows', async () => {
          const configs = (await describeTopicConfigs(client, [topic])).get(topic);
          return configs?.get('retention.ms')?.value === '1234567' && configs.get('retention.ms')?.isOwn === true;
        });
      }
      for (const version of sharedVersions(connection, ApiKey.DescribeConfigs)) {
        const resources = [{ type: 2, name: `rpc-${handle.name}-1`, keys: null }];
        const { results } = await callVersion(connection, DESCRIBE_CONFIGS, version, { resources });
        const own = results[0]?.configs.filter((config) => config.source === 1).map(({ name, value }) => [name, value]);
        assert.deepEqual(own, [['retention.ms', '1234567']]);
        assert.ok((results[0]?.configs.length ?? 0) > 20);
      }
      // Between them nothing changes.
      for (const version of sharedVersions(connection, ApiKey.DeleteTopics).filter((one) => one === 1 || one > 3)) {
        const topic = `gone-${handle.name}-${version}`;
        await createTopics(handle.bootstrapServers, [{ topic, partitions: 1 }]);
        const topicId = (await client.metadata([topic])).topics.get(topic)?.topicId ?? null;
        const topics = [{ name: topic, topicId: version >= 6 ? topicId : null }];
        const { results } = await callVersion(connection, DELETE_TOPICS, version, { topics, timeoutMs: 10_000 });
        assert.equal(results[0]?.errorCode, 0, `v${version} at ${handle.name}`);
        await waitUntil('it is gone', async () => (await partitionsOf(client, topic)) === 0);
      }
    }
  });

  test('testSyncTopicConfigs: what was changed by hand is pulled back, an excluded config keeps its value', async () => {
    await mirror('plain', 'synced', { 'delete.retention.ms': '1000', 'retention.bytes': '1000' });
    const copy = 'east.synced';
    await waitUntil('the copy is there', async () => (await partitionsOf(target, copy)) === 2);
    assert.equal(await heldBy(copy, 'retention.bytes'), '1000');
    assert.notEqual(await heldBy(copy, 'delete.retention.ms'), '1000');
    await change(target, copy, { 'delete.retention.ms': '2000', 'retention.bytes': '2000' });
    await waitUntil('the change by hand shows', async () => (await heldBy(copy, 'delete.retention.ms')) === '2000');
    await waitUntil(
      'retention.bytes is the source’s again',
      async () => (await heldBy(copy, 'retention.bytes')) === '1000',
    );
    assert.equal(await heldBy(copy, 'delete.retention.ms'), '2000');
    await change(source, 'synced', { 'cleanup.policy': 'compact' });
    await waitUntil('a change at the source follows', async () => (await heldBy(copy, 'cleanup.policy')) === 'compact');
  });

  test('testReplicateTargetDefault: an override that the source drops gives way to the target’s own default', async () => {
    await mirror('plain', 'dropped', { 'retention.bytes': '1000', 'delete.retention.ms': '1000' });
    const copy = 'east.dropped';
    await waitUntil('the copy is there', async () => (await partitionsOf(target, copy)) === 2);
    await change(target, copy, { 'delete.retention.ms': '2000' });
    await waitUntil('the change by hand shows', async () => (await heldBy(copy, 'delete.retention.ms')) === '2000');
    await change(source, 'dropped', { 'retention.bytes': null, 'delete.retention.ms': null });
    await waitUntil('the default holds', async () => (await heldBy(copy, 'retention.bytes')) === '-1');
    assert.equal(await heldBy(copy, 'delete.retention.ms'), '2000');
  });

  test('testReplicateSourceDefault: with defaults from the source, they are set over what the target has', async () => {
    await mirror('defaults', 'plain-one', {});
    const copy = 'd-plain-one';
    await waitUntil('the copy is there', async () => (await partitionsOf(target, copy)) === 2);
    await change(target, copy, { 'retention.bytes': '2000', 'delete.retention.ms': '2000' });
    await waitUntil('the change by hand shows', async () => (await heldBy(copy, 'delete.retention.ms')) === '2000');
    await waitUntil('the source’s default is set', async () => (await heldBy(copy, 'retention.bytes')) === '-1');
    assert.equal(await heldBy(copy, 'delete.retention.ms'), '2000');
  });

  test('of two routes into one topic the first has the word on its configs, the second says so', async () => {
    await mirror('merging-b', 'second', { 'retention.bytes': '2000' });
    await waitUntil('the copy is there', async () => (await partitionsOf(target, 'merged')) === 2);
    await mirror('merging-a', 'first', { 'retention.bytes': '1000' });
    await waitUntil('it has the first’s value', async () => (await heldBy('merged', 'retention.bytes')) === '1000');
    const seen = new Set<string | undefined>();
    const untilMs = Date.now() + 4_000;
    await waitUntil('both were compared some times', async () => {
      seen.add(await heldBy('merged', 'retention.bytes'));
      return Date.now() > untilMs;
    });
    assert.deepEqual([...seen], ['1000']);
    assert.deepEqual((await syncs.plan('merging-b')).items, []);
    const told = (await syncs.drift('merging-b')).items.find(
      (item) => 'name' in item && item.name === 'retention.bytes',
    );
    assert.deepEqual([told?.before, told?.after], ['1000', '2000']);
    assert.match(told?.reason ?? '', /topic first of route merging-a .* has the word/);
    await change(source, 'first', { 'retention.bytes': null });
    await waitUntil('the default holds', async () => (await heldBy('merged', 'retention.bytes')) === '-1');
  });

  test('partitions that the source gets, the eleventh to ten, are there at the target, too', async () => {
    await mirror('plain', 'growing', {}, 10);
    await waitUntil('the copy is there', async () => (await partitionsOf(target, 'east.growing')) === 10);
    await addPartitions(east.bootstrapServers, 'growing', 11);
    await waitUntil('it has grown', async () => (await partitionsOf(target, 'east.growing')) === 11);
  });

  test('a naming that gives a topic another target has it copied there anew; what was copied before stays', async () => {
    const body = { source: 'east', target: 'west', topicSync: SYNC } as const;
    const map = (name: string) => {
      return { policy: 'map', topics: { moving: name }, otherwise: { policy: 'identity' } } as const;
    };
    await fleet.client.putRoute('moving', { ...body, naming: map('before') });
    await mirror('moving', 'moving');
    await produce('moving');
    await waitUntil('it is copied', async () => (await endOf('before')) === 2);
    const { etag } = await fleet.client.getRoute('moving');
    const moved = { ...body, naming: map('afterwards') };
    await assert.rejects(fleet.client.putRoute('moving', moved, etag), { code: 'ROUTE_IN_USE' });
    await fleet.client.putRoute('moving', moved, etag, { mayRename: true });
    await waitUntil('it is copied anew', async () => (await endOf('afterwards')) === 2, { timeoutMs: 20_000 });
    await produce('moving');
    await waitUntil('and on', async () => (await endOf('afterwards')) === 4);
    assert.equal(await endOf('before'), 2);
  });

  test('with manual metadata nothing is made but what a plan says that somebody applies, once', async () => {
    await mirror('manual', 'by-hand', { 'retention.ms': '5000000' });
    await waitUntil('its problem is told', async () => {
      const { problems } = await fleet.client.problems();
      return problems.some(({ topic, code, message }) => {
        return topic === 'by-hand' && code === 'TARGET_NOT_READY' && message.includes('metadata is manual');
      });
    });
    const plan = await syncs.plan('manual');
    assert.deepEqual(
      plan.items.map(({ kind, action, after, applies }) => [kind, action, after, applies]),
      [['topic-create', 'create', '2 partitions, replication factor 1', true]],
    );
    assert.equal(await partitionsOf(target, 'renamed'), 0);
    await assert.rejects(syncs.apply('manual', 'f'.repeat(64)), { code: 'PRECONDITION_FAILED' });
    const view = await syncs.apply('manual', plan.hash);
    assert.deepEqual(
      view.results.map(({ done, error }) => [done, error]),
      [[true, null]],
    );
    await waitUntil('the topic is there', async () => (await partitionsOf(target, 'renamed')) === 2);
    assert.equal(await heldBy('renamed', 'retention.ms'), '5000000');
    await waitUntil('nothing is left to do', async () => (await syncs.plan('manual')).items.length === 0);
    await change(source, 'by-hand', { 'retention.ms': '6000000' });
    await waitUntil('the plan has the change', async () => (await syncs.plan('manual')).items.length === 1);
    const { items } = await syncs.drift('manual');
    assert.deepEqual(
      items.map((item) => [item.kind, 'name' in item ? item.name : '', item.before, item.after]),
      [['config', 'retention.ms', '5000000', '6000000']],
    );
    assert.equal(await heldBy('renamed', 'retention.ms'), '5000000');
  });

  test('a source topic that is deleted takes its copy with it after the delay, two at once wait for somebody', async () => {
    await mirror('deleting', 'first-eu');
    await produce('first-eu');
    await mirror('deleting', 'second-eu');
    await produce('second-eu');
    await mirror('deleting', 'third-eu');
    await produce('third-eu');
    for (const topic of ['eu.first', 'eu.second', 'eu.third']) {
      await waitUntil(`${topic} has records`, async () => (await endOf(topic)) > 0);
    }
    await waitUntil('their copying is known to have begun', async () => {
      const { topics } = await fleet.client.status().then(() => fleet.client.listTopics('deleting'));
      const details = await Promise.all(topics.map(({ topic }) => fleet.client.describeTopic('deleting', topic)));
      return details.every(({ partitions }) => partitions.every(({ state }) => state === 'running'));
    });
    await remove('first-eu');
    await waitUntil('its copy is gone', async () => (await partitionsOf(target, 'eu.first')) === 0, {
      timeoutMs: 20_000,
    });
    await waitUntil('it is not mirrored any more', async () => {
      return (await fleet.client.listTopics('deleting')).topics.length === 2;
    });
    await remove('second-eu', 'third-eu');
    await waitUntil('the plan has both', async () => (await syncs.plan('deleting')).items.length === 2);
    const plan = await syncs.plan('deleting');
    // Longer than the delay and a round: the leader leaves them.
    const heldUntilMs = Date.now() + 4_000;
    await waitUntil('time has passed', () => Promise.resolve(Date.now() > heldUntilMs));
    assert.equal(await partitionsOf(target, 'eu.second'), 2);
    const { results } = await syncs.apply('deleting', plan.hash);
    assert.deepEqual(
      results.map(({ item, done }) => [item.kind, done]),
      [
        ['topic-delete', true],
        ['topic-delete', true],
      ],
    );
    await waitUntil('both are gone', async () => (await partitionsOf(target, 'eu.third')) === 0);
    // Who comes under the name of one that went is somebody else, with all its records.
    await mirror('deleting', 'first-eu');
    await produce('first-eu');
    await waitUntil('the new one is copied whole', async () => (await endOf('eu.first')) === 2).catch(async (cause) => {
      const { partitions } = await fleet.client.describeTopic('deleting', 'first-eu');
      throw new Error(`${await endOf('eu.first')} records, ${JSON.stringify(partitions)}`, { cause });
    });
  });

  async function produce(topic: string): Promise<void> {
    const producer = kafkaOf(east.bootstrapServers).producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: [
        { value: 'a', partition: 0 },
        { value: 'b', partition: 1 },
      ],
    });
    await producer.disconnect();
  }

  async function endOf(topic: string): Promise<number> {
    const admin = kafkaOf(west.bootstrapServers).admin();
    await admin.connect();
    try {
      const offsets = await admin.fetchTopicOffsets(topic).catch(() => []);
      return offsets.reduce((sum, { high }) => sum + Number(high), 0);
    } finally {
      await admin.disconnect();
    }
  }

  /** All at once: nobody sees one of them gone and the other there. */
  async function remove(...topics: readonly string[]): Promise<void> {
    const admin = kafkaOf(east.bootstrapServers).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [...topics] });
    await admin.disconnect();
  }
});
