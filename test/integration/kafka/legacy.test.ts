import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { openAdmin } from '../../../common/kafka/admin/admin.js';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { FETCH, type FetchRequest } from '../../../common/kafka/wire/apis/fetch.js';
import { OFFSET_FOR_LEADER_EPOCH } from '../../../common/kafka/wire/apis/offset-for-leader-epoch.js';
import { PRODUCE } from '../../../common/kafka/wire/apis/produce.js';
import { call } from '../../../common/kafka/wire/call.js';
import { commitOffsets } from '../../../common/kafka/wire/operations/commit-offsets.js';
import { fetchOffsets } from '../../../common/kafka/wire/operations/fetch-offsets.js';
import { initProducerId } from '../../../common/kafka/wire/operations/init-producer-id.js';
import { listGroups } from '../../../common/kafka/wire/operations/list-groups.js';
import {
  listOffsets,
  TIMESTAMP_EARLIEST,
  TIMESTAMP_LATEST,
} from '../../../common/kafka/wire/operations/list-offsets.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { loadCodec } from '../../../common/kafka/wire/records/compression.js';
import { decodeBatches } from '../../../common/kafka/wire/records/record-codec.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { LegacyKafkaVersion } from '../../bed/kafka-set.js';
import { startLegacyKafka } from '../../bed/legacy-kafka.js';
import { commit, committed, entryOf, leaderOf, verdicts } from '../groups/groups-kit.js';
import { eventually, item, numbered, TestCluster, ThreadUnderTest, testRoute } from '../worker/thread-kit.js';
import { createTopic } from './create-topic.js';
import { batchByHand } from './wire-kit.js';

const VERSIONS: readonly LegacyKafkaVersion[] = ['2.1.1', '2.8.2'];

const fetchRequest = (settings: Partial<FetchRequest>): FetchRequest => ({
  maxWaitMs: 500,
  minBytes: 1,
  maxBytes: 1 << 20,
  isolationLevel: 1,
  sessionId: 0,
  sessionEpoch: 0,
  partitions: [],
  forgotten: [],
  rackId: '',
  ...settings,
});

