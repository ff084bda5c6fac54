import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { METADATA } from '../../../../common/kafka/wire/apis/metadata.js';
import { call } from '../../../../common/kafka/wire/call.js';
import { BrokerConnection } from '../../../../common/kafka/wire/connection.js';
import { throttleMs } from '../../../../common/kafka/wire/throttle.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { type FakeAnswer, FakeBroker } from './fake-broker.js';
import { GOLDEN_RESPONSES } from './golden-responses.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function connected(answer: FakeAnswer): Promise<{ connection: BrokerConnection; throttles: number[] }> {
  const broker = await FakeBroker.start(answer);
  cleanups.push(() => broker.stop());
  const throttles: number[] = [];
  const connection = await BrokerConnection.open({
    host: '127.0.0.1',
    port: broker.port,
    cluster: { name: 'c', bootstrap: [], connectTimeoutMs: 1_000, requestTimeoutMs: 1_000 },
    clientId: 'test',
    clock: systemClock,
    logger: silentLogger,
    onThrottle: (ms) => throttles.push(ms),
  });
  cleanups.push(() => connection.close());
  return { connection, throttles };
}

/** A Metadata v12 answer that says the connection is throttled. */
function throttled(ms: number): Buffer {
  const body = Buffer.from(GOLDEN_RESPONSES['MetadataResponse']?.[12] ?? '', 'hex');
  body.writeInt32BE(ms, 0);
  return Buffer.concat([Buffer.of(0), body]);
}

describe('a broker that throttles (KIP-219)', () => {
  test('is sent the next request only when it reads again', async () => {
    const { connection, throttles } = await connected(({ api }) =>
      api === ApiKey.Metadata ? throttled(250) : undefined,
    );
    await call(connection, METADATA, { topics: [] });
    assert.ok(connection.throttledMs > 200);
    const beganMs = systemClock.monotonicMs();
    await call(connection, METADATA, { topics: [] });
    assert.ok(systemClock.monotonicMs() - beganMs >= 240, 'waited');
    assert.deepEqual(throttles, [250, 250]);
  });

  test('is given as much more time for what was sent before it said so', async () => {
    let asked = 0;
    const { connection } = await connected(({ api, socket, correlationId }) => {
      if (api !== ApiKey.Metadata) return undefined;
      asked += 1;
      if (asked === 1) return throttled(400);
      // Muted: it reads the second request when the throttle is over.
      setTimeout(() => {
        const body = throttled(0);
        const head = Buffer.alloc(8);
        head.writeInt32BE(4 + body.length, 0);
        head.writeInt32BE(correlationId, 4);
        socket.write(Buffer.concat([head, body]));
      }, 400);
      return 'silent';
    });
    const first = call(connection, METADATA, { topics: [] }, { timeoutMs: 200 });
    const second = call(connection, METADATA, { topics: [] }, { timeoutMs: 200 });
    await Promise.all([first, second]);
    assert.equal(connection.closedError, undefined);
  });

  test('does not hold up a caller whose connection ends meanwhile', async () => {
    const { connection } = await connected(({ api }) => (api === ApiKey.Metadata ? throttled(60_000) : undefined));
    await call(connection, METADATA, { topics: [] });
    const waiting = call(connection, METADATA, { topics: [] });
    connection.close();
    await assert.rejects(waiting, (error) => isCausewayError(error, 'CONNECTION_LOST'));
  });

  test('of a version that waits before it answers is not waited for a second time; nobody is silenced for ever', () => {
    assert.equal(throttleMs(ApiKey.Fetch, 7, { throttleTimeMs: 100 }), 0);
    assert.equal(throttleMs(ApiKey.Fetch, 8, { throttleTimeMs: 100 }), 100);
    assert.equal(throttleMs(ApiKey.Produce, 9, { throttleTimeMs: 2 ** 31 - 1 }), 300_000);
    assert.equal(throttleMs(ApiKey.Metadata, 12, { throttleTimeMs: -5 }), 0);
  });
});
