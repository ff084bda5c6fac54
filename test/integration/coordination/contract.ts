import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  ANY_VERSION,
  type CoordinationStore,
  MAX_MULTI_OPS,
  MAX_NODE_BYTES,
  type StoreOp,
} from '../../../common/coordination/ports.js';
import { bytes, type ContractBed, rejects } from './contract-kit.js';
import { ephemeralTests, hintTests } from './contract-sessions.js';

/** The contract of CoordinationStore, for every implementation alike. */
export function contractSuite(start: () => Promise<ContractBed>): void {
  let bed: ContractBed;
  let store: CoordinationStore;
  let other: CoordinationStore;
  let next = 0;
  const fresh = (): string => `/t${next++}`;

  before(async () => {
    bed = await start();
    store = bed.open();
    other = bed.open();
    await Promise.all([store.ready(), other.ready()]);
  });
  after(async () => {
    await Promise.all([store?.close(), other?.close()]);
    await bed?.stop();
  });

  nodeTests(() => ({ store, other, path: fresh() }));
  multiTests(() => ({ store, other, path: fresh() }));
  ephemeralTests(() => ({ bed, store, other, path: fresh() }));
  hintTests(() => ({ bed, store, other, path: fresh() }));
}

interface Scene {
  readonly store: CoordinationStore;
  readonly other: CoordinationStore;
  readonly path: string;
}

function nodeTests(scene: () => Scene): void {
  describe('nodes', () => {
    test('a created node is read back with version 0, no owner and a creation transaction', async () => {
      const { store, path } = scene();
      await store.create(path, bytes('one'));
      const node = await store.get(path);
      assert.equal(node?.data.toString(), 'one');
      assert.equal(node?.version, 0);
      assert.equal(node?.ephemeralOwner, 0n);
      assert.ok((node?.createdAt ?? 0n) > 0n);
      assert.equal(await store.get(`${path}-missing`), undefined);
      assert.equal(await store.children(`${path}-missing`), undefined);
      assert.ok((await store.get('/')) !== undefined);
    });

    test('missing parents are created empty and names of children come sorted', async () => {
      const { store, path } = scene();
      await store.create(`${path}/a/b`, bytes('x'));
      await Promise.all(['c', 'B', 'a'].map((name) => store.create(`${path}/a/b/${name}`, bytes(name))));
      assert.equal((await store.get(`${path}/a`))?.data.length, 0);
      assert.deepEqual(await store.children(`${path}/a/b`), ['B', 'a', 'c']);
      assert.deepEqual(await store.children(`${path}/a/b/c`), []);
    });

    test('a second create of the same persistent node is NODE_EXISTS, with the same bytes too', async () => {
      const { store, other, path } = scene();
      await store.create(path, bytes('one'));
      await rejects(other.create(path, bytes('one')), 'NODE_EXISTS');
      await rejects(store.create(path, bytes('two')), 'NODE_EXISTS');
    });

    test('set is a compare-and-set on the version, 0 included', async () => {
      const { store, other, path } = scene();
      await store.create(path, bytes('0'));
      assert.equal(await store.set(path, bytes('1'), 0), 1);
      await rejects(other.set(path, bytes('x'), 0), 'BAD_VERSION');
      assert.equal(await other.set(path, bytes('2'), ANY_VERSION), 2);
      assert.equal((await store.get(path))?.data.toString(), '2');
      await rejects(store.set(`${path}-missing`, bytes('x'), ANY_VERSION), 'NODE_MISSING');
    });

    test('an empty value stays an empty value', async () => {
      const { store, path } = scene();
      await store.create(path, Buffer.alloc(0));
      assert.equal((await store.get(path))?.data.length, 0);
      await store.set(path, Buffer.alloc(0), 0);
      assert.equal((await store.get(path))?.data.length, 0);
    });

    test('remove checks the version and refuses nodes with children', async () => {
      const { store, path } = scene();
      await store.create(`${path}/child`, bytes('x'));
      await rejects(store.remove(path, ANY_VERSION), 'NODE_NOT_EMPTY');
      await rejects(store.remove(`${path}/child`, 1), 'BAD_VERSION');
      await store.remove(`${path}/child`, 0);
      await store.remove(path, ANY_VERSION);
      await rejects(store.remove(path, ANY_VERSION), 'NODE_MISSING');
    });

    test('a recreated node starts at version 0 under a later creation transaction', async () => {
      const { store, path } = scene();
      await store.create(path, bytes('a'));
      await store.set(path, bytes('b'), 0);
      const first = await store.get(path);
      await store.remove(path, 1);
      await store.create(path, bytes('a'));
      const second = await store.get(path);
      assert.equal(second?.version, 0);
      assert.ok((second?.createdAt ?? 0n) > (first?.createdAt ?? 0n));
    });

    test('the largest allowed value is stored, one byte more is refused before the wire', async () => {
      const { store, path } = scene();
      const largest = Buffer.alloc(MAX_NODE_BYTES, 7);
      await store.create(path, largest);
      assert.ok((await store.get(path))?.data.equals(largest));
      await rejects(store.create(`${path}-x`, Buffer.alloc(MAX_NODE_BYTES + 1)), 'NODE_TOO_LARGE');
      await rejects(store.set(path, Buffer.alloc(MAX_NODE_BYTES + 1), 0), 'NODE_TOO_LARGE');
      assert.equal((await store.get(path))?.version, 0);
    });

    test('paths that are not absolute, empty or relative are refused as bugs', async () => {
      const { store } = scene();
      for (const path of ['', 'a', '/a/', '//a', '/a/../b', '/a\u0000']) {
        await rejects(
          Promise.resolve().then(() => store.get(path)),
          'INTERNAL_INVARIANT',
        );
      }
    });

    test('after sync another session sees what was written before', async () => {
      const { store, other, path } = scene();
      await store.create(path, bytes('seen'));
      await other.sync();
      assert.equal((await other.get(path))?.data.toString(), 'seen');
    });

    test('many concurrent writers of one counter lose no update', async () => {
      const { store, other, path } = scene();
      await store.create(path, bytes('0'));
      const add = async (each: CoordinationStore): Promise<void> => {
        for (;;) {
          const node = await each.get(path);
          assert.ok(node);
          const value = String(Number(node.data.toString()) + 1);
          const done = await each.set(path, bytes(value), node.version).then(
            () => true,
            () => false,
          );
          if (done) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, i) => add(i % 2 === 0 ? store : other)));
      assert.equal((await store.get(path))?.data.toString(), '20');
    });
  });
}

