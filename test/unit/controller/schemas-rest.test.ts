import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RouteBody } from '../../../common/api/desired-shapes.js';
import { SchemaClient } from '../../../common/api/schema-client.js';
import { SyncClient } from '../../../common/api/sync-client.js';
import type { Config } from '../../../common/config/compile.js';
import { FakeRegistry } from '../schemas/fake-registry.js';
import { avro, clientOf, clusterWith } from '../schemas/registry-kit.js';
import { ControllerKit } from './kit.js';

const ROUTE: RouteBody = { source: 'east', target: 'west' };
const code = (expected: string) => (error: unknown) => (error as { readonly code?: string }).code === expected;

describe('rights and schemas of routes over REST', () => {
  let kit: ControllerKit;
  let east: FakeRegistry;
  let west: FakeRegistry;
  let client: Awaited<ReturnType<ControllerKit['controller']>>['client'];

  before(async () => {
    [east, west] = [await FakeRegistry.start(), await FakeRegistry.start()];
    kit = await ControllerKit.open({ routes: [] });
    const config = kit.config.bind(kit);
    const clusters: Config['clusters'] = new Map([
      ['east', clusterWith('east', east.url)],
      ['west', clusterWith('west', west.url)],
      ['north', { name: 'north', bootstrap: ['127.0.0.1:1'], connectTimeoutMs: 100, requestTimeoutMs: 100 }],
    ]);
    kit.config = (overrides) => ({ ...config(overrides), clusters });
    ({ client } = await kit.controller());
  });

  after(async () => {
    await kit.close();
    await Promise.all([east.stop(), west.stop()]);
  });

  test('settings are kept as they were given, defaults filled in', async () => {
    const acls = { mode: 'mirror', principals: { map: [{ match: 'User:(.*)@a', to: 'User:$1' }] } } as const;
    const { value } = await client.putRoute('kept', {
      ...ROUTE,
      acls: structuredClone(acls) as never,
      quotas: 'sync',
      users: 'report',
      schemas: { mode: 'report' },
    });
    assert.deepEqual(
      [value.acls?.mode, value.acls?.write, value.acls?.maxRemovals, value.acls?.principals],
      ['mirror', 'omit', 10, { map: [{ match: 'User:(.*)@a', to: 'User:$1' }], exclude: [] }],
    );
    assert.deepEqual([value.quotas, value.users, value.schemas?.topic], ['sync', 'report', '_schemas']);
    const again = await client.getRoute('kept');
    assert.deepEqual(again.value, value);
  });

  test('what cannot work is refused with the place', async () => {
    const put = (settings: object): Promise<unknown> => client.putRoute('bad', { ...ROUTE, ...settings });
    await assert.rejects(put({ acls: { mode: 'mirrored' } }), /acls.*mode/);
    await assert.rejects(put({ acls: { principals: { exclude: ['('] } } }), /exclude/);
    await assert.rejects(
      put({ acls: { principals: { map: [{ match: 'User:a', to: 'User:$1' }] } } }),
      /group 1, which the pattern does not have/,
    );
    await assert.rejects(put({ quotas: 'all' }), /quotas/);
    await assert.rejects(put({ target: 'north', schemas: { mode: 'api' } }), code('REGISTRY_MISSING'));
    await assert.rejects(
      put({ schemas: { mode: 'topic' }, naming: { policy: 'default' } }),
      /naming makes it east\._schemas/,
    );
    await client.putRoute('topic-one', { ...ROUTE, delivery: 'exactly-once', schemas: { mode: 'topic' } });
    await assert.rejects(
      put({ source: 'north', delivery: 'exactly-once', schemas: { mode: 'topic' } }),
      /would mix their ids/,
    );
    await assert.rejects(
      put({ source: 'west', target: 'east', delivery: 'exactly-once', schemas: { mode: 'topic' } }),
      /the other way/,
    );
    await client.deleteRoute('topic-one');
  });

  test('registries are compared, copied and promoted; the drift report of the route has the same items', async () => {
    await clientOf(east.url).register('orders-value', { type: 'AVRO', text: avro('Order', 'a'), references: [] });
    await client.putRoute('schemas', { ...ROUTE, metadata: 'manual', schemas: { mode: 'api' } });
    const schemas = new SchemaClient(client.transport);
    const view = await schemas.read('schemas');
    assert.deepEqual([view.promotedAt, view.source.versions, view.target.versions, view.differences], [null, 1, 0, 1]);
    const drift = await new SyncClient(client.transport).drift('schemas');
    assert.deepEqual(
      drift.items.filter(({ kind }) => kind === 'schema-version'),
      view.items,
    );
    const done = await schemas.sync('schemas', {});
    assert.deepEqual([done.registered, done.registryMode], [1, 'IMPORT']);
    assert.equal((await schemas.read('schemas')).differences, 0);
    const promoted = await schemas.promote('schemas', { reason: 'test' });
    assert.deepEqual([promoted.before, promoted.registryMode, promoted.lastSync?.done], ['IMPORT', 'READWRITE', true]);
    assert.notEqual((await schemas.read('schemas')).promotedAt, null);
    await assert.rejects(schemas.sync('schemas', {}), /was promoted at/);
    await assert.rejects(schemas.read('kept-not'), code('ROUTE_UNKNOWN'));
  });

  test('apply does what a plan says of schemas, with the mode they need', async () => {
    await clientOf(east.url).register('later-value', { type: 'AVRO', text: avro('Later', 'a'), references: [] });
    west.modes.set('', 'READWRITE');
    await client.putRoute('applied', { ...ROUTE, metadata: 'manual', schemas: { mode: 'api' } });
    const syncs = new SyncClient(client.transport);
    const plan = await syncs.plan('applied');
    const { results } = await syncs.apply('applied', plan.hash);
    assert.deepEqual(
      results.map(({ done, error }) => [done, error]),
      [[true, null]],
    );
    assert.deepEqual(
      west.versions.map(({ subject, id }) => [subject, id]),
      [
        ['orders-value', 1],
        ['later-value', 2],
      ],
    );
    await assert.rejects(syncs.apply('applied', plan.hash), code('PRECONDITION_FAILED'));
  });

  test('apply leaves a registry alone that is somebody’s own, with mode report and with mode api; an order to take it over does not', async () => {
    const own = { type: 'AVRO', text: avro('Local', 'x'), references: [], deleted: false };
    west.versions.push({ ...own, subject: 'local-value', version: 1, id: 900 });
    west.modes.set('', 'READWRITE');
    await clientOf(east.url).register('news-value', { type: 'AVRO', text: avro('News', 'a'), references: [] });
    await clientOf(east.url).setLevel(null, 'FULL');
    const before = west.versions.length;
    const syncs = new SyncClient(client.transport);
    for (const mode of ['report', 'api'] as const) {
      const route = `own-${mode}`;
      await client.putRoute(route, { ...ROUTE, metadata: 'manual', schemas: { mode } });
      const { items } = await syncs.drift(route);
      const told = items.filter(({ kind }) => kind === 'schema-version' || kind === 'schema-compatibility');
      assert.deepEqual(
        told.map(({ kind, after, applies }) => [kind, after, applies]),
        [
          ['schema-version', 'AVRO id 3', false],
          ['schema-compatibility', 'FULL', false],
        ],
      );
      for (const { reason } of told) assert.match(reason, /versions of its own; causeway schemas sync --takeover/);
      const plan = await syncs.plan(route);
      assert.deepEqual(
        plan.items.filter(({ kind }) => kind.startsWith('schema-')),
        [],
      );
      await syncs.apply(route, plan.hash);
      assert.deepEqual(
        [west.modes.get(''), west.levels.get(''), west.versions.length],
        ['READWRITE', 'BACKWARD', before],
      );
    }
    const done = await new SchemaClient(client.transport).sync('own-report', { takeover: true });
    assert.deepEqual([done.registered, done.levels, done.registryMode], [1, 1, 'IMPORT']);
    assert.deepEqual([west.modes.get(''), west.levels.get(''), west.versions.length], ['IMPORT', 'FULL', before + 1]);
  });

  test('a cluster that does not answer leaves the rest of the report readable', async () => {
    await client.putRoute('rights', {
      ...ROUTE,
      metadata: 'manual',
      acls: { mode: 'report' },
      schemas: { mode: 'report' },
    });
    const drift = await new SyncClient(client.transport).drift('rights');
    assert.ok(drift.unread.some(({ part, message }) => part === 'acls' && message.length > 0));
    assert.ok(!drift.unread.some(({ part }) => part === 'schemas'));
  });
});
