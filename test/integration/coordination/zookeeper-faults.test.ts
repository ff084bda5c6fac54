import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import zookeeper from 'node-zookeeper-client';
import { ANY_VERSION, type CoordinationStore } from '../../../common/coordination/ports.js';
import { MAX_XID, ZkConnection } from '../../../common/coordination/zookeeper/connection.js';
import { getRequest } from '../../../common/coordination/zookeeper/jute.js';
import { MAX_IN_FLIGHT_REQUESTS } from '../../../common/coordination/zookeeper/request-window.js';
import { systemClock } from '../../../common/runtime/clock.js';
import type { Closable } from '../../../common/runtime/lifecycle.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { type ProxyPiece, TcpProxy } from '../../proxy/tcp-proxy.js';
import { bytes, eventually, rejects } from './contract.js';
import {
  MemoryLogger,
  nowMs,
  openStore,
  SHORT_SESSION_MS,
  type TestStoreOptions,
  uniqueRoot,
} from './zookeeper-kit.js';

const short = { sessionTimeoutMs: SHORT_SESSION_MS };
const XID_AT = 4;
const REPLY_ERR_AT = 16;
const EVENT_TYPE_AT = 20;
const OP = { create: 1, getData: 4, setData: 5, multi: 14 } as const;

let server: ZooKeeperHandle;
before(async () => {
  server = await startZooKeeper({ name: 'coordination-faults' });
});
after(() => server?.stop());

interface Link {
  readonly proxy: TcpProxy;
  readonly store: CoordinationStore;
  readonly logger: MemoryLogger;
}

/** A store behind a proxy of its own; everything is closed when the body ends. */
async function linked(body: (link: Link) => Promise<void>, options: Partial<TestStoreOptions> = {}): Promise<void> {
  const target = { host: '127.0.0.1', port: server.port };
  const proxy = await TcpProxy.start({ target, pieces: 'length-prefixed' });
  const logger = new MemoryLogger();
  const store = openStore({ connect: proxy.address, root: uniqueRoot(), logger, ...options });
  try {
    await body({ proxy, store, logger });
  } finally {
    proxy.intercept(undefined);
    proxy.release();
    await store.close();
    await proxy.close();
  }
}

/** In this order: a store whose proxy is gone waits for it. */
async function closeAll(...items: readonly Closable[]): Promise<void> {
  for (const item of items) await item.close();
}

const xidOf = (piece: ProxyPiece): number => piece.bytes.readInt32BE(XID_AT);
const opOf = (piece: ProxyPiece): number => piece.bytes.readInt32BE(XID_AT + 4);

/** Lets the next request of this type reach the server and cuts the link instead of passing the answer on. */
function loseAnswerOf(proxy: TcpProxy, op: number): void {
  let lost: number | undefined;
  proxy.intercept((piece) => {
    if (piece.direction === 'toServer') {
      if (lost === undefined && piece.bytes.length >= 12 && opOf(piece) === op) lost = xidOf(piece);
      return 'pass';
    }
    if (lost === undefined || xidOf(piece) !== lost) return 'pass';
    proxy.intercept(undefined);
    return 'cut';
  });
}

// Apart from the bursts below, which keep the event loop that they share busy.
describe('faults of the client library around sessions, cured or refused', { concurrency: 4 }, () => {
  linkFaults();
  leases();
});

describe('faults of the client library around requests, cured or refused', { concurrency: 2 }, () => {
  requestFaults();
  wireFaults();
  lostAnswers();
  refusals();
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
      assert.ok(noticedMs < SHORT_SESSION_MS * 0.8, `noticed after ${noticedMs} ms of ${SHORT_SESSION_MS}`);
      proxy.release();
      assert.equal((await pending)?.data.toString(), 'x', 'the read in flight was repeated on the next connection');
      assert.equal(store.session().generation, generation);
      assert.equal(store.session().state, 'connected');
    }, short);
  });

  test('Z2: a link on which only the answers stay away is noticed too', async () => {
    await linked(async ({ proxy, store }) => {
      await store.ready();
      proxy.hold('toClient');
      await eventually('disconnected', () => store.session().state === 'disconnected', SHORT_SESSION_MS);
      proxy.release();
      await store.ready();
      assert.equal(store.session().generation, 1);
    }, short);
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
      assert.ok(lostAtMs < leaseUntilMs + 300, `${lostAtMs - leaseUntilMs} ms after the lease ended`);
      proxy.release();
      assert.equal((await store.ready()).generation, 2);
    }, short);
  });

  test('Z4: whatever was asked while disconnected is answered, also when the session expires', async () => {
    await linked(
      async ({ proxy, store }) => {
        const { generation } = await store.ready();
        await store.create('/node', bytes('x'));
        proxy.refuse(true);
        proxy.cut();
        const startedAt = nowMs();
        const asked = [
          rejects(store.get('/node'), 'COORDINATION_UNAVAILABLE'),
          rejects(store.set('/node', bytes('y'), 0), 'COORDINATION_UNAVAILABLE'),
          rejects(store.multi([{ type: 'check', path: '/node', version: 0 }]), 'COORDINATION_UNAVAILABLE'),
          rejects(store.create('/live', bytes('x'), { ephemeralOf: generation }), 'COORDINATION_SESSION_LOST'),
          rejects(store.sync(), 'COORDINATION_UNAVAILABLE'),
        ];
        await Promise.all(asked);
        assert.ok(nowMs() - startedAt < 5_500, 'within the operation timeout');
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
      proxy.cut();
      await sleep(1_500);
      const attempts = proxy.accepted - before;
      assert.ok(attempts >= 2 && attempts <= 12, `${attempts} attempts in 1.5 s`);
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
    const store = openStore({ connect: `${six.address},${four.address}`, root, sessionTimeoutMs: 6_000 });
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
    assert.ok(nowMs() - closedAt < 200);
    await waiting;
    const attempts = proxy.accepted;
    await sleep(300);
    assert.equal(proxy.accepted, attempts, 'nothing dials after close');
  });
}

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
      await store.create('/x', bytes('x'));
      await eventually('a hint', () => hints > 0);
      assert.ok(changed > 0);
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
      assert.ok(session.leaseUntilMs > nowMs() + SHORT_SESSION_MS / 2);
    }, short);
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
