import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import zookeeper from 'node-zookeeper-client';
import { ANY_VERSION } from '../../../common/coordination/ports.js';
import { MAX_XID, ZkConnection } from '../../../common/coordination/zookeeper/connection.js';
import { getRequest } from '../../../common/coordination/zookeeper/jute.js';
import { MAX_IN_FLIGHT_REQUESTS } from '../../../common/coordination/zookeeper/request-window.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { TcpProxy } from '../../proxy/tcp-proxy.js';
import { bytes, eventually, rejects } from './contract-kit.js';
import { MemoryLogger, openStore, SHORT_SESSION_MS, type TestStoreOptions, uniqueRoot } from './zookeeper-kit.js';
import {
  closeAll,
  type Link,
  linked as linkedTo,
  loseAnswerOf,
  OP,
  opOf,
  REPLY_ERR_AT,
  XID_AT,
  xidOf,
} from './zookeeper-link.js';

const EVENT_TYPE_AT = 20;

let server: ZooKeeperHandle;
before(async () => {
  server = await startZooKeeper({ name: 'coordination-requests' });
});
after(() => server?.stop());

const linked = (body: (link: Link) => Promise<void>, options: Partial<TestStoreOptions> = {}): Promise<void> =>
  linkedTo(server, body, options);

describe('faults of the client library around requests, cured or refused', { concurrency: 2 }, () => {
  requestFaults();
  wireFaults();
  lostAnswers();
  refusals();
});

