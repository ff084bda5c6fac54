import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openAdmin } from '../../../common/kafka/admin/admin.js';
import { FETCH, type FetchPartition, type FetchRequest } from '../../../common/kafka/wire/apis/fetch.js';
import { FIND_COORDINATOR } from '../../../common/kafka/wire/apis/find-coordinator.js';
import { INIT_PRODUCER_ID } from '../../../common/kafka/wire/apis/init-producer-id.js';
import { EARLIEST, LATEST, LIST_OFFSETS } from '../../../common/kafka/wire/apis/list-offsets.js';
import { METADATA } from '../../../common/kafka/wire/apis/metadata.js';
import { OFFSET_COMMIT } from '../../../common/kafka/wire/apis/offset-commit.js';
import { OFFSET_FETCH } from '../../../common/kafka/wire/apis/offset-fetch.js';
import { OFFSET_FOR_LEADER_EPOCH } from '../../../common/kafka/wire/apis/offset-for-leader-epoch.js';
import { PRODUCE, type ProducedPartition } from '../../../common/kafka/wire/apis/produce.js';
import { call } from '../../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../../common/kafka/wire/connection.js';
import { commitOffsets } from '../../../common/kafka/wire/operations/commit-offsets.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { createTopic } from './create-topic.js';
import { batchByHand, callVersion, clientOf, connectionTo, sealed, sharedVersions } from './wire-kit.js';

const VERSIONS: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];
const TOPIC = 'rpc.orders';
const COMPACTED = 'rpc.compacted';
const GROUP = 'rpc-group';

