import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FETCH } from '../../../common/kafka/wire/apis/fetch.js';
import { call } from '../../../common/kafka/wire/call.js';
import { createTopics } from '../../audit/topics.js';
import type { LegacyKafkaVersion } from '../../bed/kafka-set.js';
import { startLegacyKafka } from '../../bed/legacy-kafka.js';
import { aliveBrokers } from '../../bed/probe.js';
import { batchByHand } from '../kafka/wire-kit.js';
import { TestCluster } from '../worker/thread-kit.js';

const MAGIC_AT = 16;

/** The log of partition 0 as the broker keeps it. */
async function storedBytes({ client }: TestCluster, topic: string): Promise<Buffer> {
  const { brokers } = await client.metadata([]);
  const connection = await client.connection([...brokers.keys()][0] ?? -1, 'stored');
  const partition = { topic, topicId: null, partition: 0, fetchOffset: 0, currentLeaderEpoch: -1, maxBytes: 1 << 20 };
  const answer = await call(connection, FETCH, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 20,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgotten: [],
    rackId: '',
    partitions: [partition],
  });
  return answer.topics[0]?.partitions[0]?.records ?? Buffer.alloc(0);
}

describe('test bed: Kafka 2.x with ZooKeeper', { concurrency: true }, () => {
  for (const [version, messageFormat, magic] of [
    ['2.8.2', '0.9.0', 0],
    ['2.1.1', '0.10.0', 1],
  ] as readonly [LegacyKafkaVersion, '0.9.0' | '0.10.0', number][]) {
    test(`a ${version} broker stores magic ${magic} and comes back after a kill`, async () => {
      const cluster = await startLegacyKafka({ name: 'legacy', version, messageFormat });
      const client = new TestCluster(cluster);
      try {
        await createTopics(cluster.bootstrapServers, [
          { topic: 'old', partitions: 1 },
          { topic: 'new', partitions: 1, configs: { 'message.format.version': '2.1' } },
        ]);
        await client.append('old', 0, batchByHand(['a', 'b']));
        await client.append('new', 0, batchByHand(['a', 'b']));
        assert.equal((await storedBytes(client, 'old'))[MAGIC_AT], magic);
        assert.equal((await storedBytes(client, 'new'))[MAGIC_AT], 2);

        const [broker] = cluster.brokers;
        await broker?.restart();
        assert.deepEqual(await aliveBrokers(broker?.port ?? 0), [1]);
      } finally {
        await client.close();
        await cluster.stop();
      }
    });
  }
});
