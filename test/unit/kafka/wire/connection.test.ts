import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { BrokerConnection } from '../../../../common/kafka/wire/connection.js';
import type { ClusterConnection } from '../../../../common/model/cluster.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { FakeBroker, send } from './fake-broker.js';

const running: FakeBroker[] = [];
const opened: BrokerConnection[] = [];

afterEach(async () => {
  for (const connection of opened.splice(0)) connection.close();
  for (const broker of running.splice(0)) await broker.stop();
});

async function broker(...args: Parameters<typeof FakeBroker.start>): Promise<FakeBroker> {
  const started = await FakeBroker.start(...args);
  running.push(started);
  return started;
}

async function connect(
  port: number,
  settings: Partial<ClusterConnection> = {},
  host = '127.0.0.1',
): Promise<BrokerConnection> {
  const cluster = { name: 'c', bootstrap: [], connectTimeoutMs: 1_000, requestTimeoutMs: 1_000, ...settings };
  const options = { host, port, cluster, clientId: 'test', clock: systemClock, logger: silentLogger };
  const connection = await BrokerConnection.open(options);
  opened.push(connection);
  return connection;
}

const closed = (connection: BrokerConnection): Promise<unknown> =>
  new Promise((resolve) => connection.onClose(resolve));
const code = (expected: Parameters<typeof isCausewayError>[1]) => (error: unknown) => isCausewayError(error, expected);
/** A Metadata v1 body is echoed: version 1 has no tags in its header. */
const ask = (connection: BrokerConnection, body: Buffer | Buffer[], timeoutMs?: number): Promise<Buffer> =>
  connection.request(ApiKey.Metadata, 1, body, timeoutMs === undefined ? {} : { timeoutMs });
const echo = ({ api, body }: { api: number; body: Buffer }): Buffer | undefined =>
  api === ApiKey.Metadata ? body : undefined;

describe('requests and responses', () => {
  test('many requests in flight are answered each with its own response', async () => {
    const { port } = await broker(echo);
    const connection = await connect(port);
    const bodies = Array.from({ length: 500 }, (_, i) => Buffer.alloc(1 + i * 7, i));
    const answers = await Promise.all(bodies.map((body) => ask(connection, body)));
    assert.deepEqual(answers, bodies);
    assert.equal(connection.inFlight, 0);
  });

  test('a body in pieces arrives as one, and a large response in a buffer of its own', async () => {
    const { port } = await broker(echo);
    const connection = await connect(port);
    const large = Buffer.alloc(3_000_000, 0x5a);
    const [first, second] = await Promise.all([
      ask(connection, [Buffer.from('a'), Buffer.alloc(0), large]),
      ask(connection, Buffer.from('b')),
    ]);
    assert.ok(first.equals(Buffer.concat([Buffer.from('a'), large])));
    assert.equal(first.buffer.byteLength, 4 + first.length);
    assert.notEqual(first.buffer, second.buffer);
  });

  test('a response that trickles in byte by byte is put together', async () => {
    const fake = await broker(({ api, socket, correlationId }) => {
      if (api !== ApiKey.Metadata) return undefined;
      const bytes = Buffer.alloc(8 + 5, 9);
      bytes.writeInt32BE(9, 0);
      bytes.writeInt32BE(correlationId, 4);
      socket.setNoDelay(true);
      for (let i = 0; i < bytes.length; i += 1) setTimeout(() => socket.write(bytes.subarray(i, i + 1)), i * 2);
      return undefined;
    });
    const connection = await connect(fake.port);
    assert.deepEqual(await ask(connection, Buffer.alloc(0)), Buffer.alloc(5, 9));
  });

  test('the tagged fields of a flexible response header are passed over', async () => {
    const tags = Buffer.from('0105021122', 'hex');
    const { port } = await broker(({ api }) =>
      api === ApiKey.Metadata ? Buffer.concat([tags, Buffer.from('body')]) : undefined,
    );
    const connection = await connect(port);
    assert.equal((await connection.request(ApiKey.Metadata, 12, Buffer.alloc(0))).toString(), 'body');
  });

  test('a broker that does not know ApiVersions v3 is asked with v0', async () => {
    const fake = await broker(({ api, version }) => {
      if (api !== ApiKey.ApiVersions || version === 0) return undefined;
      return Buffer.from('002300000000', 'hex');
    });
    const connection = await connect(fake.port);
    assert.deepEqual(
      fake.requests.map((request) => request.version),
      [3, 0],
    );
    assert.equal(connection.versionOf(ApiKey.Fetch), 15);
  });

  test('names that resolve to several addresses and IPv6 hosts connect', async () => {
    const { port } = await broker(echo);
    const byName = await connect(port, {}, 'localhost');
    assert.equal((await ask(byName, Buffer.from('x'))).toString(), 'x');
    const six = await broker(echo, '::1').catch(() => undefined);
    if (six === undefined) return;
    const bySix = await connect(six.port, {}, '::1');
    assert.equal(bySix.address, `[::1]:${six.port}`);
    assert.equal((await ask(bySix, Buffer.alloc(200_000, 1))).length, 200_000);
  });
});

