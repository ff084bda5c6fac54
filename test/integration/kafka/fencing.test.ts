import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import { drill } from '../../../common/kafka/fencing/drill.js';
import { laneStanding } from '../../../common/kafka/fencing/lane-standing.js';
import { renewLane } from '../../../common/kafka/fencing/renew-lane.js';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { heartbeatTopic } from '../../../common/model/heartbeat.js';
import type { TopicPartition } from '../../../common/model/topic-partition.js';
import { createTopics, kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { before, describeId, fence, logOf, mustHaveMarker, TestLane } from './fencing-kit.js';
import { clientOf, connectionTo } from './wire-kit.js';

const VERSIONS: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];
const TOPIC = 'fencing.data';
const HEARTBEATS = heartbeatTopic('f');
const PARTITIONS: readonly TopicPartition[] = [0, 1, 2, 3].map((partition) => ({ topic: TOPIC, partition }));

async function deleteTopic(handle: KafkaClusterHandle, client: ClusterClient, topic: string): Promise<void> {
  const admin = kafkaOf(handle.bootstrapServers).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: [topic] });
  } finally {
    await admin.disconnect();
  }
  // Every broker has heard of it: any may coordinate.
  for (const { port } of handle.brokers) {
    const one = clientOf(connectionTo({ ...handle, bootstrapServers: `127.0.0.1:${port}` }));
    await waitUntil(`${topic} is gone`, async () => (await one.metadata([topic])).topics.get(topic)?.errorCode === 3);
    await one.close();
  }
  await client.metadata([]);
}

