import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ANY_VERSION,
  type CoordinationStore,
  type StoreOp,
  type StoreSession,
} from '../../../common/coordination/ports.js';
import { bytes, type ContractBed, eventually, rejects } from './contract-kit.js';

interface SessionScene {
  readonly bed: ContractBed;
  readonly store: CoordinationStore;
  readonly other: CoordinationStore;
  readonly path: string;
}

export function ephemeralTests(scene: () => SessionScene): void {
  describe('sessions and ephemeral nodes', () => {
    test('a connected session has generation 1, an id and a lease in the future', () => {
      const { store, other } = scene();
      const session = store.session();
      assert.equal(session.state, 'connected');
      assert.equal(session.generation, 1);
      assert.notEqual(session.id, 0n);
      assert.notEqual(session.id, other.session().id);
      const nowMs = Number(process.hrtime.bigint()) / 1e6;
      assert.ok(session.leaseUntilMs > nowMs);
      assert.ok(session.leaseUntilMs <= nowMs + store.sessionTimeoutMs);
    });

    test('an ephemeral node belongs to its session and goes at once when the store is closed', async () => {
      const { bed, store, other, path } = scene();
      const third = bed.open();
      const { generation, id } = await third.ready();
      await third.create(path, bytes('live'), { ephemeralOf: generation });
      assert.equal((await other.get(path))?.ephemeralOwner, id);
      await third.close();
      const closedAt = performance.now();
      await other.sync();
      assert.equal(await other.get(path), undefined);
      assert.ok(
        performance.now() - closedAt < store.sessionTimeoutMs,
        'long before the session would have ended by itself',
      );
      await rejects(third.get(path), 'COORDINATION_UNAVAILABLE');
      await rejects(third.create(path, bytes('x')), 'COORDINATION_UNAVAILABLE');
      assert.equal(third.session().state, 'lost');
      await third.close();
    });

    test('NODE_EXISTS for an ephemeral node means that another session has it', async () => {
      const { store, other, path } = scene();
      const { generation } = store.session();
      await store.create(path, bytes('mine'), { ephemeralOf: generation });
      await rejects(other.create(path, bytes('mine'), { ephemeralOf: other.session().generation }), 'NODE_EXISTS');
      await store.create(path, bytes('mine'), { ephemeralOf: generation });
      await rejects(store.create(path, bytes('other bytes'), { ephemeralOf: generation }), 'NODE_EXISTS');
      await store.remove(path, ANY_VERSION);
    });

    test('an ephemeral node of a session that never was or is over is refused', async () => {
      const { store, path } = scene();
      const next = store.session().generation + 1;
      await rejects(store.create(path, bytes('x'), { ephemeralOf: next }), 'COORDINATION_SESSION_LOST');
      const op: StoreOp = { type: 'create', path, data: bytes('x'), ephemeral: true };
      await rejects(store.multi([op], { ephemeralOf: next }), 'COORDINATION_SESSION_LOST');
      assert.equal(await store.get(path), undefined);
    });

    test('an expired session takes its ephemeral nodes along; the next generation follows by itself', async () => {
      const { bed, other, path } = scene();
      const third = bed.open();
      const seen: StoreSession[] = [];
      const first = await third.ready();
      third.onSession((session) => seen.push(session));
      await third.create(`${path}/live`, bytes('x'), { ephemeralOf: first.generation });
      await bed.expire(third);
      await eventually('the node is gone', async () => (await other.get(`${path}/live`)) === undefined);
      await eventually('the next session', () => third.session().generation === first.generation + 1);
      const session = await third.ready();
      assert.notEqual(session.id, first.id);
      assert.deepEqual(
        seen.filter(({ state }) => state !== 'disconnected').map(({ state, generation }) => `${state} ${generation}`),
        ['lost 1', 'connected 2'],
      );
      await rejects(third.create(`${path}/late`, bytes('x'), { ephemeralOf: 1 }), 'COORDINATION_SESSION_LOST');
      await third.create(`${path}/live`, bytes('y'), { ephemeralOf: 2 });
      await third.close();
    });

    test('ready ends when its signal does', async () => {
      const { store } = scene();
      const session = await store.ready(AbortSignal.abort());
      assert.equal(session.state, 'connected', 'a connected store is ready whatever the signal says');
    });
  });
}

export function hintTests(scene: () => SessionScene): void {
  describe('hints', () => {
    test('creation, change and removal at or below a path are hinted to every session, and nothing else', async () => {
      const { store, other, path } = scene();
      const hints = { at: 0, beside: 0 };
      const stop = [other.watch(path, () => hints.at++), other.watch(`${path}x`, () => hints.beside++)];
      // A watch may call once when it begins, and does so before it tells of what comes later.
      await store.create(`${path}x`, bytes('beside'));
      await eventually('it watches', () => hints.beside > 0);
      await other.sync();
      await new Promise((resolve) => setTimeout(resolve, 100));
      hints.beside = 0;
      const hinted = async (change: Promise<unknown>, what: string): Promise<void> => {
        const before = hints.at;
        await change;
        await eventually(what, () => hints.at > before);
        await new Promise((resolve) => setTimeout(resolve, 30));
      };
      await hinted(store.create(path, bytes('a')), 'created');
      await hinted(store.set(path, bytes('b'), 0), 'changed');
      await hinted(store.create(`${path}/deep/er`, bytes('c')), 'created below');
      await hinted(store.set(`${path}/deep/er`, bytes('d'), 0), 'changed below');
      await hinted(store.remove(`${path}/deep/er`, 1), 'removed below');
      assert.equal(hints.beside, 0);
      for (const each of stop) each();
      const before = hints.at;
      await store.set(path, bytes('c'), 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(hints.at, before, 'no hint after the watch was taken back');
    });

    test('a burst of changes is coalesced', async () => {
      const { store, other, path } = scene();
      await store.create(path, bytes(''));
      let hints = 0;
      const stop = other.watch(path, () => hints++);
      const ops = Array.from({ length: 500 }, (_, i): StoreOp => {
        return { type: 'create', path: `${path}/n${i}`, data: bytes('') };
      });
      await store.multi(ops);
      await eventually('a hint', () => hints > 0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.ok(hints < 50, `${hints} hints for 500 changes`);
      stop();
    });

    test('a hint that throws harms neither the store nor other watchers', async () => {
      const { store, path } = scene();
      let hints = 0;
      const stop = [
        store.watch(path, () => {
          throw new Error('a watcher’s own fault');
        }),
        store.watch(path, () => hints++),
      ];
      await store.create(path, bytes('x'));
      await eventually('the other watcher’s hint', () => hints > 0);
      assert.equal(store.session().state, 'connected');
      for (const each of stop) each();
    });

    test('after a new session every watcher is hinted', async () => {
      const { bed, path } = scene();
      const third = bed.open();
      await third.ready();
      let hints = 0;
      third.watch(path, () => hints++);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const before = hints;
      await bed.expire(third);
      await eventually('a hint', () => hints > before);
      await third.close();
    });
  });
}