describe('faults', () => {
  test('a request that is not answered in time closes the connection; everything outstanding fails with it', async () => {
    const fake = await broker();
    const connection = await connect(fake.port);
    const slow = ask(connection, Buffer.alloc(1), 5_000);
    const fast = ask(connection, Buffer.alloc(1), 100);
    const reasons = await Promise.allSettled([slow, fast]);
    for (const reason of reasons)
      assert.ok(reason.status === 'rejected' && isCausewayError(reason.reason, 'REQUEST_TIMEOUT'));
    assert.equal(connection.closedError?.code, 'REQUEST_TIMEOUT');
    await assert.rejects(ask(connection, Buffer.alloc(1)), code('REQUEST_TIMEOUT'));
    for (let i = 0; i < 3_000 && fake.sockets.size > 0; i += 1) await systemClock.sleep(10);
    assert.equal(fake.sockets.size, 0);
  });

  test('answers that keep coming keep the connection, however long it lives', async () => {
    const { port } = await broker(echo);
    const connection = await connect(port);
    for (let i = 0; i < 20; i += 1) {
      await ask(connection, Buffer.alloc(1), 60);
      await systemClock.sleep(10);
    }
    assert.equal(connection.closedError, undefined);
  });

  test('a broker that goes away fails what is outstanding with CONNECTION_LOST, and listeners hear of it once', async () => {
    const fake = await broker();
    const connection = await connect(fake.port);
    let calls = 0;
    connection.onClose(() => {
      calls += 1;
    });
    const outstanding = ask(connection, Buffer.alloc(1));
    setTimeout(() => {
      for (const socket of fake.sockets) socket.end();
    }, 20);
    await assert.rejects(outstanding, code('CONNECTION_LOST'));
    connection.close();
    assert.equal(calls, 1);
    assert.ok(isCausewayError(await closed(connection), 'CONNECTION_LOST'));
  });

  test('a reset connection is CONNECTION_LOST too', async () => {
    const fake = await broker(({ api, socket }) => {
      if (api === ApiKey.Metadata) socket.resetAndDestroy();
      return undefined;
    });
    const connection = await connect(fake.port);
    await assert.rejects(ask(connection, Buffer.alloc(1)), code('CONNECTION_LOST'));
  });

  test('an impossible response size, a foreign correlation id or an answer nobody asked for is KAFKA_PROTOCOL', async () => {
    const frames = ['7fffffff', '00000003000000', '80000000', '0000000400000063'];
    for (const frame of frames) {
      const fake = await broker(({ api, socket }) => {
        if (api === ApiKey.Metadata) socket.write(Buffer.from(frame, 'hex'));
        return undefined;
      });
      const connection = await connect(fake.port);
      await assert.rejects(ask(connection, Buffer.alloc(1)), code('KAFKA_PROTOCOL'), frame);
      assert.equal(connection.closedError?.code, 'KAFKA_PROTOCOL');
    }
    const fake = await broker();
    const connection = await connect(fake.port);
    for (const socket of fake.sockets) send(socket, 1, Buffer.alloc(0));
    assert.ok(isCausewayError(await closed(connection), 'KAFKA_PROTOCOL'));
  });
});

describe('opening', () => {
  test('a refused connection is CLUSTER_UNREACHABLE with address and reason', async () => {
    const fake = await broker();
    const { port } = fake;
    await fake.stop();
    await assert.rejects(connect(port), (error) => {
      assert.ok(isCausewayError(error, 'CLUSTER_UNREACHABLE'));
      assert.equal(error.place.address, `127.0.0.1:${port}`);
      assert.match(error.message, /ECONNREFUSED/);
      return true;
    });
  });

  test('a port that stays silent is given up after the connect timeout, with TLS and without', async () => {
    const mute = await broker(() => 'silent');
    for (const settings of [{}, { tls: { insecure: true } }]) {
      const began = performance.now();
      await assert.rejects(connect(mute.port, { ...settings, connectTimeoutMs: 200 }), code('CLUSTER_UNREACHABLE'));
      // The request timeout and everything else is far longer.
      assert.ok(performance.now() - began < 5_000);
    }
  });

  test('a port that answers plain bytes in TLS is named', async () => {
    const tls = await broker(({ socket }) => {
      socket.write(Buffer.from('15030300020246', 'hex'));
      return 'silent';
    });
    await assert.rejects(connect(tls.port), (error) => code('KAFKA_PROTOCOL')(error) && /TLS/.test(String(error)));
  });

  test('a broker of which no version is common says so when the API is needed', async () => {
    const fake = await broker(({ api }) =>
      api === ApiKey.ApiVersions ? Buffer.from('0000020000000000070000000000', 'hex') : undefined,
    );
    const connection = await connect(fake.port);
    assert.equal(connection.versionOf(ApiKey.Fetch), undefined);
    assert.throws(() => connection.requireVersion(ApiKey.Fetch), code('UNSUPPORTED_BROKER'));
  });
});
