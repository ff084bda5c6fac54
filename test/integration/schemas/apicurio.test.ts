import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import { SchemaIdResolver } from '../../../common/schemas/id-resolver.js';
import type { RegistryClient } from '../../../common/schemas/registry-client.js';
import { translateSchemaId } from '../../../common/schemas/schema-ids.js';
import { type ApicurioHandle, startApicurio } from '../../bed/apicurio.js';
import { avro, clientOf, openSchemaBed, type SchemaBed, schemaRoute } from '../../unit/schemas/registry-kit.js';

const AVRO = { type: 'AVRO', references: [] } as const;
const SYNC = { dryRun: false, takeover: false, resume: false };
const PROTO = 'syntax = "proto3";\npackage shop;\nmessage Money { int64 cents = 1; }\n';
const PROTO_USER = 'syntax = "proto3";\npackage shop;\nimport "money.proto";\nmessage Price { Money amount = 1; }\n';

/** Subjects of all three types, with references, several versions, deleted ones, a subject deleted whole, levels. */
async function fill(east: RegistryClient): Promise<void> {
  await east.setLevel(null, 'NONE');
  await east.register('address', { ...AVRO, text: avro('Address', 'street') });
  await east.register('orders-value', { ...AVRO, text: avro('Order', 'a') });
  await east.register('orders-value', { ...AVRO, text: avro('Order', 'a', 'b') });
  const references = [{ name: 'Address', subject: 'address', version: 1 }];
  const customer = { type: 'record', name: 'Customer', fields: [{ name: 'home', type: 'Address' }] };
  await east.register('customers-value', { type: 'AVRO', text: JSON.stringify(customer), references });
  const json = '{"type":"object","properties":{"x":{"type":"string"}}}';
  await east.register('events-value', { type: 'JSON', text: json, references: [] });
  await east.register('money', { type: 'PROTOBUF', text: PROTO, references: [] });
  const money = [{ name: 'money.proto', subject: 'money', version: 1 }];
  await east.register('prices-value', { type: 'PROTOBUF', text: PROTO_USER, references: money });
  await east.register('orders-value', { ...AVRO, text: avro('Order', 'a', 'b', 'c') });
  await east.deleteVersion('orders-value', 2);
  // Gone as a whole, what it refers to and all: records that were written with it are still there.
  await east.register('old-part', { ...AVRO, text: avro('OldPart', 'p') });
  const old = { type: 'record', name: 'Old', fields: [{ name: 'part', type: 'OldPart' }] };
  const part = [{ name: 'OldPart', subject: 'old-part', version: 1 }];
  await east.register('old-value', { type: 'AVRO', text: JSON.stringify(old), references: part });
  await east.deleteVersion('old-value', 1);
  await east.deleteVersion('old-part', 1);
  await east.setLevel('orders-value', 'FULL');
}