function multiTests(scene: () => Scene): void {
  describe('multi', () => {
    test('all operations are applied together and give the new versions', async () => {
      const { store, path } = scene();
      await store.create(`${path}/epoch`, bytes('1'));
      await store.create(`${path}/old`, bytes('x'));
      const outcome = await store.multi([
        { type: 'check', path: `${path}/epoch`, version: 0 },
        { type: 'set', path: `${path}/epoch`, data: bytes('2'), version: 0 },
        { type: 'create', path: `${path}/new`, data: bytes('n') },
        { type: 'set', path: `${path}/new`, data: bytes('m'), version: 0 },
        { type: 'remove', path: `${path}/old`, version: 0 },
      ]);
      assert.deepEqual(outcome, { applied: true, versions: [undefined, 1, 0, 1, undefined] });
      assert.deepEqual(await store.children(path), ['epoch', 'new']);
      assert.equal((await store.get(`${path}/new`))?.data.toString(), 'm');
    });

    test('a failure names its operation and its cause, and nothing is applied', async () => {
      const { store, path } = scene();
      await store.create(`${path}/a`, bytes('a'));
      await store.create(`${path}/p/c`, bytes('c'));
      const first: StoreOp = { type: 'set', path: `${path}/a`, data: bytes('changed'), version: 0 };
      const failing: readonly (readonly [StoreOp, string])[] = [
        [{ type: 'check', path: `${path}/a`, version: 7 }, 'BAD_VERSION'],
        [{ type: 'check', path: `${path}/none`, version: ANY_VERSION }, 'NODE_MISSING'],
        [{ type: 'create', path: `${path}/a`, data: bytes('x') }, 'NODE_EXISTS'],
        [{ type: 'create', path: `${path}/none/x`, data: bytes('x') }, 'NODE_MISSING'],
        [{ type: 'remove', path: `${path}/p`, version: ANY_VERSION }, 'NODE_NOT_EMPTY'],
        [{ type: 'remove', path: `${path}/none`, version: ANY_VERSION }, 'NODE_MISSING'],
      ];
      for (const [op, code] of failing) {
        const ops: StoreOp[] = [first, op, { type: 'create', path: `${path}/late`, data: bytes('x') }];
        assert.deepEqual(await store.multi(ops), { applied: false, index: 1, code });
      }
      assert.equal((await store.get(`${path}/a`))?.version, 0);
      assert.deepEqual(await store.children(path), ['a', 'p']);
    });

    test('a check of version 0 does not accept version 1 (Z1)', async () => {
      const { store, path } = scene();
      await store.create(path, bytes('0'));
      await store.set(path, bytes('1'), 0);
      const ops: StoreOp[] = [
        { type: 'check', path, version: 0 },
        { type: 'set', path, data: bytes('2'), version: ANY_VERSION },
      ];
      assert.deepEqual(await store.multi(ops), { applied: false, index: 0, code: 'BAD_VERSION' });
      const setOnly: StoreOp[] = [{ type: 'set', path, data: bytes('2'), version: 0 }];
      assert.deepEqual(await store.multi(setOnly), { applied: false, index: 0, code: 'BAD_VERSION' });
      const removeOnly: StoreOp[] = [{ type: 'remove', path, version: 0 }];
      assert.deepEqual(await store.multi(removeOnly), { applied: false, index: 0, code: 'BAD_VERSION' });
      assert.equal((await store.get(path))?.data.toString(), '1');
    });

    test('of two leaders that bump one epoch only one wins', async () => {
      const { store, other, path } = scene();
      await store.create(`${path}/epoch`, bytes('0'));
      const claim = (each: CoordinationStore, who: string) =>
        each.multi([
          { type: 'set', path: `${path}/epoch`, data: bytes(who), version: 0 },
          { type: 'create', path: `${path}/leader`, data: bytes(who), ephemeral: true },
        ]);
      const outcomes = await Promise.all([claim(store, 'a'), claim(other, 'b')]);
      assert.equal(outcomes.filter((outcome) => outcome.applied).length, 1);
      await (outcomes[0]?.applied ? store : other).remove(`${path}/leader`, ANY_VERSION);
    });

    test('a multi of nothing is applied; one that is too long or too large is refused', async () => {
      const { store, path } = scene();
      assert.deepEqual(await store.multi([]), { applied: true, versions: [] });
      const check: StoreOp = { type: 'check', path: '/', version: ANY_VERSION };
      await rejects(store.multi(Array.from({ length: MAX_MULTI_OPS + 1 }, () => check)), 'NODE_TOO_LARGE');
      const big = (i: number): StoreOp => ({ type: 'create', path: `${path}-${i}`, data: Buffer.alloc(400_000) });
      await rejects(store.multi([big(0), big(1), big(2)]), 'NODE_TOO_LARGE');
      assert.equal(await store.get(`${path}-0`), undefined);
      assert.equal((await store.multi([big(0), big(1)])).applied, true);
    });

    test('the largest allowed number of operations passes', async () => {
      const { store, path } = scene();
      await store.create(path, bytes(''));
      const ops = Array.from({ length: MAX_MULTI_OPS }, (_, i): StoreOp => {
        return { type: 'create', path: `${path}/n${i}`, data: Buffer.alloc(200) };
      });
      assert.equal((await store.multi(ops)).applied, true);
      assert.equal((await store.children(path))?.length, MAX_MULTI_OPS);
    });
  });
}
