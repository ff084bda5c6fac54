import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import kafkajs from 'kafkajs';
import { isCausewayError } from '../../../common/errors/error.js';
import { drill } from '../../../common/kafka/fencing/drill.js';
import { type LaneRenewal, renewLane } from '../../../common/kafka/fencing/renew-lane.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { heartbeatTopic } from '../../../common/model/heartbeat.js';
import type { TopicPartition } from '../../../common/model/topic-partition.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { createTopics, kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { describeId, fence, logOf, mustHaveMarker, TestLane } from './fencing-kit.js';
import { batchByHand, clientOf, connectionTo } from './wire-kit.js';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const VERSIONS: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];
const TOPIC = 'rights.data';
/** Each test has a partition of its own: they run beside each other, mostly waiting. */
const data = (partition: number): TopicPartition => ({ topic: TOPIC, partition });
const CLOSED = { topic: 'rights.closed', partition: 0 };
const HEARTBEAT = { topic: heartbeatTopic('f'), partition: 0 };
const NEVER = new AbortController().signal;
/** Days in real clusters: `transactional.id.expiration.ms`. */
const ID_EXPIRATION_MS = 8_000;
const TRANSACTIONAL_ID_NOT_FOUND = 105;

/** The rights of the preflight (exactly-once.md section 9) and nothing else: no rights on the cluster. */
async function grant(handle: KafkaClusterHandle): Promise<void> {
  const admin = kafkaOf(handle.plaintextBootstrapServers).admin();
  await admin.connect();
  const base = { principal: 'User:alice', host: '*', permissionType: AclPermissionTypes.ALLOW };
  const topics = [TOPIC, HEARTBEAT.topic].flatMap((resourceName) =>
    [AclOperationTypes.READ, AclOperationTypes.WRITE].map((operation) => ({
      ...base,
      resourceType: AclResourceTypes.TOPIC,
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      operation,
    })),
  );
  const ids = [AclOperationTypes.WRITE, AclOperationTypes.DESCRIBE].map((operation) => ({
    ...base,
    resourceType: AclResourceTypes.TRANSACTIONAL_ID,
    resourceName: 'causeway.',
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    operation,
  }));
  try {
    await admin.createAcls({ acl: [...topics, ...ids] });
  } finally {
    await admin.disconnect();
  }
}