function requestFaults(): void {
  test('Z1: in a transaction version 0 means 0, on nodes at version 1', async () => {
    await linked(async ({ store }) => {
      await store.create('/epoch', bytes('0'));
      await store.set('/epoch', bytes('1'), 0);
      const outcome = await store.multi([
        { type: 'check', path: '/epoch', version: 0 },
        { type: 'set', path: '/epoch', data: bytes('2'), version: 0 },
      ]);
      assert.deepEqual(outcome, { applied: false, index: 0, code: 'BAD_VERSION' });
      assert.equal((await store.get('/epoch'))?.data.toString(), '1');
    });
  });

  test('Z6: after a reconnect credentials go before everything that was asked meanwhile', async () => {
    const auth = { scheme: 'digest', credential: 'fleet:secret' } as const;
    const root = uniqueRoot();
    await linked(
      async ({ proxy, store }) => {
        await store.create('/own', bytes('x'));
        for (let round = 0; round < 3; round += 1) {
          proxy.cut();
          const asked = Array.from({ length: 50 }, () => store.get('/own'));
          assert.equal((await Promise.all(asked)).filter((node) => node === undefined).length, 0);
        }
        await store.set('/own', bytes('y'), 0);
        const stranger = openStore({ connect: server.connect, root });
        await rejects(stranger.get('/own'), 'COORDINATION_AUTH_FAILED');
        await rejects(stranger.set('/own', bytes('z'), ANY_VERSION), 'COORDINATION_AUTH_FAILED');
        await rejects(stranger.create('/theirs', bytes('z')), 'COORDINATION_AUTH_FAILED');
        await stranger.close();
      },
      { auth, root },
    );
  });

  test('Z7: request numbers start again before they leave 31 bits', async (t) => {
    const xids: number[] = [];
    const target = { host: '127.0.0.1', port: server.port };
    const proxy = await TcpProxy.start({ target, pieces: 'length-prefixed' });
    t.after(() => proxy.close());
    proxy.intercept((piece) => {
      if (piece.direction === 'toServer' && piece.bytes.length >= 12 && opOf(piece) === OP.getData)
        xids.push(xidOf(piece));
      return 'pass';
    });
    const up = deferred();
    const nothing = (): void => undefined;
    const connection = new ZkConnection(
      {
        servers: [{ host: '127.0.0.1', port: proxy.port }],
        sessionTimeoutMs: SHORT_SESSION_MS,
        auth: undefined,
        clock: systemClock,
        random: systemRandom,
        heartbeatPath: '/',
        firstXid: MAX_XID - 5,
      },
      { up: up.resolve, down: nothing, leaseEnded: nothing, over: nothing, changed: nothing },
    );
    t.after(() => connection.destroy());
    connection.start();
    await up.promise;
    for (let i = 0; i < 20; i += 1) {
      const reply = await connection.send(getRequest('/zookeeper'));
      assert.ok(reply.kind === 'answer' && reply.err === 0);
    }
    assert.ok(xids.includes(MAX_XID) && xids.includes(1) && xids.every((xid) => xid > 0 && xid <= MAX_XID));
  });

  test('Z8: nodes without data, as other clients write them, read as empty', async () => {
    const root = uniqueRoot();
    await linked(
      async ({ store }) => {
        await store.ready();
        const stock = zookeeper.createClient(server.connect);
        stock.connect();
        await new Promise<void>((resolve, reject) => {
          stock.create(`${root}/null`, (error) => (error ? reject(error) : resolve()));
        });
        stock.close();
        assert.equal((await store.get('/null'))?.data.length, 0);
        await store.set('/null', Buffer.alloc(0), 0);
        assert.equal((await store.get('/null'))?.version, 1);
      },
      { root },
    );
  });

  test('Z9: what would not fit the wire is refused, and the connection stays', async () => {
    await linked(async ({ proxy, store }) => {
      await store.ready();
      const before = proxy.accepted;
      await rejects(store.create('/big', Buffer.alloc(1_048_576)), 'NODE_TOO_LARGE');
      const op = (i: number) => ({ type: 'create', path: `/n${i}`, data: Buffer.alloc(100_000) }) as const;
      await rejects(store.multi(Array.from({ length: 11 }, (_, i) => op(i))), 'NODE_TOO_LARGE');
      assert.equal((await store.multi(Array.from({ length: 9 }, (_, i) => op(i)))).applied, true);
      // Many short operations: paths and headers count too.
      const longPath = `/${'p'.repeat(900)}`;
      const checks = Array.from({ length: 1_000 }, () => ({ type: 'check', path: longPath, version: 0 }) as const);
      await store.create(longPath, bytes(''));
      assert.equal((await store.multi(checks)).applied, true);
      assert.equal(proxy.accepted, before);
      assert.equal(store.session().state, 'connected');
    });
  });

  test('Z13: a burst of 10,000 requests keeps at most 500 on the wire and every one is answered', async () => {
    await linked(
      async ({ proxy, store }) => {
        await store.create('/node', Buffer.alloc(1_000));
        let onWire = 0;
        let peak = 0;
        proxy.intercept(({ direction }) => {
          onWire += direction === 'toServer' ? 1 : -1;
          peak = Math.max(peak, onWire);
          return 'pass';
        });
        const nodes = await Promise.all(Array.from({ length: 10_000 }, () => store.get('/node')));
        assert.ok(nodes.every((node) => node?.data.length === 1_000));
        // The heartbeat is not one of them.
        assert.ok(peak <= MAX_IN_FLIGHT_REQUESTS + 1 && peak > 100, `${peak} on the wire`);
      },
      { operationTimeoutMs: 30_000, sessionTimeoutMs: 30_000 },
    );
  });
}

