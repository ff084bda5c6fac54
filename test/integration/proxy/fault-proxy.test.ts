import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { AuditCluster } from '../../audit/audit-cluster.js';
import { dumpPartition } from '../../audit/dump.js';
import { IdempotentWriter } from '../../audit/idempotent-writer.js';
import { RecordMaker, shapeNamed } from '../../audit/shapes.js';
import { createTopics, kafkaOf } from '../../audit/topics.js';
import type { PreparedBatch } from '../../audit/writer.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { FaultProxy, type FaultRule } from '../../proxy/fault-proxy.js';
import { KafkaDialect } from '../../proxy/kafka-dialect.js';

const shape = { ...shapeNamed('orders'), topic: 't', partitions: 2 };
const RUN = 1;
const ROUNDS = 40;
const PER_BATCH = 3;
const TIMED_OUT = 7;

describe('real brokers behind a proxy that understands them', { timeout: 280_000 }, () => {
  let cluster: KafkaClusterHandle;
  const proxies: FaultProxy[] = [];
  const maker = new RecordMaker(shape, RUN);
  let writer: IdempotentWriter;
  let proxied: AuditCluster;
  let sent = 0;

  before(async () => {
    cluster = await startKafkaCluster({ name: 'proxied', version: '4.1.0', brokers: 2, hasOwnController: true });
    await createTopics(cluster.bootstrapServers, [shape], 2);
    const portOf = new Map<number, number>();
    for (const { port } of cluster.brokers) {
      const target = { host: '127.0.0.1', port };
      const proxy = await FaultProxy.start({ target, dialect: new KafkaDialect(portOf) });
      portOf.set(port, proxy.port);
      proxies.push(proxy);
    }
    proxied = new AuditCluster(proxies.map(({ address }) => address).join(','), 2_000);
    writer = new IdempotentWriter(proxied, shape);
    await writer.open();
  });

  after(async () => {
    await proxied?.close();
    for (const proxy of proxies) await proxy.close();
    await cluster?.stop();
  });

  /** One batch to every partition. */
  async function write(): Promise<void> {
    const batches: PreparedBatch[] = Array.from({ length: shape.partitions }, (_, partition) => ({
      partition,
      firstSequence: sent,
      records: Array.from({ length: PER_BATCH }, (_each, i) => maker.make(partition, sent + i, Date.now())),
    }));
    sent += PER_BATCH;
    const outcomes = await writer.write(batches);
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      batches.map(() => 'ok'),
    );
  }

  /** The keys at the brokers are those that were sent, once and in order. */
  async function expectAll(): Promise<void> {
    const direct = new AuditCluster(cluster.bootstrapServers);
    try {
      const layout = await direct.layout(shape.topic);
      assert.ok(layout !== undefined);
      for (const [partition, range] of (await direct.ranges(layout)).entries()) {
        const keys: (string | undefined)[] = [];
        for await (const records of dumpPartition(direct, { layout, partition, range }))
          keys.push(...records.map(({ key }) => key?.toString()));
        const wanted = Array.from({ length: sent }, (_, sequence) =>
          maker.make(partition, sequence, 0).key?.toString(),
        );
        assert.deepEqual(keys, wanted);
      }
    } finally {
      await direct.close();
    }
  }

  test('what the brokers say of each other leads through the proxies', async () => {
    await write();
    const carrying = proxies.filter(({ tcp }) => tcp.accepted > 0);
    assert.equal(carrying.length, 2);
    assert.equal((await proxied.layout(shape.topic))?.leaders.length, shape.partitions);
  });

  const faults: readonly (readonly [title: string, rule: FaultRule])[] = [
    [
      'answers to Produce that are lost with their connections',
      { direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'cut' }, every: 4 },
    ],
    [
      'answers that say an error though the batch is in the log',
      { direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'error', code: TIMED_OUT }, every: 3 },
    ],
    ['answers that come twice', { direction: 'toClient', action: { kind: 'duplicate' }, every: 10 }],
  ];
  for (const [title, rule] of faults) {
    test(`${title}: an idempotent writer's records are there once, in order`, async () => {
      const inForce = proxies.map((proxy) => proxy.add(rule));
      for (let round = 0; round < ROUNDS; round += 1) await write();
      for (const each of inForce) each.remove();
      assert.ok(inForce.reduce((sum, { hits }) => sum + hits, 0) >= 3);
      await expectAll();
    });
  }

  test('a batch that is damaged on its way is refused by the broker', async () => {
    const flips = proxies.map((proxy) => proxy.add({ direction: 'toServer', action: { kind: 'flip' }, times: 1 }));
    await assert.rejects(write(), /refused a batch with error 2/);
    assert.ok(flips.some(({ hits }) => hits === 1));
    for (const flip of flips) flip.remove();
  });

  test('with a controller of its own a cluster of two brokers survives either of them', async () => {
    const admin = kafkaOf(cluster.bootstrapServers).admin();
    await admin.connect();
    const partitions = async () =>
      (await admin.fetchTopicMetadata({ topics: [shape.topic] })).topics[0]?.partitions ?? [];
    try {
      for (const broker of cluster.brokers) {
        await broker.kill();
        await waitUntil(`the other broker leads in place of broker ${broker.id}`, async () =>
          (await partitions()).every(({ leader }) => leader > 0 && leader !== broker.id),
        );
        await broker.start();
        await waitUntil(`broker ${broker.id} is in sync again`, async () =>
          (await partitions()).every(({ isr }) => isr.length === 2),
        );
      }
    } finally {
      await admin.disconnect();
    }
  });
});
