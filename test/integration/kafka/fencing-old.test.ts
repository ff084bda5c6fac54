import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { drill } from '../../../common/kafka/fencing/drill.js';
import { renewLane } from '../../../common/kafka/fencing/renew-lane.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { heartbeatTopic } from '../../../common/model/heartbeat.js';
import { createTopics } from '../../audit/topics.js';
import type { KafkaClusterHandle } from '../../bed/kafka.js';
import type { LegacyKafkaVersion } from '../../bed/kafka-set.js';
import { startLegacyKafka } from '../../bed/legacy-kafka.js';
import { fence, mustHaveMarker, TestLane } from './fencing-kit.js';
import { clientOf, connectionTo } from './wire-kit.js';

const VERSIONS: readonly LegacyKafkaVersion[] = ['2.8.2', '2.1.1'];
const DATA = [0, 1].map((partition) => ({ topic: 'old.data', partition }));
const HEARTBEAT = { topic: heartbeatTopic('f'), partition: 0 };
const NEVER = new AbortController().signal;

for (const version of VERSIONS) {
  describe(`a lane at Kafka ${version}, which cannot describe transactions`, () => {
    let handle: KafkaClusterHandle;
    let client: ClusterClient;

    before(async () => {
      handle = await startLegacyKafka({ name: `fencing-${version}`, version });
      await createTopics(handle.bootstrapServers, [
        { topic: 'old.data', partitions: 2 },
        { topic: HEARTBEAT.topic, partitions: 1 },
      ]);
      client = clientOf(connectionTo(handle));
    });

    after(async () => {
      await client.close();
      await handle.stop();
    });

    test('2.6, 5.3, 5.5 is renewed, and fenced with its proof', async () => {
      const lane = await TestLane.open(client, 'causeway.f.w.i.0');
      await lane.mustWrite(DATA);
      assert.deepEqual(await renewLane({ client, lane: lane.identity, heartbeat: HEARTBEAT, signal: NEVER }), {
        kind: 'renewed',
      });
      await lane.mustWrite(DATA);
      const result = await fence(client, lane, DATA);
      assert.ok(result.kind === 'fenced');
      assert.deepEqual([result.way, result.partitions], ['transaction', DATA]);
      for (const to of DATA) {
        assert.equal(await mustHaveMarker(client, lane, to, result.epoch), 4);
        assert.equal((await lane.write(to, ['late'])).errorCode, 47);
      }
      const renewal = await renewLane({ client, lane: lane.identity, heartbeat: HEARTBEAT, signal: NEVER });
      assert.equal(renewal.kind, 'dead');
    });

    test('5.7 the drill passes', async () => {
      const result = await drill({ client, fleet: 'f', partition: HEARTBEAT, signal: NEVER });
      assert.equal(result.kind, 'passed');
      assert.equal(result.evidence.lateCode, 47);
    });
  });
}