function wireFaults(): void {
  test('Z10: unknown kinds of notification are hints like any other', async () => {
    await linked(async ({ proxy, store }) => {
      await store.ready();
      await sleep(50);
      let changed = 0;
      proxy.intercept((piece) => {
        if (piece.direction === 'toServer' || xidOf(piece) !== -1) return 'pass';
        const bytes = Buffer.from(piece.bytes);
        bytes.writeInt32BE(99, EVENT_TYPE_AT);
        changed += 1;
        return bytes;
      });
      let hints = 0;
      store.watch('/x', () => hints++);
      // A watch may call once when it begins.
      await store.sync();
      await sleep(30);
      hints = 0;
      await store.create('/x', bytes('x'));
      await eventually('a hint', () => hints > 0 && changed > 0);
      assert.equal(proxy.accepted, 1, 'the connection stayed');
    });
  });

  test('Z10: unknown error codes fail their request and nothing else', async () => {
    await linked(async ({ proxy, store }) => {
      await store.create('/x', bytes('x'));
      let spoiled = false;
      proxy.intercept((piece) => {
        if (piece.direction === 'toServer' || xidOf(piece) < 0 || spoiled) return 'pass';
        spoiled = true;
        const bytes = Buffer.from(piece.bytes);
        bytes.writeInt32BE(-127, REPLY_ERR_AT);
        return bytes;
      });
      await rejects(store.get('/x'), 'COORDINATION_UNAVAILABLE');
      assert.equal((await store.get('/x'))?.data.toString(), 'x');
      assert.equal(proxy.accepted, 1, 'the connection stayed');
    });
  });

  test('Z10: an answer that was not asked for ends the connection, not the process, and reads are repeated', async () => {
    await linked(async ({ proxy, store }) => {
      await store.create('/x', bytes('x'));
      const spoil = (change: (reply: Buffer) => Buffer): void => {
        let spoiled = false;
        proxy.intercept((piece) => {
          if (piece.direction === 'toServer' || xidOf(piece) < 0 || spoiled) return 'pass';
          spoiled = true;
          return change(Buffer.from(piece.bytes));
        });
      };
      const wrongNumber = (reply: Buffer): Buffer => {
        reply.writeInt32BE(123_456, XID_AT);
        return reply;
      };
      const cutShort = (reply: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 18]), reply.subarray(4, 22)]);
      const impossibleLength = (): Buffer => Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]);
      for (const change of [wrongNumber, cutShort, impossibleLength]) {
        spoil(change);
        assert.equal((await store.get('/x'))?.data.toString(), 'x');
        assert.equal(store.session().generation, 1);
      }
    });
  });

  test('half an answer of a cut connection does not spoil the next one', async () => {
    await linked(async ({ proxy, store }) => {
      await store.create('/x', Buffer.alloc(50_000, 1));
      let halved = false;
      proxy.intercept((piece) => {
        if (piece.direction === 'toServer' || piece.bytes.length < 50_000 || halved) return 'pass';
        halved = true;
        setTimeout(() => proxy.cut(), 20);
        return piece.bytes.subarray(0, 20_000);
      });
      assert.equal((await store.get('/x'))?.data.length, 50_000);
      assert.ok(halved);
    });
  });
}

function lostAnswers(): void {
  test('a create whose answer was lost is found to be ours', async () => {
    await linked(async ({ proxy, store }) => {
      const { generation, id } = await store.ready();
      loseAnswerOf(proxy, OP.create);
      await store.create('/persistent', bytes('x'));
      assert.equal((await store.get('/persistent'))?.version, 0);
      loseAnswerOf(proxy, OP.create);
      await store.create('/ephemeral', bytes('x'), { ephemeralOf: generation });
      assert.equal((await store.get('/ephemeral'))?.ephemeralOwner, id);
      assert.equal(proxy.accepted, 3);
    });
  });

  test('a create that was lost on its way is done again; one that another was faster with is NODE_EXISTS', async () => {
    const root = uniqueRoot();
    await linked(
      async ({ proxy, store }) => {
        await store.ready();
        const other = openStore({ connect: server.connect, root });
        await other.ready();
        let theirs: Promise<void> | undefined;
        const loseRequest = (meanwhile: () => Promise<void>): void => {
          proxy.intercept((piece) => {
            if (piece.direction === 'toClient' || piece.bytes.length < 12 || opOf(piece) !== OP.create) return 'pass';
            proxy.intercept(undefined);
            proxy.refuse(true);
            theirs = meanwhile().finally(() => proxy.refuse(false));
            return 'cut';
          });
        };
        loseRequest(async () => undefined);
        await store.create('/again', bytes('x'));
        assert.equal((await store.get('/again'))?.data.toString(), 'x');
        loseRequest(() => other.create('/faster', bytes('theirs')));
        await rejects(store.create('/faster', bytes('ours')), 'NODE_EXISTS');
        await theirs;
        assert.equal((await store.get('/faster'))?.data.toString(), 'theirs');
        await other.close();
      },
      { root },
    );
  });

  test('a set, remove or multi whose answer was lost is not repeated and says that the outcome is unknown', async () => {
    await linked(async ({ proxy, store }) => {
      await store.create('/x', bytes('0'));
      loseAnswerOf(proxy, OP.setData);
      await rejects(store.set('/x', bytes('1'), 0), 'COORDINATION_UNAVAILABLE');
      assert.equal((await store.get('/x'))?.version, 1, 'applied once');
      loseAnswerOf(proxy, OP.multi);
      await rejects(
        store.multi([{ type: 'set', path: '/x', data: bytes('2'), version: ANY_VERSION }]),
        'COORDINATION_UNAVAILABLE',
      );
      assert.equal((await store.get('/x'))?.version, 2, 'applied once');
    });
  });
}

