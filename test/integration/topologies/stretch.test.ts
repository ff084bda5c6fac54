import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Load } from '../../audit/load.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { createPlacedTopic } from '../worker/placed-topic.js';
import { ExampleFleet } from './example-fleet.js';
import { audit, type FarCluster, shapeOf, startFarCluster, written } from './topology-kit.js';

const RECORDS = 4_000;

describe('the example of a cluster over several racks that is copied to another site', () => {
  let stretch: FarCluster;
  let recovery: KafkaClusterHandle;

  before(async () => {
    [stretch, recovery] = await Promise.all([
      startFarCluster({
        name: 'stretch',
        brokers: 2,
        config: { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' },
        brokerSettings: (id) => ({ 'broker.rack': id === 1 ? 'rack-a' : 'rack-b' }),
      }),
      startKafkaCluster({ name: 'recovery', version: '4.1.0' }),
    ]);
  });

  after(async () => {
    await Promise.all([stretch?.stop(), recovery?.stop()]);
  });

  test('records are read from the replica in the worker’s own rack, though another one leads, and come once', async () => {
    const bytes = stretch.lines.map((line) => {
      const counted = { toClient: 0 };
      line.intercept(({ direction, bytes: piece }) => {
        if (direction === 'toClient') counted.toClient += piece.length;
        return 'pass';
      });
      return counted;
    });
    // Both partitions are led in rack-a.
    await createPlacedTopic(stretch.handle.bootstrapServers, 'ledger', [
      [1, 2],
      [1, 2],
    ]);
    const fleet = await ExampleFleet.start('stretch-dr', {
      STRETCH: stretch.bootstrapServers.split(',')[0] ?? '',
      RECOVERY: recovery.bootstrapServers,
      RACK: 'rack-b',
    });
    try {
      const load = new Load({
        bootstrapServers: stretch.handle.bootstrapServers,
        shapes: [shapeOf('ledger')],
        recordsPerS: 2_000,
        run: 1,
        maxRecords: RECORDS,
      });
      await written(load, RECORDS);
      await fleet.caughtUp('stretch-recovery', ['ledger'], stretch.handle);
      await audit(stretch.handle, recovery, [load]);
      const [leader, nearest] = bytes.map(({ toClient }) => toClient);
      const payload = RECORDS * 200;
      assert.ok((nearest ?? 0) > payload, `${nearest} bytes from the replica in our rack`);
      assert.ok((leader ?? 0) < payload / 2, `${leader} bytes from the leader in the other one`);
    } finally {
      await fleet.close();
    }
  });
});
