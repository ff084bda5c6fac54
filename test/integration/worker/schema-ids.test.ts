import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { Route } from '../../../common/model/route.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { FakeRegistry } from '../../unit/schemas/fake-registry.js';
import { avro, clientOf } from '../../unit/schemas/registry-kit.js';
import { committedRecords } from './committed-log.js';
import { eventually, item, TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const AVRO = { type: 'AVRO', references: [] } as const;

/** As Confluent's serializers write. */
function framed(id: number, text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

function record(key: Buffer | null, value: Buffer | null): KafkaRecord {
  return { key, value, headers: [], timestamp: BigInt(Date.now()) };
}

describe('schema ids in front of records, on real brokers', () => {
  let handles: readonly KafkaClusterHandle[];
  let west: TestCluster;
  let east: TestCluster;
  let registries: readonly [FakeRegistry, FakeRegistry];
  let isDown = false;
  let orderId: number;
  let paymentId: number;
  let owner: ThreadUnderTest;

  before(async () => {
    handles = await Promise.all([
      startKafkaCluster({ name: 'west', version: '3.9.1' }),
      startKafkaCluster({ name: 'east', version: '4.1.0' }),
    ]);
    [west, east] = handles.map((handle) => new TestCluster(handle)) as [TestCluster, TestCluster];
    const down = (): { readonly status: number; readonly text: string } | undefined =>
      isDown ? { status: 503, text: 'down' } : undefined;
    registries = [await FakeRegistry.start({ answer: down }), await FakeRegistry.start()];
    const source = clientOf(registries[0].url);
    orderId = await source.register('orders-value', { ...AVRO, text: avro('Order', 'a') });
    paymentId = await source.register('orders-key', { ...AVRO, text: avro('Key', 'k') });
    const target = clientOf(registries[1].url);
    for (const name of ['x', 'y', 'z']) await target.register(name, { ...AVRO, text: avro(name, 'a') });
    const withRegistry = ({ connection }: TestCluster, { url }: FakeRegistry): ClusterConnection => ({
      ...connection,
      schemaRegistry: { url, requestTimeoutMs: 5_000 },
    });
    const connections = [withRegistry(west, registries[0]), withRegistry(east, registries[1])];
    owner = new ThreadUnderTest(connections, 'ids');
  });

  after(async () => {
    await owner.thread.stop();
    await Promise.all([west.close(), east.close()]);
    await Promise.all(registries.map((registry) => registry.stop()));
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  test('are exchanged for the target’s, which are registered where that is allowed; a registry that is down is waited for; an id of nobody’s stops its partition', async () => {
    await Promise.all([west.createTopic('orders', 1), east.createTopic('orders', 1)]);
    const route: Route = {
      ...testRoute('west', 'east'),
      delivery: 'transactional',
      schemaIds: { keys: true, values: true, register: true },
    };
    await west.append(
      'orders',
      0,
      buildBatch([record(framed(paymentId, 'k'), framed(orderId, 'one')), record(null, null)], { codec: 'none' }),
    );
    isDown = true;
    const sourceTopicId = await west.topicId('orders');
    owner.assign([route], [item('orders', 0, { sourceTopicId })]);
    await eventually('it waits for the registry', () =>
      owner.status().some(({ reason }) => reason?.code === 'REGISTRY_REFUSED'),
    );
    assert.deepEqual(await committedRecords(east.connection.bootstrap, 'orders', 0), []);
    isDown = false;
    const read = () => committedRecords(east.connection.bootstrap, 'orders', 0);
    await eventually('the records are there', async () => (await read()).length === 2);
    const [first, second] = await read();
    assert.deepEqual([second?.key, second?.value], [null, null]);
    const target = clientOf(registries[1].url);
    const [order, key] = [await target.version('orders-value', 1), await target.version('orders-key', 1)];
    assert.ok(order !== undefined && key !== undefined && order.id !== orderId);
    assert.deepEqual(
      [first?.key, first?.value].map((bytes) => Buffer.from(bytes ?? '')),
      [framed(key.id, 'k'), framed(order.id, 'one')],
    );
    const plain = Buffer.from('{"no":"frame"}');
    await west.append(
      'orders',
      0,
      buildBatch([record(null, plain), record(null, framed(orderId, 'two'))], { codec: 'gzip' }),
    );
    await eventually('what has no id passes as it is', async () => (await read()).length === 4);
    const rest = (await read()).slice(2).map(({ value }) => Buffer.from(value ?? ''));
    assert.deepEqual(rest, [plain, framed(order.id, 'two')]);
    await west.append('orders', 0, buildBatch([record(null, framed(4_711, 'alien'))], { codec: 'none' }));
    await eventually('it stops', () => owner.status().some(({ reason }) => reason?.code === 'SCHEMA_CONFLICT'));
    assert.match(owner.status()[0]?.reason?.message ?? '', /does not know schema id 4711/);
    assert.equal((await read()).length, 4);
  });
});
