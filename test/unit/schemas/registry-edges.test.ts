import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import { waitUntil } from '../../bed/wait.js';
import { FakeRegistry, type FakeRegistryOptions } from './fake-registry.js';
import { avro, clientOf, openSchemaBed, schemaRoute } from './registry-kit.js';

const AVRO = { type: 'AVRO', references: [] } as const;

async function withRegistry(
  options: FakeRegistryOptions,
  use: (registry: FakeRegistry) => Promise<void>,
): Promise<void> {
  const registry = await FakeRegistry.start(options);
  try {
    await use(registry);
  } finally {
    await registry.stop();
  }
}

describe('answers of registries', () => {
  test('credentials: a user, a token, a file that is read anew each time; without them it is said what to check', async () => {
    const basic = `Basic ${Buffer.from('causeway:secret').toString('base64')}`;
    const dir = mkdtempSync(join(tmpdir(), 'causeway-registry-'));
    const passwordFile = join(dir, 'password');
    try {
      await withRegistry({ authorization: basic }, async ({ url }) => {
        assert.deepEqual(await clientOf(url, { username: 'causeway', password: 'secret' }).subjects(), []);
        writeFileSync(passwordFile, 'old\n');
        const client = clientOf(url, { username: 'causeway', passwordFile });
        await assert.rejects(client.subjects(), (error) => {
          assert.ok(isCausewayError(error, 'REGISTRY_REFUSED'));
          assert.match(`${error.message} ${error.fix}`, /401: who are you\?.*credentials/);
          return true;
        });
        writeFileSync(passwordFile, 'secret\n');
        assert.deepEqual(await client.subjects(), []);
      });
      await withRegistry({ authorization: 'Bearer t0ken' }, async ({ url }) => {
        assert.deepEqual(await clientOf(url, { token: 't0ken' }).subjects(), []);
      });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('what is no registry, refuses, hangs or is not there are four codes', async () => {
    const answers: Record<string, { readonly status: number; readonly text: string }> = {
      html: { status: 200, text: '<html>' },
      wrong: { status: 200, text: '{"subjects":[]}' },
      broken: { status: 500, text: 'oops' },
      bare: { status: 404, text: 'no such page' },
    };
    for (const [kind, code] of [
      ['html', 'REGISTRY_PROTOCOL'],
      ['wrong', 'REGISTRY_PROTOCOL'],
      ['broken', 'REGISTRY_REFUSED'],
      ['bare', 'REGISTRY_REFUSED'],
    ] as const) {
      await withRegistry({ answer: () => answers[kind] }, async ({ url }) => {
        await assert.rejects(clientOf(url).subjects(), (error) => isCausewayError(error, code));
      });
    }
    const gone = await FakeRegistry.start();
    const { url } = gone;
    await gone.stop();
    await assert.rejects(clientOf(url).subjects(), (error) => isCausewayError(error, 'REGISTRY_UNREACHABLE'));
  });

  test('a version with references or fields of the wrong kind is no version', async () => {
    for (const text of [
      '{"subject":"a","version":1,"id":1}',
      '{"subject":"a","version":1,"id":1,"schema":"x","references":[{}]}',
      '{"subject":"a","version":"1","id":1,"schema":"x"}',
    ]) {
      await withRegistry({ answer: () => ({ status: 200, text }) }, async ({ url }) => {
        await assert.rejects(clientOf(url).version('a', 1), (error) => isCausewayError(error, 'REGISTRY_PROTOCOL'));
      });
    }
  });

  test('what a data contract adds is copied; the property that registries add themselves is not', async () => {
    const text = JSON.stringify({
      subject: 'a',
      version: 1,
      id: 1,
      schema: '"int"',
      schemaType: null,
      metadata: { properties: { 'confluent:version': '1', owner: 'x' } },
      ruleSet: null,
      guid: 'g',
    });
    await withRegistry(
      { answer: () => ({ status: 200, text: text.replace('"schemaType":null,', '') }) },
      async ({ url }) => {
        const found = await clientOf(url).version('a', 1);
        assert.deepEqual(found?.extras, { metadata: { properties: { owner: 'x' } } });
      },
    );
  });
});

describe('registries that cannot be copies', () => {
  test('without mode IMPORT nothing is registered, and it is said what there is instead', async () => {
    const [east, west] = [await FakeRegistry.start(), await FakeRegistry.start({ hasModes: false })];
    const bed = await openSchemaBed(east.url, west.url);
    try {
      await clientOf(east.url).register('a', { ...AVRO, text: avro('A', 'x') });
      const order = { dryRun: false, takeover: false, resume: false };
      await assert.rejects(bed.room.service.sync(schemaRoute(), order), (error) => {
        assert.ok(isCausewayError(error, 'REGISTRY_REFUSED'));
        assert.match(`${error.message} ${error.fix}`, /mode IMPORT.*schemas\.mode topic/s);
        return true;
      });
      assert.deepEqual(west.versions, []);
    } finally {
      await bed.close();
      await Promise.all([east.stop(), west.stop()]);
    }
  });

  test('one that gives other ids is noticed at the first, and nothing more is registered', async () => {
    const [east, west] = [await FakeRegistry.start(), await FakeRegistry.start({ hasModes: false })];
    west.modes.set('', 'IMPORT');
    const bed = await openSchemaBed(east.url, west.url);
    try {
      const client = clientOf(east.url);
      await client.register('a', { ...AVRO, text: avro('A', 'x') });
      await client.register('b', { ...AVRO, text: avro('B', 'x') });
      east.versions.forEach((version, i) => {
        east.versions[i] = { ...version, id: version.id + 10 };
      });
      await assert.rejects(
        bed.room.service.sync(schemaRoute(), { dryRun: false, takeover: false, resume: false }),
        /and has it .* under id 1$/,
      );
      assert.equal(west.versions.length, 1);
    } finally {
      await bed.close();
      await Promise.all([east.stop(), west.stop()]);
    }
  });

  test('one that gives the right id by chance under another version is noticed, too', async () => {
    const [east, west] = [await FakeRegistry.start(), await FakeRegistry.start({ hasModes: false })];
    west.modes.set('', 'IMPORT');
    const bed = await openSchemaBed(east.url, west.url);
    try {
      await clientOf(east.url).register('a', { ...AVRO, text: avro('A', 'x') });
      east.versions.forEach((version, i) => {
        east.versions[i] = { ...version, version: 5 };
      });
      await assert.rejects(
        bed.room.service.sync(schemaRoute(), { dryRun: false, takeover: false, resume: false }),
        /was to take a version 5 under id 1, and has it without that version under id 1$/,
      );
    } finally {
      await bed.close();
      await Promise.all([east.stop(), west.stop()]);
    }
  });

  test('one with schemas of its own is not switched to IMPORT unless somebody says so', async () => {
    const [east, west] = [await FakeRegistry.start(), await FakeRegistry.start()];
    const bed = await openSchemaBed(east.url, west.url);
    try {
      const client = clientOf(east.url);
      await client.register('a', { ...AVRO, text: avro('A', 'x') });
      await client.register('b', { ...AVRO, text: avro('B', 'x') });
      const local = clientOf(west.url);
      await local.register('a', { ...AVRO, text: avro('A', 'x') });
      await local.register('local', { ...AVRO, text: avro('A', 'x') });
      const order = { dryRun: false, takeover: false, resume: false };
      await assert.rejects(bed.room.service.sync(schemaRoute(), order), /local version 1.*takes schemas of its own/);
      const taken = bed.room.sync.ensureImport(schemaRoute(), { takeover: false, resume: true });
      await assert.rejects(taken, /local version 1.*takes schemas of its own/);
      assert.equal(await local.mode(), 'READWRITE');
      for (const registered of [1, 0]) {
        const done = await bed.room.service.sync(schemaRoute(), { ...order, takeover: true });
        assert.deepEqual([done.registered, done.registryMode], [registered, 'IMPORT']);
        assert.equal(await local.mode(), 'IMPORT', 'also where nothing is to be registered');
        await local.setMode('READWRITE', undefined, false);
      }
    } finally {
      await bed.close();
      await Promise.all([east.stop(), west.stop()]);
    }
  });
});

describe('the leader', () => {
  test('copies by itself, tells drift, and stops at a promotion', async () => {
    const [east, west] = [await FakeRegistry.start(), await FakeRegistry.start()];
    const route = schemaRoute();
    const bed = await openSchemaBed(east.url, west.url, [route]);
    const stop = new AbortController();
    const term = {
      epoch: 1,
      signal: stop.signal,
      routes: () => [route],
      entries: () => [],
      wanted: () => new Map(),
      isDenied: () => false,
      routeVersion: () => undefined,
      write: () => Promise.reject(new Error('nothing is written as the leader')),
      lookAgain: () => Promise.resolve(),
    };
    const working = bed.room.work.run(term);
    try {
      const client = clientOf(east.url);
      await client.register('a', { ...AVRO, text: avro('A', 'x') });
      await waitUntil('the schema is copied', () => west.versions.length === 1);
      await bed.room.service.promote(route, { reason: 'test', lastSync: false });
      await client.register('b', { ...AVRO, text: avro('B', 'x') });
      await waitUntil('the drift is told', async () =>
        (await bed.metrics.text()).includes('causeway_schema_drift{route="east-west"} 1'),
      );
      assert.equal(west.versions.length, 1);
      assert.equal(west.modes.get(''), 'READWRITE');
    } finally {
      stop.abort();
      await working;
      await bed.close();
      await Promise.all([east.stop(), west.stop()]);
    }
  });

  test('one that was promoted anew while it was compared is not made a copy by who asked before', async () => {
    const [east, west] = [await FakeRegistry.start(), await FakeRegistry.start()];
    const bed = await openSchemaBed(east.url, west.url);
    try {
      const route = schemaRoute();
      const { sync } = bed.room;
      await sync.promote(route, { reason: 'switchover-1', lastSync: false });
      const compare = sync.compare.bind(sync);
      sync.compare = async (...asked) => {
        await sync.resume(route);
        await sync.promote(route, { reason: 'failover-1', lastSync: false });
        return await compare(...asked);
      };
      await assert.rejects(
        sync.ensureImport(route, { takeover: false, resume: true }),
        /was promoted or resumed while/,
      );
      assert.equal(await clientOf(west.url).mode(), 'READWRITE');
    } finally {
      await bed.close();
      await Promise.all([east.stop(), west.stop()]);
    }
  });
});
