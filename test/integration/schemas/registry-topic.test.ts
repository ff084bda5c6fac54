import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kafkaOf } from '../../audit/topics.js';
import { type ApicurioHandle, startApicurio } from '../../bed/apicurio.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { avro, clientOf, openSchemaBed, schemaRoute } from '../../unit/schemas/registry-kit.js';
import { SmallFleet } from '../worker/small-fleet.js';

const AVRO = { type: 'AVRO', references: [] } as const;
const ROUTE = 'east-west';
/** In which Apicurio keeps all that it knows. */
const JOURNAL = 'kafkasql-journal';

async function endOf(bootstrap: string): Promise<bigint> {
  const admin = kafkaOf(bootstrap).admin();
  await admin.connect();
  try {
    const [partition, ...others] = await admin.fetchTopicOffsets(JOURNAL);
    assert.deepEqual(others, [], 'a registry’s topic has one partition');
    return BigInt(partition?.high ?? -1);
  } finally {
    await admin.disconnect();
  }
}

describe('a registry’s own topic mirrored, a real registry on each side (Apicurio)', { timeout: 280_000 }, () => {
  let clusters: readonly KafkaClusterHandle[] = [];
  const registries: ApicurioHandle[] = [];
  let fleet: SmallFleet;

  before(async () => {
    clusters = await Promise.all([startKafkaCluster({ name: 'east' }), startKafkaCluster({ name: 'west' })]);
    const [east, west] = clusters.map(({ bootstrapServers }) => bootstrapServers) as [string, string];
    registries.push(await startApicurio({ name: 'east', bootstrap: east }));
    const schemas = { mode: 'topic', topic: JOURNAL, intervalMs: 1_000 };
    const route = { source: 'east', target: 'west', naming: { policy: 'identity' }, delivery: 'exactly-once', schemas };
    fleet = await SmallFleet.start({ clusters: { east, west }, routes: { [ROUTE]: route }, workers: 1 });
  });

  after(async () => {
    await fleet?.close();
    await Promise.all(registries.map((registry) => registry.stop()));
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  });

  const states = async () => (await fleet.client.describeTopic(ROUTE, JOURNAL)).partitions;

  test('started on the mirrored topic after a failover, the target’s registry has every version and id, and goes on behind them', async () => {
    const east = clientOf(registries[0]?.url ?? '');
    await fleet.client.addTopic(ROUTE, { topic: JOURNAL });
    const ids: number[] = [];
    await east.register('address', { ...AVRO, text: avro('Address', 'street') });
    for (const fields of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      ids.push(await east.register('orders-value', { ...AVRO, text: avro('Order', ...fields) }));
    }
    const references = [{ name: 'Address', subject: 'address', version: 1 }];
    const customer = { type: 'record', name: 'Customer', fields: [{ name: 'home', type: 'Address' }] };
    await east.register('customers-value', { type: 'AVRO', text: JSON.stringify(customer), references });
    await east.deleteVersion('orders-value', 2);
    await east.setLevel('orders-value', 'FULL');
    const end = await endOf(clusters[0]?.bootstrapServers ?? '');
    const isCopied = async (): Promise<boolean> => {
      const [partition] = await states();
      return partition?.state === 'running' && BigInt(partition.sourceOffset ?? -1) >= end;
    };
    await waitUntil('the journal is copied', isCopied);
    const view = await fleet.client.patchTopic(ROUTE, JOURNAL, { paused: true });
    assert.equal(view.value.paused, true);
    await waitUntil('the copy rests', async () => (await states()).every(({ state }) => state !== 'running'));

    registries.push(await startApicurio({ name: 'west', bootstrap: clusters[1]?.bootstrapServers ?? '' }));
    const west = clientOf(registries[1]?.url ?? '');
    const bed = await openSchemaBed(registries[0]?.url ?? '', registries[1]?.url ?? '');
    try {
      const { source, target, plan } = await bed.room.sync.compare(schemaRoute({ mode: 'report' }));
      assert.deepEqual([plan.steps, plan.conflicts, plan.extra], [[], [], []]);
      assert.equal(target.versions.length, 5);
      assert.deepEqual(target.levels, source.levels);
    } finally {
      await bed.close();
    }
    for (const id of ids) assert.deepEqual(await west.schema(id), await east.schema(id));
    const given = await west.register('new-value', { ...AVRO, text: avro('New', 'x') });
    assert.ok(given > Math.max(...ids));
  });

  test('a registry that has written into the copy stops it at the next batch, and no more is copied', async () => {
    await fleet.client.patchTopic(ROUTE, JOURNAL, { paused: false });
    const east = clientOf(registries[0]?.url ?? '');
    await east.register('late-value', { ...AVRO, text: avro('Late', 'x') });
    let seen = '';
    const isStopped = async (): Promise<boolean> => {
      const [partition] = await states();
      seen = JSON.stringify(partition);
      return partition?.state === 'paused' && partition.reason?.code === 'TARGET_SHARED';
    };
    await waitUntil('the partition pauses', isStopped).catch((error: unknown) => {
      throw new Error(`${String(error)}; ${seen}`);
    });
    const target = clusters[1]?.bootstrapServers ?? '';
    const end = await endOf(target);
    await east.register('later-value', { ...AVRO, text: avro('Later', 'x') });
    assert.ok(await isStopped(), seen);
    assert.equal(await endOf(target), end);
    assert.deepEqual(await clientOf(registries[1]?.url ?? '').versions('later-value', true), []);
  });
});