for (const version of VERSIONS) {
  describe(`every RPC in every version that Kafka ${version} and we share`, () => {
    let handle: KafkaClusterHandle;
    let client: ClusterClient;
    let connection: BrokerConnection;
    let topicId: string;

    before(async () => {
      handle = await startKafkaCluster({ name: `rpcs-${version}`, version });
      const cluster = connectionTo(handle);
      const admin = openAdmin(cluster, silentLogger);
      await createTopic(admin, { topic: TOPIC, partitions: 2, replicationFactor: 1, configs: {} });
      const configs = { 'cleanup.policy': 'compact' };
      await createTopic(admin, { topic: COMPACTED, partitions: 1, replicationFactor: 1, configs });
      await admin.close();
      client = clientOf(cluster);
      await waitUntil('the topics have their leaders', async () => {
        const { topics } = await client.metadata([TOPIC, COMPACTED]);
        const led = [...topics.values()].flatMap((topic) => topic.partitions.filter(({ leader }) => leader >= 0));
        return led.length === 3;
      });
      connection = await client.connection(1, 'test');
      // Who leads is told a moment before the leader serves.
      await waitUntil('they serve', async () => {
        const places = [TOPIC, TOPIC, COMPACTED].map((topic, i) => ({ topic, partition: i % 2, timestamp: LATEST }));
        const partitions = places.map((place) => ({ ...place, currentLeaderEpoch: -1 }));
        const answer = await call(connection, LIST_OFFSETS, { isolationLevel: 0, partitions });
        return answer.partitions.every(({ errorCode }) => errorCode === 0);
      });
      topicId = (await client.metadata([TOPIC])).topics.get(TOPIC)?.topicId ?? '';
    });

    after(async () => {
      await client.close();
      await handle.stop();
    });

    const produceTo = async (
      partition: number,
      records: readonly Buffer[],
      apiVersion = 9,
    ): Promise<ProducedPartition> => {
      const request = {
        transactionalId: null,
        acks: -1,
        timeoutMs: 5_000,
        partitions: [{ topic: TOPIC, partition, records }],
      } as const;
      const answer = (await callVersion(connection, PRODUCE, apiVersion, request)).topics[0]?.partitions[0];
      assert.ok(answer !== undefined);
      return answer;
    };
    const wanted = (partition: number, fetchOffset: number): FetchPartition => ({
      topic: TOPIC,
      topicId,
      partition,
      fetchOffset,
      currentLeaderEpoch: -1,
      maxBytes: 1 << 20,
    });
    const fetch = (partitions: readonly FetchPartition[], session: Partial<FetchRequest> = {}): FetchRequest => ({
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1 << 20,
      isolationLevel: 1,
      sessionId: 0,
      sessionEpoch: -1,
      partitions,
      forgotten: [],
      rackId: '',
      ...session,
    });

    test('Metadata', async () => {
      for (const apiVersion of sharedVersions(connection, METADATA.key)) {
        const some = await callVersion(connection, METADATA, apiVersion, { topics: [TOPIC] });
        const [topic] = some.topics;
        assert.deepEqual([topic?.name, topic?.errorCode, topic?.partitions.length], [TOPIC, 0, 2], `v${apiVersion}`);
        assert.equal(topic?.topicId, apiVersion >= 10 ? topicId : null);
        assert.deepEqual(
          topic?.partitions.map((item) => [item.leader, item.leaderEpoch, item.isr]),
          [
            [1, apiVersion >= 7 ? 0 : -1, [1]],
            [1, apiVersion >= 7 ? 0 : -1, [1]],
          ],
        );
        assert.equal(some.clusterId, apiVersion >= 2 ? handle.clusterId : null);
        const all = await callVersion(connection, METADATA, apiVersion, { topics: null });
        assert.ok(all.topics.some((item) => item.name === TOPIC));
        const none = await callVersion(connection, METADATA, apiVersion, { topics: [] });
        assert.deepEqual([none.topics.length, none.brokers.length], [0, 1]);
      }
      const missing = await client.metadata(['no.such.topic']);
      assert.equal(missing.topics.get('no.such.topic')?.errorCode, 3);
    });

    test('Produce of a batch built by hand, in two pieces; the base offsets follow each other', async () => {
      let expected = 0;
      for (const apiVersion of sharedVersions(connection, PRODUCE.key)) {
        const batch = batchByHand(['a', 'b', 'c']);
        const produced = await produceTo(0, [batch.subarray(0, 61), batch.subarray(61)], apiVersion);
        assert.deepEqual(
          [produced.errorCode, produced.baseOffset, produced.logAppendTimeMs],
          [0, expected, -1],
          `v${apiVersion}`,
        );
        expected += 3;
        const wrong = Buffer.from(batch);
        wrong.writeInt32BE(1, 23);
        const refused = await produceTo(0, [sealed(wrong)], apiVersion);
        assert.deepEqual([refused.errorCode, refused.baseOffset], [87, -1]);
      }
    });

    test('Produce names the records that were to blame', async () => {
      const partitions = [{ topic: COMPACTED, partition: 0, records: [batchByHand(['a', 'b'])] }];
      const request = { transactionalId: null, acks: -1, timeoutMs: 5_000, partitions } as const;
      const [answer] = (await call(connection, PRODUCE, request)).topics[0]?.partitions ?? [];
      assert.equal(answer?.errorCode, 87);
      assert.deepEqual(
        answer?.recordErrors.map((item) => item.batchIndex),
        [0, 1],
      );
      assert.match(answer?.errorMessage ?? '', /key/);
    });

    test('Fetch by name and by id gives back the bytes that were produced', async () => {
      const batch = batchByHand(['fetch me']);
      const { baseOffset } = await produceTo(1, [batch]);
      for (const apiVersion of sharedVersions(connection, FETCH.key)) {
        const response = await callVersion(connection, FETCH, apiVersion, fetch([wanted(1, baseOffset)]));
        const [topic] = response.topics;
        assert.deepEqual(
          [topic?.topic, topic?.topicId],
          apiVersion >= 13 ? ['', topicId] : [TOPIC, null],
          `v${apiVersion}`,
        );
        const [fetched] = topic?.partitions ?? [];
        assert.deepEqual(
          [fetched?.errorCode, fetched?.highWatermark, fetched?.logStartOffset],
          [0, baseOffset + 1, apiVersion >= 5 ? 0 : -1],
        );
        assert.deepEqual(fetched?.records?.subarray(16), batch.subarray(16));
        const beyond = await callVersion(connection, FETCH, apiVersion, fetch([wanted(1, 10_000)]));
        assert.equal(beyond.topics[0]?.partitions[0]?.errorCode, 1);
      }
    });

    test('a fetch session: full fetch, idle long poll, data ends the poll, forgetting, a wrong epoch', async () => {
      const apiVersion = connection.requireVersion(FETCH.key);
      const ask = (request: FetchRequest) => callVersion(connection, FETCH, apiVersion, request);
      const end = (await produceTo(0, [batchByHand(['x'])])).baseOffset + 1;
      const opened = await ask(fetch([wanted(0, end), wanted(1, 0)], { sessionEpoch: 0 }));
      const { sessionId } = opened;
      assert.notEqual(sessionId, 0);
      assert.ok(
        (opened.topics[0]?.partitions ?? []).some((item) => item.partition === 1 && (item.records?.length ?? 0) > 0),
      );
      const data = (await client.metadata([TOPIC])).topics.get(TOPIC);
      assert.ok(data !== undefined);

      const began = performance.now();
      const idle = await ask(fetch([], { sessionId, sessionEpoch: 1, forgotten: [wanted(1, 0)], maxWaitMs: 400 }));
      assert.deepEqual([idle.errorCode, idle.topics.length], [0, 0]);
      assert.ok(performance.now() - began >= 350);

      const poll = ask(fetch([], { sessionId, sessionEpoch: 2, maxWaitMs: 8_000 }));
      const other = await client.connection(1, 'produce');
      const partitions = [{ topic: TOPIC, partition: 0, records: [batchByHand(['y'])] }];
      await callVersion(other, PRODUCE, 9, { transactionalId: null, acks: -1, timeoutMs: 5_000, partitions });
      const answered = await poll;
      assert.deepEqual(
        answered.topics.flatMap((topic) => topic.partitions.map((item) => item.partition)),
        [0],
      );

      const wrong = await ask(fetch([], { sessionId, sessionEpoch: 9 }));
      assert.equal(wrong.errorCode, 71);
      const unknown = await ask(fetch([], { sessionId: sessionId ^ 0x0fff_ffff, sessionEpoch: 1 }));
      assert.equal(unknown.errorCode, 70);
    });

    test('ListOffsets and OffsetForLeaderEpoch', async () => {
      const at = (timestamp: bigint) => [{ topic: TOPIC, partition: 1, currentLeaderEpoch: 0, timestamp }];
      const end = BigInt((await produceTo(1, [batchByHand(['z'])])).baseOffset + 1);
      for (const apiVersion of sharedVersions(connection, LIST_OFFSETS.key)) {
        const offsetAt = async (timestamp: bigint): Promise<unknown> => {
          const response = await callVersion(connection, LIST_OFFSETS, apiVersion, {
            isolationLevel: 1,
            partitions: at(timestamp),
          });
          assert.equal(response.partitions[0]?.errorCode, 0);
          return response.partitions[0]?.offset;
        };
        assert.deepEqual(
          [await offsetAt(EARLIEST), await offsetAt(LATEST), await offsetAt(1n)],
          [0n, end, 0n],
          `v${apiVersion}`,
        );
      }
      for (const apiVersion of sharedVersions(connection, OFFSET_FOR_LEADER_EPOCH.key)) {
        const partitions = [{ topic: TOPIC, partition: 1, currentLeaderEpoch: 0, leaderEpoch: 0 }];
        const [answer] = (await callVersion(connection, OFFSET_FOR_LEADER_EPOCH, apiVersion, { partitions }))
          .partitions;
        assert.deepEqual([answer?.errorCode, answer?.leaderEpoch, answer?.endOffset], [0, 0, end], `v${apiVersion}`);
      }
    });

    test('FindCoordinator, then OffsetCommit and OffsetFetch, and InitProducerId', async () => {
      assert.equal(await client.coordinator('group', GROUP), 1);
      assert.equal(await client.coordinator('transaction', 'tx'), 1);
      for (const apiVersion of sharedVersions(connection, FIND_COORDINATOR.key)) {
        const found = await callVersion(connection, FIND_COORDINATOR, apiVersion, { kind: 'group', key: GROUP });
        assert.deepEqual([found.errorCode, found.nodeId], [0, 1], `v${apiVersion}`);
      }
      // The coordinator named first may still be taking up its office (14 or 16): the operation waits for that, single requests do not.
      const [settled] = await commitOffsets(client, GROUP, [
        { topic: TOPIC, partition: 1, offset: 100n, metadata: '' },
      ]);
      assert.equal(settled?.errorCode, 0);
      let offset = 100n;
      for (const apiVersion of sharedVersions(connection, OFFSET_COMMIT.key)) {
        offset += 1n;
        const partitions = [{ topic: TOPIC, partition: 1, offset, leaderEpoch: -1, metadata: 'ü' }];
        const committed = await callVersion(connection, OFFSET_COMMIT, apiVersion, { groupId: GROUP, partitions });
        assert.deepEqual(committed.partitions, [{ topic: TOPIC, partition: 1, errorCode: 0 }], `v${apiVersion}`);
      }
      for (const apiVersion of sharedVersions(connection, OFFSET_FETCH.key)) {
        const partitions = [
          { topic: TOPIC, partition: 0 },
          { topic: TOPIC, partition: 1 },
        ];
        const fetched = await callVersion(connection, OFFSET_FETCH, apiVersion, {
          groupId: GROUP,
          partitions,
          requireStable: true,
        });
        assert.deepEqual(
          fetched.partitions.map((item) => [item.partition, item.errorCode, item.offset, item.metadata]).sort(),
          [
            [0, 0, -1n, ''],
            [1, 0, offset, 'ü'],
          ],
          `v${apiVersion}`,
        );
        const all = await callVersion(connection, OFFSET_FETCH, apiVersion, {
          groupId: GROUP,
          partitions: null,
          requireStable: true,
        });
        assert.equal(all.partitions.length, 1);
      }
      for (const apiVersion of sharedVersions(connection, INIT_PRODUCER_ID.key)) {
        const bare = { transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 };
        const ask = () => callVersion(connection, INIT_PRODUCER_ID, apiVersion, { ...bare, transactionalId: null });
        // The broker fetches its first block of ids from the controller (14 until then).
        await waitUntil('ids are handed out', async () => (await ask()).errorCode !== 14);
        const idempotent = await ask();
        assert.deepEqual([idempotent.errorCode, idempotent.producerEpoch], [0, 0], `v${apiVersion}`);
      }
    });
  });
}
