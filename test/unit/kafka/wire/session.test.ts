import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCausewayError } from '../../../../common/errors/error.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { BrokerConnection } from '../../../../common/kafka/wire/connection.js';
import { SaslSession, sessionLost } from '../../../../common/kafka/wire/session.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';
import type { SaslSettings } from '../../../../common/model/cluster.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { ManualClock } from '../../worker/manual-clock.js';
import { FakeBroker, send } from './fake-broker.js';

/** Renewed after 1.2 s; from 1.35 s on requests wait. */
const LIFETIME_MS = 1_500;

const bytes = (writer: Writer): Buffer => Buffer.concat(writer.toBuffers());

function handshaken(): Buffer {
  const body = new Writer(false).int16(0);
  return bytes(body.array(['PLAIN'], (mechanism) => body.string(mechanism)));
}

function authenticated(errorCode: number, lifetimeMs: number): Buffer {
  const body = new Writer(true).int16(errorCode).nullableString(null).bytes(Buffer.alloc(0));
  // Response header v1 ends with tags.
  return Buffer.concat([Buffer.from([0]), bytes(body.int64(BigInt(lifetimeMs)).tags())]);
}

describe('a SASL session (KIP-368)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-session-'));
  let fake: FakeBroker;
  let connection: BrokerConnection;

  afterEach(async () => {
    connection.close();
    await fake.stop();
  });

  const connect = async (
    sasl: SaslSettings,
    codes: readonly number[] = [],
    delayMs = 0,
    lifetimeMs = LIFETIME_MS,
  ): Promise<void> => {
    let logins = 0;
    fake = await FakeBroker.start(({ api, body, socket, correlationId }) => {
      if (api === ApiKey.Metadata) return body;
      if (api === ApiKey.SaslHandshake) return handshaken();
      if (api !== ApiKey.SaslAuthenticate) return undefined;
      const answer = authenticated(codes[logins++] ?? 0, lifetimeMs);
      setTimeout(() => send(socket, correlationId, answer), logins > 1 ? delayMs : 0);
      return 'silent';
    });
    const cluster = { name: 'c', bootstrap: [], connectTimeoutMs: 1_000, requestTimeoutMs: 1_000, sasl };
    const place = { host: '127.0.0.1', port: fake.port };
    const options = { ...place, cluster, clientId: 't', clock: systemClock, logger: silentLogger };
    connection = await BrokerConnection.open(options);
  };

  const ask = (n: number): Promise<Buffer> => {
    const body = Buffer.alloc(4);
    body.writeInt32BE(n);
    return connection.request(ApiKey.Metadata, 1, body);
  };
  const authenticates = (): number => fake.requests.filter(({ api }) => api === ApiKey.SaslAuthenticate).length;
  const password = { mechanism: 'plain', username: 'u', password: 'p' } as const;

  test('is renewed under pipelined requests: none fails, all keep their order, none comes between the login’s', async () => {
    await connect(password, [], 50);
    const answers: Promise<Buffer>[] = [];
    const untilMs = performance.now() + 3_000;
    while (performance.now() < untilMs) {
      for (let i = 0; i < 5; i += 1) answers.push(ask(answers.length));
      await sleep(2);
    }
    const got = (await Promise.all(answers)).map((body) => body.readInt32BE(0));
    assert.ok(got.every((n, i) => n === i));
    assert.ok(authenticates() >= 3);
    const sent = fake.requests.filter(({ api }) => api === ApiKey.Metadata).map(({ body }) => body.readInt32BE(0));
    assert.ok(sent.every((n, i) => n === i));
    for (const [i, { api }] of fake.requests.entries())
      if (api === ApiKey.SaslHandshake) assert.equal(fake.requests[i + 1]?.api, ApiKey.SaslAuthenticate);
  });

  test('an idle connection’s is renewed before its next request, even after its end', async () => {
    await connect(password);
    await sleep(LIFETIME_MS + 100);
    assert.equal(authenticates(), 1);
    assert.equal((await ask(7)).readInt32BE(0), 7);
    const order = fake.requests.slice(-3).map(({ api }) => api);
    assert.deepEqual(order, [ApiKey.SaslHandshake, ApiKey.SaslAuthenticate, ApiKey.Metadata]);
  });

  test('a refused renewal closes the connection, and what waited fails with the reason', async () => {
    await connect(password, [0, 58]);
    await sleep(LIFETIME_MS);
    const refused = (error: unknown) => isCausewayError(error, 'KAFKA_AUTH_FAILED') && /renewed/.test(error.message);
    await Promise.all([assert.rejects(ask(1), refused), assert.rejects(ask(2), refused)]);
    assert.ok(refused(connection.closedError));
  });

  test('a password file that is away for a moment delays the renewal, not the requests', async () => {
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 'first\n');
    // Long enough for what happens between its renewal's time and the time from which requests wait.
    const lifetimeMs = 3 * LIFETIME_MS;
    await connect({ mechanism: 'plain', username: 'u', passwordFile }, [], 0, lifetimeMs);
    await sleep(lifetimeMs * 0.81);
    renameSync(passwordFile, `${passwordFile}.old`);
    await ask(1);
    await sleep(30);
    assert.equal(authenticates(), 1);
    writeFileSync(passwordFile, 'second\n');
    await sleep(lifetimeMs * 0.1);
    assert.equal((await ask(2)).readInt32BE(0), 2);
    const last = fake.requests.findLast(({ api }) => api === ApiKey.SaslAuthenticate);
    assert.match(last?.body.toString() ?? '', /second/);
    rmSync(folder, { recursive: true });
  });
});

test('credentials that are away hold requests up only when a long session is about to end', () => {
  const HOUR_MS = 3_600_000;
  const clock = new ManualClock();
  const session = new SaslSession({
    clock,
    logger: silentLogger,
    place: { cluster: 'c', address: 'a:1' },
    credentials: () => Promise.reject(new Error('the issuer is away')),
    login: () => Promise.resolve(HOUR_MS),
    onLost: () => undefined,
  });
  const isHeld = (): boolean =>
    session.holds(
      () => undefined,
      () => undefined,
    );
  session.begin(HOUR_MS);
  clock.pass(HOUR_MS * 0.95);
  assert.equal(isHeld(), false);
  clock.pass(HOUR_MS * 0.05 - 5_000);
  assert.equal(isHeld(), true);
  session.close(sessionLost({ cluster: 'c', address: 'a:1' }, new Error('over')));
});