function refusals(): void {
  const auth = { scheme: 'digest', credential: 'fleet:secret' } as const;

  test('credentials that the server refuses are COORDINATION_AUTH_FAILED at once, said once, and tried again', async (t) => {
    const target = { host: '127.0.0.1', port: server.port };
    const proxy = await TcpProxy.start({ target, pieces: 'length-prefixed' });
    const XID_AUTH = -4;
    proxy.intercept((piece) => {
      if (piece.direction === 'toServer' || xidOf(piece) !== XID_AUTH) return 'pass';
      const reply = Buffer.from(piece.bytes);
      reply.writeInt32BE(-115, REPLY_ERR_AT);
      return reply;
    });
    const logger = new MemoryLogger();
    const store = openStore({ connect: proxy.address, root: uniqueRoot(), logger, auth });
    t.after(() => closeAll(store, proxy));
    await rejects(store.get('/x'), 'COORDINATION_AUTH_FAILED');
    await rejects(store.create('/x', bytes('x')), 'COORDINATION_AUTH_FAILED');
    proxy.intercept(undefined);
    assert.equal((await store.ready()).generation, 1);
    await store.create('/x', bytes('x'));
    assert.equal(logger.count('coordination_refused'), 1);
    assert.equal(logger.count('coordination_acl_open'), 0);
  });

  test('a root that may not be created is COORDINATION_AUTH_FAILED, not a wait without end', async () => {
    const root = uniqueRoot();
    await linked(
      async ({ store }) => {
        await store.create('/closed', bytes(''));
        const logger = new MemoryLogger();
        const stranger = openStore({ connect: server.connect, root: `${root}/closed/inner`, logger });
        await rejects(stranger.get('/x'), 'COORDINATION_AUTH_FAILED');
        await rejects(stranger.ready(AbortSignal.timeout(200)), 'COORDINATION_UNAVAILABLE');
        assert.equal(stranger.session().state, 'connecting');
        assert.equal(logger.count('coordination_refused'), 1);
        assert.equal(logger.count('coordination_acl_open'), 1);
        await stranger.close();
      },
      { auth, root },
    );
  });

  test('a path behind the servers goes before the root, and the slash alone may be the root', async (t) => {
    const chroot = uniqueRoot();
    const store = openStore({ connect: `${server.connect}${chroot}`, root: '/inner' });
    t.after(() => store.close());
    await store.create('/x', bytes('x'));
    const slash = openStore({ connect: server.connect, root: '/' });
    t.after(() => slash.close());
    assert.equal((await slash.get(`${chroot}/inner/x`))?.data.toString(), 'x');
    let hints = 0;
    await slash.ready();
    await sleep(50);
    slash.watch(chroot, () => hints++);
    await store.set('/x', bytes('y'), 0);
    await eventually('a hint', () => hints > 0);
  });
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
