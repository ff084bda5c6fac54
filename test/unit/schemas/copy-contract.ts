import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import { SchemaIdResolver } from '../../../common/schemas/id-resolver.js';
import type { RegistryClient } from '../../../common/schemas/registry-client.js';
import { translateSchemaId } from '../../../common/schemas/schema-ids.js';
import { avro, clientOf, openSchemaBed, type SchemaBed, schemaRoute } from './registry-kit.js';

export interface RegistryPair {
  readonly east: string;
  readonly west: string;
  readonly stop: () => Promise<void>;
}

const AVRO = { type: 'AVRO', references: [] } as const;

/** What holds of copies between any two registries that have mode IMPORT. @param start two empty ones */
export function copyContract(start: () => Promise<RegistryPair>): void {
  const withPair = async (
    use: (bed: SchemaBed, east: RegistryClient, west: RegistryClient) => Promise<void>,
  ): Promise<void> => {
    const pair = await start();
    const bed = await openSchemaBed(pair.east, pair.west);
    try {
      await use(bed, clientOf(pair.east), clientOf(pair.west));
    } finally {
      await bed.close();
      await pair.stop();
    }
  };

  /** Several subjects, versions, a deleted one, references, another type, levels. */
  const fill = async (east: RegistryClient): Promise<void> => {
    await east.setLevel(null, 'NONE');
    await east.register('address', { ...AVRO, text: avro('Address', 'street') });
    await east.register('orders-value', { ...AVRO, text: avro('Order', 'a') });
    await east.register('orders-value', { ...AVRO, text: avro('Order', 'a', 'b') });
    const references = [{ name: 'Address', subject: 'address', version: 1 }];
    const customer = { type: 'record', name: 'Customer', fields: [{ name: 'home', type: 'Address' }] };
    await east.register('customers-value', { type: 'AVRO', text: JSON.stringify(customer), references });
    await east.register('events-value', {
      type: 'JSON',
      text: '{"type":"object","properties":{"x":{"type":"string"}}}',
      references: [],
    });
    await east.register('orders-value', { ...AVRO, text: avro('Order', 'a', 'b', 'c') });
    await east.deleteVersion('orders-value', 2);
    await east.setLevel('orders-value', 'FULL');
  };

  const states = async (bed: SchemaBed) => {
    const { source, target, plan } = await bed.room.sync.compare(schemaRoute());
    const told = (state: typeof source): string[] =>
      state.versions
        .map(
          ({ subject, version, id, deleted, type }) =>
            `${subject} ${version} id ${id} ${type}${deleted ? ' deleted' : ''}`,
        )
        .sort();
    return { source, target, plan, east: told(source), west: told(target) };
  };

  const sync = { dryRun: false, takeover: false, resume: false };

  test('subjects, versions, ids, deletions, references and levels are the same afterwards; a second round does nothing', async () => {
    await withPair(async (bed, east, west) => {
      await fill(east);
      const route = schemaRoute();
      const dry = await bed.room.service.sync(route, { ...sync, dryRun: true });
      assert.deepEqual([dry.registered, dry.deleted, dry.registryMode], [6, 1, 'READWRITE']);
      assert.deepEqual(await west.subjects(), [], 'a dry run writes nothing');
      const done = await bed.room.service.sync(route, sync);
      assert.deepEqual([done.registered, done.deleted, done.left], [6, 1, 0]);
      const after = await states(bed);
      assert.equal(after.west.length, 6);
      assert.deepEqual(after.west, after.east);
      assert.deepEqual(after.plan.steps, []);
      assert.equal(after.target.levels.get('orders-value'), 'FULL');
      assert.equal(after.target.compatibility, 'NONE');
      assert.equal(await west.mode(), 'IMPORT');
      const again = await bed.room.service.sync(route, sync);
      assert.deepEqual([again.registered, again.deleted, again.levels], [0, 0, 0]);
    });
  });

  test('what comes later follows, and a round that broke off is taken up where it was', async () => {
    await withPair(async (bed, east) => {
      await fill(east);
      const route = schemaRoute();
      const { policy, plan } = await bed.room.sync.compare(route);
      await bed.room.sync.ensureImport(route, { takeover: false, resume: false });
      for (const step of plan.steps.slice(0, 2)) await bed.room.sync.step(route, policy, step);
      assert.equal((await bed.room.service.sync(route, sync)).registered, 4);
      await east.setLevel('orders-value', 'NONE');
      await east.register('orders-value', { ...AVRO, text: avro('Order', 'z') });
      assert.equal((await bed.room.service.sync(route, sync)).registered, 1);
      const { east: source, west: target } = await states(bed);
      assert.deepEqual(target, source);
    });
  });

  test('a version that the route leaves out keeps away what refers to it, and what refers to that, and nothing else', async () => {
    await withPair(async (bed, east, west) => {
      const referring = async (subject: string, name: string, to: string, type: string): Promise<void> => {
        const text = JSON.stringify({ type: 'record', name, fields: [{ name: 'part', type }] });
        const references = [{ name: type, subject: to, version: 1 }];
        await east.register(subject, { type: 'AVRO', text, references });
      };
      await east.register('common', { ...AVRO, text: avro('Common', 'x') });
      await referring('address', 'Address', 'common', 'Common');
      await referring('order-value', 'Order', 'address', 'Address');
      await east.register('plain-value', { ...AVRO, text: avro('Plain', 'x') });
      const route = schemaRoute({ subjects: { include: ['.*'], exclude: ['common'] } });
      for (const registered of [1, 0]) {
        const done = await bed.room.service.sync(route, sync);
        assert.deepEqual([done.registered, done.left], [registered, 2]);
      }
      assert.deepEqual(await west.subjects(), ['plain-value']);
      const { items } = await bed.room.service.read(route);
      assert.deepEqual(
        items.map(({ subject, applies, reason }) => [subject, applies, /refers to (\S+) version 1/.exec(reason)?.[1]]),
        [
          ['address', false, 'common'],
          ['order-value', false, 'address'],
        ],
      );
    });
  });

  test('what was deleted with all that referred to it is deleted at the target, too', async () => {
    await withPair(async (bed, east, west) => {
      await fill(east);
      await east.deleteVersion('customers-value', 1);
      await east.deleteVersion('address', 1);
      const done = await bed.room.service.sync(schemaRoute(), sync);
      assert.deepEqual([done.registered, done.deleted, done.left], [6, 3, 0]);
      const { east: source, west: target } = await states(bed);
      assert.deepEqual(target, source);
      assert.deepEqual(await west.versions('address', false), []);
    });
  });

  test('another schema under the same id is refused by name, and nothing is written', async () => {
    await withPair(async (bed, east, west) => {
      await fill(east);
      await west.register('local-value', { ...AVRO, text: avro('Local', 'x') });
      const before = await west.subjects();
      await assert.rejects(bed.room.service.sync(schemaRoute(), { ...sync, takeover: true }), (error) => {
        assert.ok(isCausewayError(error, 'SCHEMA_CONFLICT'));
        assert.match(error.message, /id \d+ is .* at the source and local-value version 1 at the target/);
        return true;
      });
      assert.deepEqual(await west.subjects(), before);
      const view = await bed.room.service.read(schemaRoute());
      assert.ok(view.items.some(({ kind }) => kind === 'schema-conflict'));
      assert.ok(
        view.items.every(({ applies }) => !applies),
        'nothing applies while there are conflicts',
      );
    });
  });

  test('a promoted registry takes schemas of its own, and no round writes into it until it is told to', async () => {
    await withPair(async (bed, east, west) => {
      await fill(east);
      const route = schemaRoute();
      const promoted = await bed.room.service.promote(route, { reason: 'failover', lastSync: true });
      assert.deepEqual(
        [promoted.before, promoted.registryMode, promoted.lastSync?.done],
        ['IMPORT', 'READWRITE', true],
      );
      const id = await west.register('new-value', { ...AVRO, text: avro('New', 'x') });
      assert.ok(id > 0);
      const again = await bed.room.service.promote(route, { reason: '', lastSync: true });
      assert.equal(again.promotedAt, promoted.promotedAt, 'repeating it does no harm');
      await assert.rejects(bed.room.service.sync(route, sync), /was promoted at/);
      assert.ok((await bed.room.service.read(route)).items.every(({ applies }) => !applies));
      await east.register('late-value', { ...AVRO, text: avro('Late', 'x') });
      await assert.rejects(bed.room.service.sync(route, { ...sync, resume: true }), (error) =>
        isCausewayError(error, 'SCHEMA_CONFLICT'),
      );
    });
  });

  test('what was promoted and is a copy again gives no ids of its own, though nothing is to be copied', async () => {
    await withPair(async (bed, east, west) => {
      await fill(east);
      const route = schemaRoute();
      await bed.room.service.sync(route, sync);
      await bed.room.service.promote(route, { reason: 'failover', lastSync: false });
      assert.equal(await west.mode(), 'READWRITE');
      const done = await bed.room.service.sync(route, { ...sync, resume: true });
      assert.deepEqual([done.registered, done.deleted, done.levels, done.registryMode], [0, 0, 0, 'IMPORT']);
      assert.equal(await west.mode(), 'IMPORT');
      await assert.rejects(west.register('own-value', { ...AVRO, text: avro('Own', 'x') }), (error) =>
        isCausewayError(error, 'REGISTRY_REFUSED'),
      );
      assert.equal((await bed.room.service.read(route)).promotedAt, null);
      await east.register('late-value', { ...AVRO, text: avro('Late', 'x') });
      assert.equal((await bed.room.service.sync(route, sync)).registered, 1);
    });
  });

  test('a context of the target takes the source’s schemas beside others with the same ids', async () => {
    await withPair(async (bed, east, west) => {
      await fill(east);
      await west.register('local-value', { ...AVRO, text: avro('Local', 'x') });
      const route = schemaRoute({ context: 'east' });
      assert.equal((await bed.room.service.sync(route, sync)).registered, 6);
      assert.deepEqual((await bed.room.sync.compare(route)).plan.steps, []);
      assert.equal(await west.mode(), 'READWRITE', 'the rest of the registry is as it was');
      assert.ok((await west.subjects('east')).includes(':.east:orders-value'));
      assert.ok((await west.register('local-value', { ...AVRO, text: avro('Local', 'x', 'y') })) > 0);
    });
  });

  test('ids are translated where both registries give their own, references by the versions they have there', async () => {
    await withPair(async (_bed, east, west) => {
      await west.register('own-value', { ...AVRO, text: avro('Own', 'x') });
      await west.register('address', { ...AVRO, text: avro('Address', 'house') });
      await west.setLevel(null, 'NONE');
      await fill(east);
      const [order, customer] = [await east.version('orders-value', 1), await east.version('customers-value', 1)];
      assert.ok(order !== undefined && customer !== undefined);
      const strict = new SchemaIdResolver({ source: east, target: west, register: false });
      await assert.rejects(strict.resolve(order.id), (error) => isCausewayError(error, 'SCHEMA_CONFLICT'));
      const resolver = new SchemaIdResolver({ source: east, target: west, register: true });
      const at = [await resolver.resolve(order.id), await resolver.resolve(customer.id)];
      const there = await west.version('customers-value', 1);
      assert.deepEqual([there?.id, there?.references[0]?.version], [at[1], 2]);
      const framed = Buffer.from([0, 0, 0, 0, order.id, 7, 8]);
      const translated = translateSchemaId(framed, resolver.map);
      assert.ok(translated.kind === 'translated' && translated.bytes.readInt32BE(1) === at[0]);
      await assert.rejects(resolver.resolve(4_711), /does not know schema id 4711/);
    });
  });
}
