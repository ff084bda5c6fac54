import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import { type ClusterAdmin, openAdmin } from '../../../common/kafka/admin/admin.js';
import { METADATA } from '../../../common/kafka/wire/apis/metadata.js';
import { PRODUCE } from '../../../common/kafka/wire/apis/produce.js';
import { call } from '../../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { commitOffsets } from '../../../common/kafka/wire/operations/commit-offsets.js';
import { fetchOffsets } from '../../../common/kafka/wire/operations/fetch-offsets.js';
import { initProducerId } from '../../../common/kafka/wire/operations/init-producer-id.js';
import {
  listOffsets,
  TIMESTAMP_EARLIEST,
  TIMESTAMP_LATEST,
} from '../../../common/kafka/wire/operations/list-offsets.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { createTopic } from './create-topic.js';
import { batchByHand, clientOf, connectionTo } from './wire-kit.js';

const VERSIONS: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];
/** For a broker that does not answer; enough for one that does. */
const QUICK_MS = 2_500;

for (const version of VERSIONS) {
  describe(`operations on a two-broker cluster of Kafka ${version}`, () => {
    let handle: KafkaClusterHandle;
    let cluster: ClusterConnection;
    let client: ClusterClient;
    let admin: ClusterAdmin;

    before(async () => {
      handle = await startKafkaCluster({ name: `operations-${version}`, version, brokers: 2 });
      cluster = connectionTo(handle, { requestTimeoutMs: 15_000 });
      client = clientOf(cluster);
      admin = openAdmin(cluster, silentLogger);
    });

    after(async () => {
      await admin.close();
      await client.close();
      await handle.stop();
    });

    test('the very first producer id of a fresh cluster comes at once; a bare call fences, a current one renews', async () => {
      const began = performance.now();
      const first = await initProducerId(client, 'ops-tx', 60_000);
      // Whoever does not ask for the coordinator waits for thirty seconds and more, on any machine.
      assert.ok(performance.now() - began < 30_000);
      const renewed = await initProducerId(client, 'ops-tx', 60_000, first);
      assert.equal(renewed.producerId, first.producerId);
      const bare = await initProducerId(client, 'ops-tx', 60_000);
      assert.equal(bare.producerId, first.producerId);
      assert.ok(bare.epoch > renewed.epoch);
      await assert.rejects(
        initProducerId(client, 'ops-tx', 60_000, first),
        (error) => isCausewayError(error, 'KAFKA_ERROR') && error.kafkaCode === 90,
      );
    });

    /** A broker may not have heard of a topic yet when the controller has made it. */
    const led = (topic: string, partitions: number): Promise<void> =>
      waitUntil(`${topic} has its leaders`, async () => {
        const known = (await client.metadata([topic])).topics.get(topic);
        return known?.partitions.filter(({ leader }) => leader >= 0).length === partitions;
      });

    test('topics are created, grown, described and deleted; what is there already is told apart', async () => {
      const topic = {
        topic: 'ops.made',
        partitions: 2,
        replicationFactor: 2,
        configs: { 'retention.ms': '123000', 'cleanup.policy': 'compact' },
      };
      assert.equal(await createTopic(admin, topic), 'created');
      assert.equal(await createTopic(admin, { ...topic, partitions: 9 }), 'exists');
      assert.equal(await admin.createPartitions('ops.made', 4), 'grown');
      assert.equal(await admin.createPartitions('ops.made', 4), 'unchanged');
      assert.equal(await admin.createPartitions('ops.made', 3), 'unchanged');
      await waitUntil('a broker tells its configs', async () => (await admin.topicConfigs(['ops.made'])).size === 1);
      assert.deepEqual([...(await admin.topicConfigs(['ops.made', 'ops.missing']))], [['ops.made', topic.configs]]);
      await waitUntil('the broker shows four partitions', async () => {
        const { topics } = await client.metadata(['ops.made']);
        return topics.get('ops.made')?.partitions.length === 4;
      });
      assert.equal(await admin.deleteTopic('ops.made'), 'deleted');
      assert.equal(await admin.deleteTopic('ops.never'), 'absent');
    });

    test('what the cluster refuses is KAFKA_ERROR with code, topic and what to do', async () => {
      const topic = { topic: 'ops.refused', partitions: 1, replicationFactor: 3, configs: {} };
      await assert.rejects(createTopic(admin, topic), (error) => {
        assert.ok(isCausewayError(error, 'KAFKA_ERROR'));
        assert.deepEqual([error.kafkaCode, error.place.topic, error.place.cluster], [38, 'ops.refused', cluster.name]);
        assert.match(error.fix ?? '', /replication factor/);
        return true;
      });
      await assert.rejects(
        createTopic(admin, { ...topic, replicationFactor: 1, configs: { 'no.such': '1' } }),
        (error) => isCausewayError(error, 'KAFKA_ERROR') && error.kafkaCode === 40,
      );
      const good = { ...topic, topic: 'ops.beside', replicationFactor: 1 };
      const outcomes = await admin.createTopics([good, topic, { ...good, topic: 'ops.again' }]);
      assert.deepEqual([outcomes.get('ops.beside'), outcomes.get('ops.again')], ['created', 'created']);
      assert.ok(isCausewayError(outcomes.get('ops.refused'), 'KAFKA_ERROR'));
      assert.deepEqual([...(await admin.createTopics([good])).values()], ['exists']);
      await assert.rejects(
        admin.createPartitions('ops.never', 2),
        (error) => isCausewayError(error, 'KAFKA_ERROR') && error.kafkaCode === 3,
      );
    });

    test('offsets of partitions on both brokers come in one call, with a code for those that are not there', async () => {
      await createTopic(admin, { topic: 'ops.listed', partitions: 4, replicationFactor: 1, configs: {} });
      await led('ops.listed', 4);
      const metadata = await client.metadata(['ops.listed']);
      const leaders = new Set(metadata.topics.get('ops.listed')?.partitions.map((partition) => partition.leader));
      assert.equal(leaders.size, 2);
      for (const { partition, leader } of metadata.topics.get('ops.listed')?.partitions ?? []) {
        const partitions = [
          { topic: 'ops.listed', partition, records: [batchByHand(Array.from({ length: partition + 1 }, () => 'v'))] },
        ];
        const connection = await client.connection(leader, 'produce');
        // A broker may learn of a new topic a moment later than the one that answered for it.
        await waitUntil('the leader takes records', async () => {
          const answer = await call(connection, PRODUCE, {
            transactionalId: null,
            acks: -1,
            timeoutMs: 5_000,
            partitions,
          });
          return answer.topics[0]?.partitions[0]?.errorCode === 0;
        });
      }
      const query = (partition: number, timestamp: bigint) => ({ topic: 'ops.listed', partition, timestamp });
      const queries = [0, 1, 2, 3, 7].flatMap((partition) => [
        query(partition, TIMESTAMP_EARLIEST),
        query(partition, TIMESTAMP_LATEST),
      ]);
      const listed = await listOffsets(client, 'read_uncommitted', queries);
      assert.deepEqual(
        listed.map((item) => item.offset),
        [0n, 1n, 0n, 2n, 0n, 3n, 0n, 4n, -1n, -1n],
      );
      assert.deepEqual(
        listed.map((item) => item.errorCode),
        [0, 0, 0, 0, 0, 0, 0, 0, 3, 3],
      );
    });

    test('three thousand offsets with long metadata are committed in chunks and read back', async () => {
      await createTopic(admin, { topic: 'ops.commits', partitions: 20, replicationFactor: 1, configs: {} });
      await led('ops.commits', 20);
      const offsets = Array.from({ length: 20 }, (_, partition) => ({
        topic: 'ops.commits',
        partition,
        offset: BigInt(partition),
        metadata: 'm'.repeat(1_000),
      }));
      // The same partitions again and again: the broker counts bytes, not partitions.
      const many = Array.from({ length: 150 }, () => offsets).flat();
      const results = await commitOffsets(client, 'ops-group', [
        ...many,
        { topic: 'ops.commits', partition: 0, offset: 5n, metadata: 'x'.repeat(5_000) },
      ]);
      assert.equal(results.length, many.length + 1);
      const read = await fetchOffsets(client, 'ops-group', offsets, true);
      assert.deepEqual(
        read
          .map((item) => [item.partition, item.offset, item.metadata.length, item.errorCode])
          .sort(([a], [b]) => Number(a) - Number(b)),
        offsets.map((item) => [item.partition, item.offset, 1_000, 0]),
      );
      const unknown = await commitOffsets(client, 'ops-group', [
        { topic: 'ops.never', partition: 0, offset: 1n, metadata: '' },
      ]);
      assert.equal(unknown[0]?.errorCode, 3);
    });

    test('a broker that stops answering costs its requests; the rest of the cluster answers, and it is used again later', async () => {
      const [first, second] = handle.brokers;
      assert.ok(first !== undefined && second !== undefined);
      const quick = clientOf({ ...cluster, requestTimeoutMs: QUICK_MS, connectTimeoutMs: QUICK_MS });
      try {
        const connection = await quick.connection(second.id, 'control');
        second.pause();
        // The signal is delivered to its threads one by one.
        await systemClock.sleep(100);
        const requests = [1, 2].map(() => call(connection, METADATA, { topics: [] }));
        for (const result of await Promise.allSettled(requests)) {
          assert.ok(result.status === 'rejected' && isCausewayError(result.reason, 'REQUEST_TIMEOUT'));
        }
        assert.ok(isCausewayError(connection.closedError, 'REQUEST_TIMEOUT'));
        assert.equal((await quick.metadata([])).brokers.has(first.id), true);
        await assert.rejects(quick.connection(second.id, 'control'), (error) =>
          isCausewayError(error, 'CLUSTER_UNREACHABLE'),
        );
        second.resume();
        // The others may have taken it for dead meanwhile.
        await waitUntil('it is used again', async () => {
          const again = await quick.connection(second.id, 'control');
          return (await call(again, METADATA, { topics: [] })).brokers.length > 0;
        });
      } finally {
        second.resume();
        await quick.close();
      }
    });
  });
}