describe('brokers of Kafka 2.x', () => {
  const handles: KafkaClusterHandle[] = [];
  const legacy = new Map<LegacyKafkaVersion, TestCluster>();
  let modern: TestCluster;

  before(async () => {
    await loadCodec('lz4');
    const [current, ...old] = await Promise.all([
      startKafkaCluster({ name: 'modern', version: '4.1.0' }),
      ...VERSIONS.map((version) => startLegacyKafka({ name: `old-${version}`, version })),
    ]);
    handles.push(current, ...old);
    modern = new TestCluster(current);
    for (const [i, version] of VERSIONS.entries()) legacy.set(version, new TestCluster(old[i] as KafkaClusterHandle));
  });

  after(async () => {
    await Promise.all([modern, ...legacy.values()].map((cluster) => cluster?.close()));
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  for (const version of VERSIONS) {
    const old = (): TestCluster => legacy.get(version) as TestCluster;

    test(`${version}: topics are made, grown, described and deleted`, async () => {
      const admin = openAdmin(old().connection, silentLogger);
      try {
        const configs = { 'retention.ms': '123000' };
        const made = { topic: 'made', partitions: 1, replicationFactor: 1, configs };
        assert.equal(await createTopic(admin, made), 'created');
        assert.equal(await createTopic(admin, made), 'exists');
        assert.equal(await admin.createPartitions('made', 3), 'grown');
        assert.equal(await admin.createPartitions('made', 3), 'unchanged');
        assert.deepEqual([...(await admin.topicConfigs(['made', 'missing']))], [['made', configs]]);
        assert.equal(await admin.deleteTopic('made'), 'deleted');
        assert.equal(await admin.deleteTopic('missing'), 'absent');
      } finally {
        await admin.close();
      }
    });

    test(`${version}: metadata with and without topic ids, idempotent produce, fetch sessions by name, offsets and groups`, async () => {
      const { client } = old();
      await old().createTopic('rpc', 2);
      const metadata = await client.metadata(['rpc']);
      const topicId = metadata.topics.get('rpc')?.topicId ?? null;
      // 2.8 names topics by id in its metadata, but not in Fetch.
      assert.equal(topicId === null, version === '2.1.1');
      assert.equal(metadata.clusterId, handles.find(({ name }) => name === `old-${version}`)?.clusterId);
      const connection = await client.connection(1, 'test');

      const { producerId: id, epoch } = await initProducerId(client, 'old-tx', 60_000);
      const write = async (sequence: number, value: string) => {
        const records = [batchByHand([value], { id, epoch, sequence })];
        const partitions = [{ topic: 'rpc', partition: 0, records }];
        const answer = await call(connection, PRODUCE, {
          transactionalId: null,
          acks: -1,
          timeoutMs: 5_000,
          partitions,
        });
        return answer.topics[0]?.partitions[0];
      };
      assert.equal((await write(0, 'a'))?.baseOffset, 0);
      assert.equal((await write(0, 'a'))?.baseOffset, 0, 'a repeat is known');
      assert.equal((await write(5, 'c'))?.errorCode, 45);
      assert.equal((await write(1, 'b'))?.baseOffset, 1);
      const renewed = await initProducerId(client, 'old-tx', 60_000);
      assert.deepEqual([renewed.producerId, renewed.epoch > epoch], [id, true]);

      const wanted = { topic: 'rpc', topicId, partition: 0, currentLeaderEpoch: -1, maxBytes: 1 << 20 };
      const opened = await call(connection, FETCH, fetchRequest({ partitions: [{ ...wanted, fetchOffset: 0 }] }));
      const records = opened.topics[0]?.partitions[0]?.records ?? Buffer.alloc(0);
      assert.deepEqual(
        decodeBatches(records).flatMap((batch) => batch.records.map(({ value }) => value?.toString())),
        ['a', 'b'],
      );
      assert.ok(opened.sessionId > 0);
      const { sessionId } = opened;
      // It ends with the record; the rest is patience.
      const next = fetchRequest({
        ...{ sessionId, sessionEpoch: 1, maxWaitMs: 8_000 },
        partitions: [{ ...wanted, fetchOffset: 2 }],
      });
      const polled = call(connection, FETCH, next);
      const second = await client.connection(1, 'write');
      const partitions = [{ topic: 'rpc', partition: 0, records: [batchByHand(['c'])] }];
      await call(second, PRODUCE, { transactionalId: null, acks: -1, timeoutMs: 5_000, partitions });
      assert.equal((await polled).topics[0]?.partitions[0]?.highWatermark, 3);
      const idle = await call(connection, FETCH, fetchRequest({ sessionId, sessionEpoch: 2, maxWaitMs: 1 }));
      assert.equal(idle.errorCode, 0);

      const queries = [TIMESTAMP_EARLIEST, TIMESTAMP_LATEST].flatMap((timestamp) =>
        [0, 1].map((partition) => ({ topic: 'rpc', partition, timestamp })),
      );
      const listed = await listOffsets(client, 'read_committed', queries);
      assert.deepEqual(
        listed.map(({ errorCode, offset }) => [errorCode, offset]),
        [
          [0, 0n],
          [0, 0n],
          [0, 3n],
          [0, 0n],
        ],
      );
      const committed = await commitOffsets(client, 'old-group', [
        { topic: 'rpc', partition: 0, offset: 3n, metadata: 'm' },
      ]);
      assert.deepEqual(
        committed.map(({ errorCode }) => errorCode),
        [0],
      );
      const [found] = await fetchOffsets(client, 'old-group', [{ topic: 'rpc', partition: 0 }], true);
      assert.deepEqual([found?.offset, found?.metadata], [3n, 'm']);
      if (connection.versionOf(ApiKey.OffsetForLeaderEpoch) !== undefined) {
        const query = { topic: 'rpc', partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 };
        const answer = await call(connection, OFFSET_FOR_LEADER_EPOCH, { partitions: [query] });
        assert.equal(answer.partitions[0]?.errorCode, 0);
      }
    });
  }

  const threads: ThreadUnderTest[] = [];
  afterEach(async () => {
    await Promise.all(threads.splice(0).map((under) => under.thread.stop()));
  });
  const thread = (source: TestCluster, target: TestCluster, incarnation: string): ThreadUnderTest => {
    const under = new ThreadUnderTest([source.connection, target.connection], incarnation);
    threads.push(under);
    return under;
  };

  /** A mirror over all versions: every record once and in order, over a move from one thread to another. */
  const mirrors = async (source: TestCluster, target: TestCluster, topic: string): Promise<void> => {
    await Promise.all([source.createTopic(topic, 2), target.createTopic(topic, 2)]);
    const sourceTopicId = await source.topicId(topic);
    const route = testRoute(source.connection.name, target.connection.name);
    const items = [0, 1].map((partition) => item(topic, partition, { sourceTopicId }));
    const write = async (from: number): Promise<void> => {
      for (const partition of [0, 1])
        for (let i = 0; i < 5; i += 1)
          await source.append(
            topic,
            partition,
            buildBatch(numbered(from + i * 20, 20), { codec: i % 2 ? 'lz4' : 'none' }),
          );
    };
    const copied = async (count: number): Promise<void> => {
      for (const partition of [0, 1]) {
        await eventually(`${count} records of ${topic}-${partition}`, async () => {
          return (await target.read(topic, partition)).length >= count;
        });
        const keys = (await target.read(topic, partition)).map(({ key }) => key?.toString());
        assert.deepEqual(
          keys,
          numbered(0, count).map(({ key }) => key?.toString()),
        );
      }
    };
    const first = thread(source, target, `${topic}-1`);
    await write(0);
    first.assign([route], items);
    await copied(100);
    first.assign(
      [route],
      items.map((one) => ({ ...one, state: 'revoke' })),
    );
    await eventually('released', () => first.held()?.generation === 2 && first.held()?.held.length === 0);
    await first.thread.stop();
    await write(100);
    const second = thread(source, target, `${topic}-2`);
    second.assign(
      [route],
      items.map((one) => ({ ...one, started: true })),
    );
    await copied(200);
  };

  for (const version of VERSIONS) {
    test(`${version}: groups are listed with their states, and positions go to 4.1.0 and back`, async () => {
      const old = legacy.get(version) as TestCluster;
      const topic = `groups-${version.replaceAll('.', '-')}`;
      for (const cluster of [old, modern]) {
        await cluster.createTopic(topic, 1);
        await cluster.append(topic, 0, buildBatch(numbered(0, 100)));
      }
      for (const [from, to, group] of [
        [old, modern, `g-there-${version}`],
        [modern, old, `g-back-${version}`],
      ] as const) {
        await commit(from, group, { 0: 10n }, { topic, metadata: 'kept' });
        const pass = () => leaderOf(from, to).pass([entryOf(topic)], { takeover: false });
        assert.deepEqual(verdicts((await pass()).results, group), ['0: write new']);
        await commit(from, group, { 0: 30n }, { topic, metadata: 'kept' });
        assert.deepEqual(verdicts((await pass()).results, group), ['0: write ours']);
        const [offset, metadata] = (await committed(to, group))[`${topic}/0`] ?? [];
        assert.deepEqual([offset, metadata], [30n, 'kept']);
        const listed = (await listGroups(to.client, (name) => name === group)).get(group);
        assert.deepEqual([listed?.state, listed?.protocolType], ['Empty', '']);
      }
    });

    test(`a data thread mirrors ${version} to 4.1.0 and back`, async () => {
      const old = legacy.get(version) as TestCluster;
      await mirrors(old, modern, `from-${version}`);
      await mirrors(modern, old, `to-${version}`);
    });
  }
});