describe('schemas between two real registries (Apicurio)', { timeout: 240_000 }, () => {
  let pair: readonly ApicurioHandle[] = [];
  let bed: SchemaBed;
  let east: RegistryClient;
  let west: RegistryClient;

  before(async () => {
    pair = await Promise.all([startApicurio({ name: 'east' }), startApicurio({ name: 'west' })]);
    const [{ url: eastUrl } = { url: '' }, { url: westUrl } = { url: '' }] = pair;
    [east, west] = [clientOf(eastUrl), clientOf(westUrl)];
    bed = await openSchemaBed(eastUrl, westUrl);
    await fill(east);
  });

  after(async () => {
    await bed?.close();
    await Promise.all(pair.map((registry) => registry.stop()));
  });

  /** Both registries count on their own, with leaps: registers until they meet. */
  const sameIdAtBoth = async (): Promise<number> => {
    let ids: readonly [number, number] = [0, 0];
    for (let i = 0; i < 50 && (i === 0 || ids[0] !== ids[1]); i += 1) {
      const [there, here] = ids;
      ids = [
        there <= here ? await east.register('late-value', { ...AVRO, text: avro(`Late${i}`, 'x') }) : there,
        here <= there ? await west.register('new-value', { ...AVRO, text: avro(`New${i}`, 'x') }) : here,
      ];
    }
    assert.equal(ids[0], ids[1]);
    return ids[0];
  };

  const states = async () => {
    const { source, target, plan } = await bed.room.sync.compare(schemaRoute());
    const told = (state: typeof source): string[] =>
      state.versions
        .map(({ subject, version, id, deleted, ...schema }) => JSON.stringify([subject, version, id, deleted, schema]))
        .sort();
    return { plan, source, target, east: told(source), west: told(target) };
  };

  test('everything comes over under its version and id, deleted subjects too, and a second round does nothing', async () => {
    const dry = await bed.room.service.sync(schemaRoute(), { ...SYNC, dryRun: true });
    assert.deepEqual([dry.registered, dry.deleted], [10, 3]);
    assert.deepEqual(await west.subjects(), [], 'a dry run writes nothing');
    const done = await bed.room.service.sync(schemaRoute(), SYNC);
    assert.deepEqual([done.registered, done.deleted, done.left], [10, 3, 0]);
    const { plan, target, east: there, west: here } = await states();
    assert.equal(there.length, 10);
    assert.deepEqual(here, there);
    assert.deepEqual([plan.steps, plan.extra], [[], []]);
    assert.deepEqual([...target.levels], [['orders-value', 'FULL']], 'levels of their own only where they have one');
    assert.deepEqual([...(await west.subjects())].sort(), [...(await east.subjects())].sort());
    const again = await bed.room.service.sync(schemaRoute(), SYNC);
    assert.deepEqual([again.registered, again.deleted, again.levels], [0, 0, 0]);
  });

  test('what comes later follows: a version, the same schema in another subject, one that came back, a level taken away', async () => {
    await east.setLevel('orders-value', null);
    const text = avro('Order', 'z');
    const id = await east.register('orders-value', { ...AVRO, text });
    assert.equal(await east.register('orders-copy', { ...AVRO, text }), id);
    await east.register('orders-value', { ...AVRO, text: avro('Order', 'a', 'b') });
    const done = await bed.room.service.sync(schemaRoute(), SYNC);
    assert.deepEqual([done.registered, done.levels, done.left], [3, 1, 0]);
    const { plan, east: there, west: here } = await states();
    assert.deepEqual(plan.steps, []);
    assert.deepEqual(here, there);
    const latest = await fetch(`${pair[1]?.url}/subjects/orders-value/versions/latest`);
    assert.equal(
      ((await latest.json()) as { version: number }).version,
      5,
      'the latest version is the latest here, too',
    );
    const found = await west.lookUp('orders-value', { ...AVRO, text });
    assert.deepEqual(found, { id, version: 4 }, 'serializers that look a schema up find it');
  });

  test('a version that somebody deleted at the target is offered there again', async () => {
    await west.deleteVersion('orders-value', 4);
    assert.ok(!(await west.versions('orders-value', false)).includes(4));
    assert.equal((await bed.room.service.sync(schemaRoute(), SYNC)).registered, 1);
    const { plan, east: there, west: here } = await states();
    assert.deepEqual(plan.steps, []);
    assert.deepEqual(here, there);
  });

  test('a context is refused with its reason: Apicurio has none', async () => {
    await assert.rejects(bed.room.service.sync(schemaRoute({ context: 'east' }), SYNC), (error) => {
      assert.ok(isCausewayError(error, 'REGISTRY_REFUSED'));
      assert.match(error.message, /Apicurio has no contexts/);
      return true;
    });
  });

  test('promoted, it gives ids behind all that were copied, by its own rules, and no round writes into it', async () => {
    await east.setLevel('orders-value', 'FULL');
    const promoted = await bed.room.service.promote(schemaRoute(), { reason: 'failover', lastSync: true });
    assert.deepEqual([promoted.registryMode, promoted.lastSync?.done], ['READWRITE', true]);
    const { source } = await states();
    const last = Math.max(...source.versions.map(({ id }) => id));
    assert.ok((await west.register('new-value', { ...AVRO, text: avro('New', 'x') })) > last);
    await assert.rejects(west.register('orders-value', { ...AVRO, text: '"int"' }), (error) =>
      isCausewayError(error, 'REGISTRY_REFUSED'),
    );
    await assert.rejects(bed.room.service.sync(schemaRoute(), SYNC), /was promoted at/);
  });

  test('what both registered since under one id is told, and nothing is copied over it', async () => {
    const id = await sameIdAtBoth();
    const before = await west.subjects();
    await assert.rejects(bed.room.service.sync(schemaRoute(), { ...SYNC, resume: true, takeover: true }), (error) => {
      assert.ok(isCausewayError(error, 'SCHEMA_CONFLICT'));
      assert.match(
        error.message,
        new RegExp(`id ${id} is late-value version \\d+ .* new-value version \\d+ at the target`),
      );
      return true;
    });
    assert.deepEqual(await west.subjects(), before);
    const { items } = await bed.room.service.read(schemaRoute());
    assert.ok(items.some(({ kind }) => kind === 'schema-conflict'));
    assert.ok(items.every(({ applies }) => !applies));
  });

  test('ids are translated between both, those of deleted schemas too, references by the versions they have there', async () => {
    const late = await east.version('late-value', Math.max(...(await east.versions('late-value', true))));
    const [old, customer] = [await east.version('old-value', 1), await east.version('customers-value', 1)];
    assert.ok(late !== undefined && old !== undefined && customer !== undefined);
    const strict = new SchemaIdResolver({ source: east, target: west, register: false });
    await assert.rejects(strict.resolve(late.id), (error) => isCausewayError(error, 'SCHEMA_CONFLICT'));
    assert.equal(await strict.resolve(customer.id), customer.id);
    assert.equal(await strict.resolve(old.id), old.id);
    const resolver = new SchemaIdResolver({ source: east, target: west, register: true });
    const there = await resolver.resolve(late.id);
    assert.notEqual(there, late.id);
    const translated = translateSchemaId(Buffer.from([0, 0, 0, 0, late.id, 7]), resolver.map);
    assert.ok(translated.kind === 'translated' && translated.bytes.readInt32BE(1) === there);
    await assert.rejects(resolver.resolve(4_711), /does not know schema id 4711/);
  });
});
