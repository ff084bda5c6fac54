import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import avsc, { type Schema, type Type } from 'avsc';
import { RulesClient } from '../../../common/api/rules-client.js';
import type { RulesTestView } from '../../../common/api/rules-shapes.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import { type ApicurioHandle, startApicurio } from '../../bed/apicurio.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { TcpProxy } from '../../proxy/tcp-proxy.js';
import { clientOf } from '../../unit/schemas/registry-kit.js';
import { typed } from '../cli/typed.js';
import { committedRecords } from '../worker/committed-log.js';
import { SmallFleet } from '../worker/small-fleet.js';
import { eventually, TestCluster } from '../worker/thread-kit.js';

const CUSTOMER: Schema = {
  type: 'record',
  name: 'Customer',
  fields: [
    { name: 'mail', type: ['null', 'string'], default: null },
    { name: 'country', type: { type: 'enum', name: 'Country', symbols: ['AT', 'DE', 'FR'] } },
  ],
};
const ORDER: Schema = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'customer', type: 'Customer' },
    { name: 'tags', type: { type: 'map', values: { type: 'array', items: 'string' } } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
};
const KEY: Schema = { type: 'record', name: 'OrderKey', fields: [{ name: 'user', type: 'string' }] };

const RULES = {
  onUnreadable: 'dead-letter',
  list: [
    { name: 'no-bots', when: { on: 'key-field', name: 'user', matches: 'bot-.*' }, action: { do: 'drop' } },
    { name: 'old', when: { on: 'field', name: 'at', below: '2020-01-01' }, action: { do: 'drop' } },
    { name: 'hide', action: { do: 'hash', fields: ['customer.mail'] } },
    { name: 'tags', action: { do: 'remove', fields: ['tags.secret'] } },
    { name: 'user', action: { do: 'mask', part: 'key', fields: ['user'] } },
    {
      name: 'german',
      when: { on: 'field', name: 'customer.country', equals: 'DE' },
      action: { do: 'route', topic: 'german', partitions: 1 },
    },
  ],
};

type Fate = 'dropped' | 'routed' | 'unreadable' | 'kept';

/** Of the n-th order: every 5th a bot's, every 7th old, every 3rd German, every 11th neither JSON nor Avro of a known schema. */
function fateOf(n: number): Fate {
  // Their keys can be read.
  if (n % 5 === 0) return 'dropped';
  if (n % 11 === 0) return 'unreadable';
  if (n % 7 === 0) return 'dropped';
  return n % 3 === 0 ? 'routed' : 'kept';
}

const order = (n: number, mail: string | null, tags: Record<string, string[]>): object => ({
  id: n,
  customer: { mail: mail === null ? null : { string: mail }, country: n % 3 === 0 ? 'DE' : 'AT' },
  tags,
  at: n % 7 === 0 ? 1_000 : 1_770_000_000_000 + n,
});
const mailOf = (n: number): string | null => (n % 2 === 0 ? `user${n}@example.com` : null);
const upTo = (count: number, fate: Fate): number[] =>
  Array.from({ length: count }, (_, n) => n).filter((n) => fateOf(n) === fate);

function framed(id: number, data: Buffer): Buffer {
  const frame = Buffer.alloc(5);
  frame.writeInt32BE(id, 1);
  return Buffer.concat([frame, data]);
}

