import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreSession } from '../../../common/coordination/ports.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { bytes, eventually, rejects } from './contract-kit.js';
import { expireSession, MemoryLogger, nowMs, openStore, SHORT_SESSION_MS, uniqueRoot } from './zookeeper-kit.js';

/** Longer than a restart of the server takes. */
const LONG_SESSION_MS = 30_000;

const short = { sessionTimeoutMs: SHORT_SESSION_MS };

describe('a ZooKeeper that is paused, killed, restarted or expires us', () => {
  let server: ZooKeeperHandle;
  before(async () => {
    server = await startZooKeeper({ name: 'coordination-server' });
  });
  after(() => server?.stop());

  test('Z2, Z3: while the server is paused the session is first disconnected, then lost; afterwards a new one follows', async (t) => {
    const logger = new MemoryLogger();
    const store = openStore({ connect: server.connect, root: uniqueRoot(), ...short, logger });
    t.after(() => store.close());
    const seen: StoreSession[] = [];
    const first = await store.ready();
    await store.create('/live', bytes('x'), { ephemeralOf: first.generation });
    store.onSession((session) => seen.push(session));
    server.pause();
    await eventually('lost', () => store.session().state === 'lost');
    const { leaseUntilMs } = store.session();
    assert.ok(nowMs() >= leaseUntilMs);
    await rejects(store.create('/live', bytes('x'), { ephemeralOf: 1 }), 'COORDINATION_SESSION_LOST');
    server.resume();
    const second = await store.ready();
    assert.deepEqual(
      seen.map(({ state, generation }) => `${state} ${generation}`),
      ['disconnected 1', 'lost 1', 'connected 2'],
    );
    // Gone or going, as the port says: a server that wakes up late may answer the farewell to the old session after the new one began.
    await eventually('the old session’s node is gone', async () => (await store.get('/live')) === undefined);
    await store.create('/live', bytes('y'), { ephemeralOf: second.generation });
    assert.equal(logger.count('coordination_unreachable'), 1);
    assert.equal(logger.count('coordination_session_lost'), 1);
  });

  test('Z3: a process that slept past its lease reads `lost`, whatever its sockets hold', async (t) => {
    const store = openStore({ connect: server.connect, root: uniqueRoot(), ...short });
    t.after(() => store.close());
    const { leaseUntilMs } = await store.ready();
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(sleeper, 0, 0, leaseUntilMs - nowMs() + 500);
    assert.equal(store.session().state, 'lost');
    assert.equal((await store.ready()).generation, 2);
  });

  test('a short pause costs nothing: same session, same nodes', async (t) => {
    const store = openStore({ connect: server.connect, root: uniqueRoot(), sessionTimeoutMs: LONG_SESSION_MS });
    t.after(() => store.close());
    const { generation } = await store.ready();
    await store.create('/live', bytes('x'), { ephemeralOf: generation });
    server.pause();
    const read = store.get('/live');
    await sleep(400);
    server.resume();
    assert.equal((await read)?.data.toString(), 'x');
    assert.equal(store.session().generation, 1);
  });

  test('a server killed and restarted within the session keeps it, its nodes and our watches', async (t) => {
    const store = openStore({
      connect: server.connect,
      root: uniqueRoot(),
      sessionTimeoutMs: LONG_SESSION_MS,
      operationTimeoutMs: LONG_SESSION_MS,
    });
    t.after(() => store.close());
    const first = await store.ready();
    await store.create('/live', bytes('x'), { ephemeralOf: first.generation });
    await server.kill();
    await eventually('disconnected', () => store.session().state === 'disconnected');
    const read = store.get('/live');
    await server.start();
    assert.equal((await read)?.ephemeralOwner, first.id);
    assert.equal((await store.ready()).generation, 1);
    await sleep(50);
    let hints = 0;
    store.watch('/live', () => hints++);
    await store.set('/live', bytes('y'), 0);
    await eventually('a hint', () => hints > 0);
  });

  test('a server that comes back after the session’s end does not keep the old session’s nodes', async (t) => {
    const store = openStore({ connect: server.connect, root: uniqueRoot(), ...short });
    t.after(() => store.close());
    await store.ready();
    await store.create('/live', bytes('x'), { ephemeralOf: 1 });
    await server.kill();
    await eventually('lost', () => store.session().state === 'lost');
    // It starts with full session timeouts: without being told, it would keep the node for another one.
    await server.start();
    assert.equal((await store.ready()).generation, 2);
    assert.equal(await store.get('/live'), undefined);
  });

  test('Z4: what was asked under a session that the server expires is answered', async (t) => {
    const store = openStore({ connect: server.connect, root: uniqueRoot() });
    t.after(() => store.close());
    await store.ready();
    await store.create('/x', bytes('x'));
    await expireSession(server.connect, store);
    const asked = await Promise.allSettled([
      store.get('/x'),
      store.sync(),
      store.create('/late', bytes('x'), { ephemeralOf: 1 }),
    ]);
    assert.deepEqual(
      asked.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    );
    assert.equal(store.session().generation, 2);
  });
});
