import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import kafkajs from 'kafkajs';
import { isCausewayError } from '../../../common/errors/error.js';
import { drill } from '../../../common/kafka/fencing/drill.js';
import { renewLane } from '../../../common/kafka/fencing/renew-lane.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { heartbeatTopic } from '../../../common/model/heartbeat.js';
import { createTopics, kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { describeId, fence, mustHaveMarker, TestLane } from './fencing-kit.js';
import { clientOf, connectionTo } from './wire-kit.js';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const VERSIONS: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];
const DATA = { topic: 'rights.data', partition: 0 };
const CLOSED = { topic: 'rights.closed', partition: 0 };
const HEARTBEAT = { topic: heartbeatTopic('f'), partition: 0 };
const NEVER = new AbortController().signal;

/** The rights of exactly-once.md section 9 and nothing else: no rights on the cluster. */
async function grant(handle: KafkaClusterHandle): Promise<void> {
  const admin = kafkaOf(handle.plaintextBootstrapServers).admin();
  await admin.connect();
  const base = { principal: 'User:alice', host: '*', permissionType: AclPermissionTypes.ALLOW };
  const topics = [DATA.topic, HEARTBEAT.topic].flatMap((resourceName) =>
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

for (const version of VERSIONS) {
  describe(`a fencer with no more rights than it needs, Kafka ${version}`, () => {
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
          'transactional.id.expiration.ms': '4000',
          'transaction.remove.expired.transaction.cleanup.interval.ms': '300',
        },
      });
      const topics = [DATA, CLOSED, HEARTBEAT].map(({ topic }) => ({ topic, partitions: 1 }));
      await createTopics(handle.plaintextBootstrapServers, topics);
      await grant(handle);
      anybody = clientOf(connectionTo({ ...handle, bootstrapServers: handle.plaintextBootstrapServers }));
      const sasl = { mechanism: 'plain', username: 'alice', password: 'alice-secret' } as const;
      alice = clientOf(connectionTo(handle, { sasl }));
      await waitUntil('alice sees the topics', async () => {
        const { topics: seen } = await alice.metadata([DATA.topic, HEARTBEAT.topic]);
        return [...seen.values()].every(({ errorCode }) => errorCode === 0);
      });
    });

    after(async () => {
      await alice.close();
      await anybody.close();
      await handle.stop();
    });

    test('2.6, 5.3, 5.7 renews, fences, sees the proof and drills', async () => {
      const lane = await TestLane.open(alice, 'causeway.f.w.i.0');
      await lane.mustWrite([DATA]);
      const renewal = await renewLane({ client: alice, lane: lane.identity, heartbeat: HEARTBEAT, signal: NEVER });
      assert.equal(renewal.kind, 'renewed');
      const result = await fence(alice, lane, [DATA]);
      assert.ok(result.kind === 'fenced');
      assert.deepEqual([result.way, result.pending], ['transaction', []]);
      assert.equal(await mustHaveMarker(alice, lane, DATA, result.epoch), 2);
      const drilled = await drill({ client: alice, fleet: 'f', partition: HEARTBEAT, signal: NEVER });
      assert.equal(drilled.kind, 'passed');
    });

    test('5.3 a partition it may not write (29) does not stop the others', async () => {
      const lane = await TestLane.open(anybody, 'causeway.f.w.i.1');
      await lane.mustWrite([DATA, CLOSED]);
      const result = await fence(alice, lane, [CLOSED, DATA]);
      assert.ok(result.kind === 'fenced');
      assert.deepEqual([result.partitions, result.dropped], [[DATA], [{ ...CLOSED, errorCode: 29 }]]);
      assert.deepEqual(
        [(await lane.write(DATA, ['late'])).errorCode, (await lane.write(CLOSED, ['late'])).errorCode],
        [47, 0],
      );
    });

    test('5.2 a forgotten id is not fenced: no right on the cluster to write markers, and the lane’s batch is stored', async () => {
      const lane = await TestLane.open(alice, 'causeway.f.w.i.2');
      await lane.mustWrite([DATA]);
      await waitUntil('the id is forgotten', async () => {
        const { errorCode } = await describeId(alice, lane.identity.transactionalId);
        return errorCode === 105;
      });
      const result = await fence(alice, lane, [DATA]);
      assert.ok(result.kind === 'not-fenced');
      assert.deepEqual([result.reason, result.refused], ['other-producer-id', [{ ...DATA, errorCode: 31 }]]);
      assert.equal((await lane.write(DATA, ['late'])).errorCode, 0);
    });

    test('an id outside its prefix is refused with 53', async () => {
      const lane = await TestLane.open(anybody, 'elsewhere');
      await assert.rejects(
        fence(alice, lane, [DATA]),
        (error) => isCausewayError(error, 'KAFKA_ERROR') && error.kafkaCode === 53,
      );
    });
  });
}