describe('rules on Avro fields, with a real registry (Apicurio) and real brokers', { timeout: 280_000 }, () => {
  const handles: KafkaClusterHandle[] = [];
  const clusters: TestCluster[] = [];
  let registry: ApicurioHandle;
  let proxy: TcpProxy;
  let fleet: SmallFleet;
  let dir: string;
  let orderType: Type;
  let keyType: Type;
  let ids: { readonly order: number; readonly key: number };

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'avro-rules-'));
    const [west, east, started] = await Promise.all([
      startKafkaCluster({ name: 'west', version: '3.9.1' }),
      startKafkaCluster({ name: 'east', version: '4.1.0' }),
      startApicurio({ name: 'west' }),
    ]);
    handles.push(west, east);
    registry = started;
    clusters.push(...handles.map((handle) => new TestCluster(handle)));
    const types = {};
    avsc.Type.forSchema(CUSTOMER, { registry: types, wrapUnions: true });
    orderType = avsc.Type.forSchema(ORDER, { registry: types, wrapUnions: true });
    keyType = avsc.Type.forSchema(KEY);
    const client = clientOf(registry.url);
    const avro = (schema: Schema) => ({ type: 'AVRO', text: JSON.stringify(schema), references: [] });
    await client.register('customer', avro(CUSTOMER));
    const references = [{ name: 'Customer', subject: 'customer', version: 1 }];
    ids = {
      order: await client.register('orders-value', { ...avro(ORDER), references }),
      key: await client.register('orders-key', avro(KEY)),
    };
    const { hostname: host, port, pathname } = new URL(registry.url);
    proxy = await TcpProxy.start({ target: { host, port: Number(port) } });
    fleet = await SmallFleet.start({
      clusters: { west: west.bootstrapServers, east: east.bootstrapServers },
      registries: { west: `http://127.0.0.1:${proxy.port}${pathname}` },
      routes: { r: { source: 'west', target: 'east', delivery: 'transactional', deadLetterTopic: 'letters' } },
      workers: 1,
    });
  });

  after(async () => {
    await fleet?.close();
    await proxy?.close();
    await Promise.all([registry?.stop(), ...clusters.map((cluster) => cluster.close())]);
    await Promise.all(handles.map((handle) => handle.stop()));
    await rm(dir, { recursive: true, force: true });
  });

  const west = (): TestCluster => clusters[0] as TestCluster;
  const east = (): TestCluster => clusters[1] as TestCluster;
  const arrived = (topic: string) => committedRecords(east().connection.bootstrap, topic);

  /** None where the topic is not made yet. */
  const count = (topic: string): Promise<number> =>
    arrived(topic).then(
      ({ length }) => length,
      () => 0,
    );

  const keyOf = (user: string): Buffer => framed(ids.key, keyType.toBuffer({ user }));

  function record(n: number): KafkaRecord {
    const value = orderType.toBuffer(order(n, mailOf(n), { open: ['a', 'b'], secret: [`s${n}`] }));
    return {
      key: keyOf(`${n % 5 === 0 ? 'bot' : 'user'}-${n}`),
      value: n % 11 === 0 ? framed(987_654, value) : framed(ids.order, value),
      headers: [],
      timestamp: BigInt(Date.now()),
    };
  }

  async function fill(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += 20) {
      const records = Array.from({ length: Math.min(20, to - at) }, (_, i) => record(at + i));
      await west().append('orders', 0, buildBatch(records, { codec: at % 40 === 0 ? 'gzip' : 'none' }));
    }
  }

  /** What the rules leave of an order, as the library writes it. */
  function expected(n: number): { readonly key: Buffer; readonly value: Buffer } {
    const mail = mailOf(n);
    const hash = mail === null ? null : createHash('sha256').update(mail).digest('hex');
    return { key: keyOf('***'), value: framed(ids.order, orderType.toBuffer(order(n, hash, { open: ['a', 'b'] }))) };
  }

  const contents = async (topic: string) =>
    (await arrived(topic)).map(({ key, value }) => ({ key: Buffer.from(key ?? ''), value: Buffer.from(value ?? '') }));

  const cli = (...args: string[]) => typed(fleet.controllers[0]?.url ?? '', args);

  test('are tried on real records, with the fields shown as JSON', async () => {
    await west().createTopic('orders', 1);
    await fill(0, 60);
    const file = join(dir, 'rules.yaml');
    await writeFile(file, JSON.stringify(RULES));
    const tried = await cli('rules', 'test', file, '--route', 'r', '--topic', 'orders', '--show', '-o', 'json');
    assert.equal(tried.code, 0, tried.err);
    const { records } = JSON.parse(tried.out) as RulesTestView;
    assert.equal(records.length, 60);
    for (const { offset, fate, why, before: shown, after: left } of records) {
      const n = Number(offset);
      assert.equal(fate, fateOf(n) === 'kept' ? 'changed' : fateOf(n), offset);
      if (fate === 'unreadable') assert.match(why ?? '', /id 987654 .* does not know it/);
      if (n !== 2) continue;
      assert.match(shown?.value ?? '', /^\{"id":2,"customer":\{"mail":"user2@example.com","country":"AT"\}/);
      assert.match(left?.value ?? '', /"mail":"[0-9a-f]{64}","country":"AT"\},"tags":\{"open":\["a","b"\]\}/);
      assert.equal(left?.key, '{"user":"***"}');
    }
    assert.equal(
      (await east().client.metadata(['orders'])).topics.get('orders')?.partitions.length,
      0,
      'nothing was written',
    );
  });

  test('decide, hide and route records, while the registry comes and goes; what is not known goes to the dead letters', async () => {
    const rules = RULES as unknown as NonNullable<Parameters<typeof fleet.client.patchRoute>[1]['rules']>;
    await fleet.client.patchRoute('r', { rules });
    proxy.refuse(true);
    await fleet.client.addTopic('r', { topic: 'orders' });
    const reason = async () => (await fleet.client.describeTopic('r', 'orders')).partitions[0]?.reason;
    await eventually(
      'it waits for the registry',
      async () => (await reason())?.code === 'REGISTRY_UNREACHABLE',
      40_000,
    );
    assert.deepEqual(await arrived('orders'), []);
    proxy.refuse(false);
    await fill(60, 300);
    const kept = upTo(300, 'kept');
    await eventually('all are there', async () => (await count('orders')) >= kept.length, 60_000);
    await eventually('the routed ones, too', async () => (await count('german')) >= upTo(300, 'routed').length);
    assert.deepEqual(await contents('orders'), kept.map(expected));
    assert.deepEqual(await contents('german'), upTo(300, 'routed').map(expected));
    await eventually('and letters', async () => (await count('letters')) >= upTo(300, 'unreadable').length);
    const letters = await arrived('letters');
    assert.deepEqual(
      letters.map(({ value }) => Buffer.from(value ?? '')),
      upTo(300, 'unreadable').map((n) => record(n).value),
    );
    await eventually('they are counted', async () => {
      const { counts } = await new RulesClient(fleet.client.transport).get('r');
      return counts.find(({ outcome }) => outcome === 'unreadable')?.records === letters.length;
    });
    // What was looked up stays known.
    proxy.refuse(true);
    await fill(300, 310);
    await eventually('the rest is copied', async () => (await count('orders')) >= upTo(310, 'kept').length);
  });
});
