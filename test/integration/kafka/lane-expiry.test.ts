import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { renewLane } from '../../../common/kafka/fencing/renew-lane.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { heartbeatTopic } from '../../../common/model/heartbeat.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { createTopics } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { describeId, fence, logOf, mustHaveMarker, TestLane } from './fencing-kit.js';
import { batchByHand, clientOf, connectionTo } from './wire-kit.js';

const VERSIONS: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];
const DATA = { topic: 'expiry.data', partition: 0 };
const HEARTBEAT = { topic: heartbeatTopic('f'), partition: 0 };
/** Days in real clusters: `transactional.id.expiration.ms`. */
const ID_EXPIRATION_MS = 3_000;
const TRANSACTIONAL_ID_NOT_FOUND = 105;

for (const version of VERSIONS) {
  describe(`transactional ids that Kafka ${version} forgets after ${ID_EXPIRATION_MS} ms`, () => {
    let handle: KafkaClusterHandle;
    let client: ClusterClient;

    beforeAll(async () => {
      const config = {
        'transactional.id.expiration.ms': String(ID_EXPIRATION_MS),
        'transaction.remove.expired.transaction.cleanup.interval.ms': '300',
      };
      handle = await startKafkaCluster({ name: `expiry-${version}`, version, config });
      await createTopics(handle.bootstrapServers, [
        { topic: DATA.topic, partitions: 1 },
        { topic: HEARTBEAT.topic, partitions: 1 },
      ]);
      client = clientOf(connectionTo(handle));
    });

    after(async () => {
      await client.close();
      await handle.stop();
    });

    const isForgotten = async (lane: TestLane): Promise<boolean> =>
      (await describeId(client, lane.identity.transactionalId)).errorCode === TRANSACTIONAL_ID_NOT_FOUND;
    const renew = (lane: TestLane) =>
      renewLane({ client, lane: lane.identity, heartbeat: HEARTBEAT, signal: new AbortController().signal });

    test('2.6 renewal keeps an id alive past its expiry and leaves epoch and sequences alone', async () => {
      const lane = await TestLane.open(client, 'causeway.f.w.renewed.0');
      const { producerId: id, producerEpoch: epoch } = lane.identity;
      const first = await lane.write(DATA, ['a', 'b']);
      const idle = await TestLane.open(client, 'causeway.f.w.idle.0');
      const untilMs = systemClock.monotonicMs() + 2 * ID_EXPIRATION_MS;
      await waitUntil('the idle lane is forgotten and more than that has passed', async () => {
        assert.deepEqual(await renew(lane), { kind: 'renewed' });
        await lane.mustWrite([DATA], ['c']);
        await systemClock.sleep(200);
        return systemClock.monotonicMs() > untilMs && (await isForgotten(idle));
      });
      const described = await describeId(client, lane.identity.transactionalId);
      assert.deepEqual([described.producerId, described.producerEpoch], [id, epoch]);
      // The sequence goes on where it was, and what was stored before is known for a duplicate.
      const values = ['d', 'e'];
      const batch = batchByHand(values, { id, epoch, sequence: lane.nextSequence(DATA) });
      const stored = await lane.send(DATA, batch);
      const repeated = await lane.send(DATA, batch);
      assert.deepEqual([stored.errorCode, repeated.errorCode, repeated.baseOffset], [0, 0, stored.baseOffset]);
      const log = await logOf(client, DATA);
      assert.ok(
        log.every(({ isControl }) => !isControl),
        'a renewal leaves nothing in the data',
      );
      assert.equal(log[0]?.baseOffset, first.baseOffset);
      assert.equal((await fence(client, lane, [DATA])).kind, 'fenced');
      assert.deepEqual(await renew(lane), { kind: 'dead', errorCode: 90 });
    });

    test('5.2 an id that was forgotten comes back under another producer id: found out, and fenced by markers instead', async () => {
      const lane = await TestLane.open(client, 'causeway.f.w.forgotten.0');
      await lane.mustWrite([DATA]);
      const end = (await logOf(client, DATA)).at(-1)?.lastOffset ?? -1;
      await waitUntil('the lane is forgotten', () => isForgotten(lane));
      assert.equal((await lane.write(DATA, ['still'])).errorCode, 0);
      const result = await fence(client, lane, [DATA]);
      // A cluster without authorization lets anybody write markers.
      assert.ok(result.kind === 'fenced');
      assert.deepEqual([result.way, result.epoch], ['markers', lane.identity.producerEpoch + 1]);
      assert.equal(await mustHaveMarker(client, lane, DATA, result.epoch), end + 2);
      assert.equal((await lane.write(DATA, ['late'])).errorCode, 47);
      assert.deepEqual(await renew(lane), { kind: 'dead', errorCode: 49 });
    });
  });
}