/** Both versions beside each other: they wait for ids to be forgotten. */
describe('fencing with few rights', { concurrency: true }, () => {
  for (const version of VERSIONS) {
    describe(`rights, and ids that are forgotten after ${ID_EXPIRATION_MS} ms, at Kafka ${version}`, {
      concurrency: true,
    }, () => {
      let handle: KafkaClusterHandle;
      /** May do anything. */
      let anybody: ClusterClient;
      let alice: ClusterClient;

      before(async () => {
        handle = await startKafkaCluster({
          name: `fencing-rights-${version}`,
          version,
          security: { protocol: 'SASL_PLAINTEXT', mechanisms: ['PLAIN'] },
          config: {
            'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
            'super.users': 'User:ANONYMOUS',
            'transactional.id.expiration.ms': String(ID_EXPIRATION_MS),
            'transaction.remove.expired.transaction.cleanup.interval.ms': '300',
          },
        });
        await createTopics(handle.plaintextBootstrapServers, [
          { topic: TOPIC, partitions: 5 },
          { topic: CLOSED.topic, partitions: 1 },
          { topic: HEARTBEAT.topic, partitions: 1 },
        ]);
        await grant(handle);
        anybody = clientOf(connectionTo({ ...handle, bootstrapServers: handle.plaintextBootstrapServers }));
        const sasl = { mechanism: 'plain', username: 'alice', password: 'alice-secret' } as const;
        alice = clientOf(connectionTo(handle, { sasl }));
        await waitUntil('alice sees the topics', async () => {
          const { topics: seen } = await alice.metadata([TOPIC, HEARTBEAT.topic]);
          return [...seen.values()].every(({ errorCode }) => errorCode === 0);
        });
      });

      after(async () => {
        await alice.close();
        await anybody.close();
        await handle.stop();
      });

      const isForgotten = async (lane: TestLane): Promise<boolean> =>
        (await describeId(anybody, lane.identity.transactionalId)).errorCode === TRANSACTIONAL_ID_NOT_FOUND;
      const renew = (client: ClusterClient, lane: TestLane): Promise<LaneRenewal> =>
        renewLane({ client, lane: lane.identity, heartbeat: HEARTBEAT, signal: NEVER });

      test('2.6, 5.3, 5.7 the rights of the preflight suffice to renew, fence, see the proof and drill', async () => {
        const to = data(0);
        const lane = await TestLane.open(alice, 'causeway.f.w.i.0');
        await lane.mustWrite([to]);
        assert.deepEqual(await renew(alice, lane), { kind: 'renewed' });
        const result = await fence(alice, lane, [to]);
        assert.ok(result.kind === 'fenced');
        assert.equal(result.way, 'transaction');
        assert.equal(await mustHaveMarker(alice, lane, to, result.epoch), 2);
        const drilled = await drill({ client: alice, fleet: 'f', partition: HEARTBEAT, signal: NEVER });
        assert.equal(drilled.kind, 'passed');
      });

      test('5.3 a partition that the fencer may not write (29) does not stop the others', async () => {
        const to = data(1);
        const lane = await TestLane.open(anybody, 'causeway.f.w.i.1');
        await lane.mustWrite([to, CLOSED]);
        const result = await fence(alice, lane, [CLOSED, to]);
        assert.ok(result.kind === 'fenced');
        assert.deepEqual([result.partitions, result.dropped], [[to], [{ ...CLOSED, errorCode: 29 }]]);
        const late = [(await lane.write(to, ['late'])).errorCode, (await lane.write(CLOSED, ['late'])).errorCode];
        assert.deepEqual(late, [47, 0]);
      });

      test('an id outside the fencer’s prefix is refused with 53', async () => {
        const lane = await TestLane.open(anybody, 'elsewhere');
        await assert.rejects(
          fence(alice, lane, [data(0)]),
          (error) => isCausewayError(error, 'KAFKA_ERROR') && error.kafkaCode === 53,
        );
      });

      test('5.2 a forgotten id comes back under another producer id: without rights on the cluster its lane is not fenced', async () => {
        const to = data(2);
        const lane = await TestLane.open(alice, 'causeway.f.w.i.2');
        await lane.mustWrite([to]);
        await waitUntil('the id is forgotten', () => isForgotten(lane));
        const result = await fence(alice, lane, [to]);
        assert.ok(result.kind === 'not-fenced');
        assert.deepEqual([result.reason, result.refused], ['other-producer-id', [{ ...to, errorCode: 31 }]]);
        assert.equal((await lane.write(to, ['late'])).errorCode, 0);
      });

      test('5.2 a forgotten id comes back under another producer id: with rights on the cluster markers fence its lane', async () => {
        const to = data(3);
        const lane = await TestLane.open(anybody, 'causeway.f.w.i.3');
        await lane.mustWrite([to]);
        await waitUntil('the id is forgotten', () => isForgotten(lane));
        await lane.mustWrite([to], ['still']);
        const result = await fence(anybody, lane, [to]);
        assert.ok(result.kind === 'fenced');
        assert.deepEqual([result.way, result.epoch], ['markers', lane.identity.producerEpoch + 1]);
        assert.equal(await mustHaveMarker(anybody, lane, to, result.epoch), 3);
        assert.equal((await lane.write(to, ['late'])).errorCode, 47);
        assert.deepEqual(await renew(anybody, lane), { kind: 'dead', errorCode: 49 });
      });

      test('2.6 renewal keeps an id alive past its expiry and leaves epoch and sequences alone', async () => {
        const to = data(4);
        const lane = await TestLane.open(alice, 'causeway.f.w.renewed.0');
        const idle = await TestLane.open(alice, 'causeway.f.w.idle.0');
        const { producerId: id, producerEpoch: epoch } = lane.identity;
        const untilMs = systemClock.monotonicMs() + 2 * ID_EXPIRATION_MS;
        await waitUntil('the idle lane is forgotten and more than that has passed', async () => {
          assert.deepEqual(await renew(alice, lane), { kind: 'renewed' });
          await lane.mustWrite([to], ['c']);
          await systemClock.sleep(200);
          return systemClock.monotonicMs() > untilMs && (await isForgotten(idle));
        });
        const described = await describeId(alice, lane.identity.transactionalId);
        assert.deepEqual([described.producerId, described.producerEpoch], [id, epoch]);
        // The sequence goes on where it was, and what was stored before is known for a duplicate.
        const batch = batchByHand(['d', 'e'], { id, epoch, sequence: lane.nextSequence(to) });
        const stored = await lane.send(to, batch);
        const repeated = await lane.send(to, batch);
        assert.deepEqual([stored.errorCode, repeated.errorCode, repeated.baseOffset], [0, 0, stored.baseOffset]);
        const log = await logOf(alice, to);
        assert.ok(
          log.every(({ isControl }) => !isControl),
          'a renewal leaves nothing in the data',
        );
        assert.equal((await fence(alice, lane, [to])).kind, 'fenced');
        assert.deepEqual(await renew(alice, lane), { kind: 'dead', errorCode: 90 });
      });
    });
  }
});