for (const version of VERSIONS) {
  describe(`fencing a lane at two brokers of Kafka ${version}`, () => {
    let handle: KafkaClusterHandle;
    let client: ClusterClient;
    let other: ClusterClient;
    let lanes = 0;

    beforeAll(async () => {
      handle = await startKafkaCluster({ name: `fencing-${version}`, version, brokers: 2 });
      await createTopics(handle.bootstrapServers, [
        { topic: TOPIC, partitions: 4 },
        { topic: HEARTBEATS, partitions: 1, configs: { 'cleanup.policy': 'compact' } },
      ]);
      client = clientOf(connectionTo(handle));
      other = clientOf(connectionTo(handle));
    });

    after(async () => {
      await client.close();
      await other.close();
      await handle.stop();
    });

    const opened = (): Promise<TestLane> => {
      lanes += 1;
      return TestLane.open(client, `causeway.f.w.i.${lanes}`);
    };

    test('5.3, 5.5 a fenced lane’s late batch gets 47, and the marker is exactly the end of the old owner’s data', async () => {
      const lane = await opened();
      await lane.mustWrite(PARTITIONS);
      const ends = new Map<TopicPartition, number>();
      const writers = PARTITIONS.map(async (to) => {
        // It writes until it is refused, and tries once more then.
        for (;;) {
          const { errorCode, baseOffset } = await lane.write(to, ['x', 'y', 'z']);
          if (errorCode !== 0) return [errorCode, (await lane.write(to, ['late'])).errorCode];
          ends.set(to, baseOffset + 3);
        }
      });
      const result = await fence(other, lane, PARTITIONS);
      assert.ok(result.kind === 'fenced');
      assert.deepEqual([result.way, result.dropped], ['transaction', []]);
      assert.ok(result.epoch > lane.identity.producerEpoch);
      assert.deepEqual(
        await Promise.all(writers),
        PARTITIONS.map(() => [47, 47]),
      );
      for (const to of PARTITIONS) {
        assert.equal(await mustHaveMarker(client, lane, to, result.epoch), ends.get(to));
        const ofLane = (await logOf(client, to)).filter(({ producerId }) => producerId === lane.identity.producerId);
        assert.deepEqual(
          ofLane.filter(({ isControl }) => isControl).map(({ baseOffset, epoch }) => [baseOffset, epoch]),
          [[ends.get(to), result.epoch]],
        );
        assert.ok(ofLane.every(({ isControl, lastOffset }) => isControl || lastOffset < (ends.get(to) as number)));
      }
    });

    test('5.5 a partition that the lane never wrote is closed to it as well', async () => {
      const lane = await opened();
      const [first, second] = PARTITIONS as [TopicPartition, TopicPartition];
      await lane.mustWrite([first]);
      const result = await fence(client, lane, [first, second]);
      assert.ok(result.kind === 'fenced');
      await mustHaveMarker(client, lane, second, result.epoch);
      assert.equal((await lane.write(second, ['late'])).errorCode, 47);
    });

    test('5.3 a topic deleted during a fence (3) does not stop the others', async () => {
      const gone: TopicPartition = { topic: 'fencing.gone', partition: 0 };
      await createTopics(handle.bootstrapServers, [{ topic: gone.topic, partitions: 1 }]);
      const lane = await opened();
      await lane.mustWrite([...PARTITIONS, gone]);
      const fencer = before(client, ApiKey.AddPartitionsToTxn, () => deleteTopic(handle, client, gone.topic));
      const result = await fence(fencer, lane, [gone, ...PARTITIONS]);
      assert.ok(result.kind === 'fenced');
      assert.deepEqual(result.dropped, [{ ...gone, errorCode: 3 }]);
      assert.deepEqual(result.partitions, PARTITIONS);
      for (const to of PARTITIONS) {
        await mustHaveMarker(client, lane, to, result.epoch);
        assert.equal((await lane.write(to, ['late'])).errorCode, 47);
      }
    });

    test('5.3 a topic deleted with the transaction open does not keep it from its end', async () => {
      const gone: TopicPartition = { topic: 'fencing.gone-later', partition: 0 };
      await createTopics(handle.bootstrapServers, [{ topic: gone.topic, partitions: 1 }]);
      const lane = await opened();
      await lane.mustWrite([...PARTITIONS, gone]);
      const fencer = before(client, ApiKey.EndTxn, () => deleteTopic(handle, client, gone.topic));
      const result = await fence(fencer, lane, [gone, ...PARTITIONS]);
      assert.ok(result.kind === 'fenced');
      for (const to of PARTITIONS) await mustHaveMarker(client, lane, to, result.epoch);
      await waitUntil('the transaction ends', async () => {
        const { state } = await describeId(client, lane.identity.transactionalId);
        return state === 'CompleteAbort' || state === 'Empty';
      });
    });

    test('5.2 a renewal that its owner left open is ended by the fence, and the owner’s epoch with it', async () => {
      const lane = await opened();
      await lane.mustWrite(PARTITIONS);
      const heartbeat = { topic: HEARTBEATS, partition: 0 };
      const abort = new AbortController();
      // Its process stops between AddPartitionsToTxn and EndTxn.
      const stopping = before(client, ApiKey.EndTxn, () => {
        abort.abort();
        return new Promise(() => undefined);
      });
      const left = renewLane({ client: stopping, lane: lane.identity, heartbeat, signal: abort.signal });
      await assert.rejects(left, (error) => isCausewayError(error, 'SHUTTING_DOWN'));
      assert.equal((await describeId(client, lane.identity.transactionalId)).state, 'Ongoing');
      // Data of the same producer passes beside the open transaction.
      await lane.mustWrite(PARTITIONS);
      const result = await fence(client, lane, PARTITIONS);
      assert.ok(result.kind === 'fenced');
      assert.equal(result.epoch, lane.identity.producerEpoch + 2);
      for (const to of PARTITIONS) assert.equal((await lane.write(to, ['late'])).errorCode, 47);
      const signal = new AbortController().signal;
      const renewal = await renewLane({ client, lane: lane.identity, heartbeat, signal });
      assert.deepEqual(renewal, { kind: 'dead', errorCode: 90 });
    });

    test('5.6 two fencers at once are as good as one', async () => {
      for (let round = 0; round < 5; round += 1) {
        const lane = await opened();
        await lane.mustWrite(PARTITIONS);
        const results = await Promise.all([fence(client, lane, PARTITIONS), fence(other, lane, PARTITIONS)]);
        for (const result of results) {
          assert.ok(result.kind === 'fenced');
          for (const to of PARTITIONS) await mustHaveMarker(client, lane, to, result.epoch);
        }
        for (const to of PARTITIONS) assert.equal((await lane.write(to, ['late'])).errorCode, 47);
      }
    });

    test('5.8 a lane asks whether it is alive: nothing changes by it, and what a fence did is seen at once', async () => {
      const lane = await opened();
      const [to] = PARTITIONS as [TopicPartition];
      const heartbeat = { topic: HEARTBEATS, partition: 0 };
      const signal = new AbortController().signal;
      const asked = () => laneStanding({ client, lane: lane.identity, heartbeat, signal });
      assert.equal((await asked()).kind, 'alive', 'before it ever wrote');
      await lane.mustWrite([to]);
      await renewLane({ client, lane: lane.identity, heartbeat, signal });
      assert.equal((await asked()).kind, 'alive', 'after a renewal');
      await lane.mustWrite([to]);
      const result = await fence(other, lane, []);
      assert.equal(result.kind, 'fenced');
      assert.equal((await asked()).kind, 'dead');
      const stranger = { ...lane.identity, transactionalId: `${lane.identity.transactionalId}.unknown` };
      const forgotten = await laneStanding({ client, lane: stranger, heartbeat, signal });
      assert.equal(forgotten.kind, 'dead');
    });

    test('5.7 the drill passes, with the evidence', async () => {
      const partition = { topic: HEARTBEATS, partition: 0 };
      const result = await drill({ client, fleet: 'f', partition, signal: new AbortController().signal });
      assert.equal(result.kind, 'passed');
      const { writtenOffset = -1n, markerOffset, lateCode, laneEpoch = -1, fenceEpoch = -1 } = result.evidence;
      assert.deepEqual([markerOffset, lateCode], [writtenOffset + 1n, 47]);
      assert.ok(fenceEpoch > laneEpoch);
    });
  });
}
