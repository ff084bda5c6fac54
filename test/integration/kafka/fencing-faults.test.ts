import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import type { TopicPartition } from '../../../common/model/topic-partition.js';
import { createTopics } from '../../audit/topics.js';
import type { BrokerHandle } from '../../bed/broker.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { before, fence, leaderOf, logOf, markerOf, mustHaveMarker, TestLane } from './fencing-kit.js';
import { clientOf, connectionTo } from './wire-kit.js';

const VERSIONS: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];
const TOPIC = 'faults.data';

for (const version of VERSIONS) {
  describe(`fencing while one of three brokers of Kafka ${version} is down`, () => {
    let handle: KafkaClusterHandle;
    let client: ClusterClient;
    /** Coordinates the first lane’s id, and leads one partition alone. */
    let down: BrokerHandle;
    let alone: TopicPartition;
    let others: readonly TopicPartition[];
    let first: TestLane;
    let second: TestLane;

    /** A lane whose id is coordinated by a broker that is wanted. */
    const openedAt = async (name: string, isWanted: (coordinator: number) => boolean): Promise<TestLane> => {
      for (let i = 0; ; i += 1) {
        const id = `causeway.f.w.${name}.${i}`;
        if (isWanted(await client.coordinator('transaction', id))) return TestLane.open(client, id);
      }
    };

    beforeAll(async () => {
      handle = await startKafkaCluster({ name: `fencing-faults-${version}`, version, brokers: 3 });
      await createTopics(handle.bootstrapServers, [{ topic: TOPIC, partitions: 6 }]);
      client = clientOf(connectionTo(handle));
      const led: [TopicPartition, number][] = [];
      await waitUntil('every partition has its leader', async () => {
        led.length = 0;
        for (let partition = 0; partition < 6; partition += 1) {
          const place = { topic: TOPIC, partition };
          led.push([place, await leaderOf(client, place)]);
        }
        return led.every(([, leader]) => leader >= 0);
      });
      const [[place, id]] = led as [[TopicPartition, number]];
      alone = place;
      down = handle.brokers.find((broker) => broker.id === id) as BrokerHandle;
      others = led.flatMap(([partition, leader]) => (leader === id ? [] : [partition]));
      first = await openedAt('first', (coordinator) => coordinator === id);
      second = await openedAt('second', (coordinator) => coordinator !== id);
      await first.mustWrite(others);
      await second.mustWrite([alone, ...others]);
    });

    after(async () => {
      await client.close();
      await handle.stop();
    });

    /** The marker is the end of what the lane wrote, and nothing comes behind it. */
    const isClosed = async (lane: TestLane, to: TopicPartition, epoch: number): Promise<void> => {
      const offset = await mustHaveMarker(client, lane, to, epoch);
      assert.equal((await lane.write(to, ['late'])).errorCode, 47);
      const ofLane = (await logOf(client, to)).filter(({ producerId }) => producerId === lane.identity.producerId);
      assert.ok(ofLane.every(({ isControl, lastOffset }) => isControl || lastOffset < offset));
    };

    test('5.5 a coordinator that dies with the fence’s transaction open: the next one ends it, every marker comes', async () => {
      const result = await fence(
        before(client, ApiKey.EndTxn, () => down.kill()),
        first,
        others,
      );
      assert.ok(result.kind === 'fenced');
      assert.equal(result.way, 'transaction');
      for (const to of others) await isClosed(first, to, result.epoch);
    });

    test('5.5 a partition without a leader waits alone, and a second fence meanwhile sees the first', async () => {
      await down.kill();
      await waitUntil('the partition has no leader', async () => (await leaderOf(client, alone)) === -1);
      const result = await fence(client, second, [alone, ...others]);
      assert.ok(result.kind === 'fenced');
      // Of the others it is told as far as their markers are late; each has its own in any case.
      assert.ok(result.pending === undefined || result.pending.some(({ partition }) => partition === alone.partition));
      for (const to of others) await isClosed(second, to, result.epoch);
      const unreadable = { kind: 'unreadable', errorCode: 5, nextOffset: 0n };
      assert.deepEqual(await markerOf(client, second, alone, result.epoch, 0), unreadable);
      const again = await fence(client, second, [alone, ...others]);
      assert.deepEqual(again, { kind: 'ending', epoch: result.epoch, pending: [alone] });

      await down.start();
      await isClosed(second, alone, result.epoch);
    });
  });
}
