import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { TcpProxy } from '../../proxy/tcp-proxy.js';
import { bytes, eventually, rejects } from './contract-kit.js';
import {
  MemoryLogger,
  nowMs,
  openStore,
  SHORT_SESSION_MS,
  type TestStoreOptions,
  uniqueRoot,
} from './zookeeper-kit.js';
import { closeAll, type Link, linked as linkedTo } from './zookeeper-link.js';

const short = { sessionTimeoutMs: SHORT_SESSION_MS };

let server: ZooKeeperHandle;
before(async () => {
  server = await startZooKeeper({ name: 'coordination-sessions' });
});
after(() => server?.stop());

const linked = (body: (link: Link) => Promise<void>, options: Partial<TestStoreOptions> = {}): Promise<void> =>
  linkedTo(server, body, options);

/** The last third is to be enough for a connection on a busy machine. */
const longer = { sessionTimeoutMs: 3 * SHORT_SESSION_MS };

describe('faults of the client library around sessions, cured or refused', { concurrency: 4 }, () => {
  linkFaults();
  leases();
});

function linkFaults(): void {
  test('Z2: a link that goes silent is noticed at 2/3 of the session and the session is saved on another', async () => {
    await linked(async ({ proxy, store }) => {
      const { generation } = await store.ready();
      await store.create('/live', bytes('x'), { ephemeralOf: generation });
      await store.sync();
      proxy.hold();
      const heldAt = nowMs();
      const pending = store.get('/live');
      await eventually('disconnected', () => store.session().state === 'disconnected');
      const noticedMs = nowMs() - heldAt;
      const { sessionTimeoutMs } = store;
      assert.ok(noticedMs < sessionTimeoutMs, `noticed after ${noticedMs} ms of ${sessionTimeoutMs}`);
      proxy.release();
      assert.equal((await pending)?.data.toString(), 'x', 'the read in flight was repeated on the next connection');
      assert.equal(store.session().generation, generation);
      assert.equal(store.session().state, 'connected');
    }, longer);
  });

  test('Z2: a link on which only the answers stay away is noticed too', async () => {
    await linked(async ({ proxy, store }) => {
      await store.ready();
      proxy.hold('toClient');
      await eventually('disconnected', () => store.session().state === 'disconnected');
      proxy.release();
      await store.ready();
      assert.equal(store.session().generation, 1);
    }, longer);
  });

  test('Z3: with no server to say so the session ends by our own clock, and not before its lease', async () => {
    await linked(async ({ proxy, store }) => {
      await store.ready();
      let lostAtMs = 0;
      store.onSession(({ state }) => {
        if (state === 'lost') lostAtMs = nowMs();
      });
      proxy.hold();
      const { leaseUntilMs } = store.session();
      await eventually('lost', () => lostAtMs > 0);
      assert.ok(lostAtMs >= leaseUntilMs, 'not before the lease ended');
      proxy.release();
      assert.equal((await store.ready()).generation, 2);
    }, short);
  });

  test('Z3: a session that is over by our clock ends at the server too, though no answer of it reaches us', async (t) => {
    const root = uniqueRoot();
    const witness = openStore({ connect: server.connect, root });
    t.after(() => witness.close());
    await linked(
      async ({ proxy, store }) => {
        const { generation } = await store.ready();
        await store.create('/live', bytes('x'), { ephemeralOf: generation });
        proxy.hold('toClient');
        await eventually('lost', () => store.session().state === 'lost' || store.session().state === 'connecting');
        // Each attempt to take leave takes up the session again as far as the server knows: it would go on for as long as no answer comes.
        await eventually('the node is gone', async () => (await witness.get('/live')) === undefined);
      },
      { ...short, root },
    );
  });

  test('Z4: whatever was asked while disconnected is answered, also when the session expires', async () => {
    await linked(
      async ({ proxy, store }) => {
        const { generation } = await store.ready();
        await store.create('/node', bytes('x'));
        proxy.refuse(true);
        proxy.cut();
        const asked = [
          rejects(store.get('/node'), 'COORDINATION_UNAVAILABLE'),
          rejects(store.set('/node', bytes('y'), 0), 'COORDINATION_UNAVAILABLE'),
          rejects(store.multi([{ type: 'check', path: '/node', version: 0 }]), 'COORDINATION_UNAVAILABLE'),
          rejects(store.create('/live', bytes('x'), { ephemeralOf: generation }), 'COORDINATION_SESSION_LOST'),
          rejects(store.sync(), 'COORDINATION_UNAVAILABLE'),
        ];
        await Promise.all(asked);
        // Nothing else will ever answer: the proxy refuses until here.
        proxy.refuse(false);
        assert.equal((await store.ready()).generation, 2);
        assert.equal((await store.get('/node'))?.version, 0);
      },
      { ...short, operationTimeoutMs: 4_000 },
    );
  });

  test('Z5: 12,000 watched paths cost one reconnect, and every watcher is hinted after it', async () => {
    await linked(async ({ proxy, store }) => {
      await store.ready();
      const hinted = new Set<number>();
      for (let i = 0; i < 12_000; i += 1) {
        store.watch(`/${'a-path-as-long-as-the-names-of-topics-often-are'.repeat(2)}/${i}`, () => hinted.add(i));
      }
      await sleep(50);
      hinted.clear();
      const before = proxy.accepted;
      proxy.cut();
      await eventually('all hints', () => hinted.size === 12_000);
      await sleep(300);
      assert.equal(proxy.accepted, before + 1);
    });
  });

  test('Z5: a server that takes the session and then drops the link meets a back-off', async () => {
    await linked(async ({ proxy, store, logger }) => {
      await store.ready();
      const before = proxy.accepted;
      // Lets ConnectResponse pass and cuts at the first answer behind it.
      const greeted = new Set<number>();
      proxy.intercept(({ direction, connection }) => {
        if (direction === 'toServer') return 'pass';
        if (greeted.has(connection)) return 'cut';
        greeted.add(connection);
        return 'pass';
      });
      const cutAt = nowMs();
      proxy.cut();
      await eventually('it tries again', () => proxy.accepted >= before + 2);
      await sleep(1_500);
      const [attempts, tookMs] = [proxy.accepted - before, nowMs() - cutAt];
      assert.ok(attempts <= (8 * tookMs) / 1_000, `${attempts} attempts in ${tookMs} ms`);
      proxy.intercept(undefined);
      await store.ready();
      assert.equal(logger.count('coordination_unreachable'), 1, 'said once');
    });
  });

  test('Z11: a server that accepts and never answers the handshake is given up and tried again', async (t) => {
    const target = { host: '127.0.0.1', port: server.port };
    const proxy = await TcpProxy.start({ target });
    proxy.hold();
    const store = openStore({ connect: proxy.address, root: uniqueRoot(), ...short });
    t.after(() => closeAll(store, proxy));
    await eventually('several attempts', () => proxy.accepted >= 3);
    await rejects(store.ready(AbortSignal.timeout(10)), 'COORDINATION_UNAVAILABLE');
    proxy.release();
    assert.equal((await store.ready()).generation, 1);
  });

  test('Z12: IPv6 addresses work, and of several servers a silent one does not cost the session', async (t) => {
    const target = { host: '127.0.0.1', port: server.port };
    const six = await TcpProxy.start({ target, host: '::1' });
    const four = await TcpProxy.start({ target, host: '127.0.0.1' });
    assert.ok(six.address.startsWith('[::1]:'));
    const root = uniqueRoot();
    const alone = openStore({ connect: six.address, root });
    await alone.create('/six', bytes('x'));
    await alone.close();
    await eventually('closed', () => six.open === 0);
    const store = openStore({ connect: `${six.address},${four.address}`, root, ...longer });
    t.after(() => closeAll(store, six, four));
    await store.ready();
    const [used, spare] = six.open > 0 ? [six, four] : [four, six];
    let disconnected = false;
    store.onSession(({ state }) => {
      disconnected ||= state === 'disconnected';
    });
    used.hold();
    await eventually('disconnected', () => disconnected);
    await store.sync();
    assert.equal(store.session().generation, 1);
    assert.ok(spare.open > 0, 'served by the other');
  });

  test('an unreachable ZooKeeper is retried and said once, and close does not wait for it', async (t) => {
    const target = { host: '127.0.0.1', port: server.port };
    const proxy = await TcpProxy.start({ target });
    proxy.refuse(true);
    const logger = new MemoryLogger();
    const store = openStore({ connect: proxy.address, root: uniqueRoot(), logger });
    t.after(() => closeAll(store, proxy));
    await eventually('several attempts', () => proxy.accepted >= 4);
    assert.equal(logger.count('coordination_unreachable'), 1);
    assert.deepEqual(store.session(), { state: 'connecting', generation: 0, id: 0n, leaseUntilMs: 0 });
    const closedAt = nowMs();
    const waiting = rejects(store.ready(), 'COORDINATION_UNAVAILABLE');
    await store.close();
    assert.ok(nowMs() - closedAt < 1_800, 'it waits for nobody: an answer it would await for two seconds');
    await waiting;
    const attempts = proxy.accepted;
    await sleep(300);
    assert.equal(proxy.accepted, attempts, 'nothing dials after close');
  });
}

function leases(): void {
  test('the lease counts from when the answered request was sent, not from its answer', async () => {
    await linked(async ({ proxy, store }) => {
      await store.ready();
      proxy.delay(300, 'toClient');
      await sleep(SHORT_SESSION_MS / 2);
      const sentAt = nowMs();
      await store.sync();
      const { leaseUntilMs } = store.session();
      assert.ok(nowMs() - sentAt >= 299);
      assert.ok(leaseUntilMs <= nowMs() - 299 + store.sessionTimeoutMs, 'not from the answer');
      assert.ok(leaseUntilMs >= sentAt + store.sessionTimeoutMs - 1, 'from the request');
    }, short);
  });

  test('heartbeats move the lease on without any request of ours', async () => {
    await linked(async ({ store }) => {
      const first = await store.ready();
      await sleep(SHORT_SESSION_MS * 1.5);
      const session = store.session();
      assert.equal(session.state, 'connected');
      assert.equal(session.generation, first.generation);
      await eventually('a fresh lease', () => store.session().leaseUntilMs > nowMs() + SHORT_SESSION_MS / 2);
    }, short);
  });
}
