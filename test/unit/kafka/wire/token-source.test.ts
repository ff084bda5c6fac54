import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { readCredentials } from '../../../../common/kafka/wire/credentials.js';
import type { TokenEndpoint } from '../../../../common/model/cluster.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';

interface Asked {
  readonly authorization: string | undefined;
  readonly body: string;
}

type Answer = (response: ServerResponse, count: number) => void;

const issues =
  (expiresInS?: number): Answer =>
  (response, count) => {
    response.end(JSON.stringify({ access_token: `t${count}`, token_type: 'bearer', expires_in: expiresInS }));
  };

describe('tokens from an endpoint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-token-'));
  const asked: Asked[] = [];
  let server: Server;
  let answer: Answer;
  let nowMs = 0;
  let endpoint: TokenEndpoint;
  const clock: Clock = { ...systemClock, after: systemClock.after, monotonicMs: () => nowMs };

  before(async () => {
    server = createServer((request: IncomingMessage, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        asked.push({ authorization: request.headers.authorization, body });
        answer(response, asked.length);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  beforeEach(() => {
    const { port } = server.address() as { port: number };
    const url = `http://127.0.0.1:${port}/token`;
    endpoint = { url, clientId: 'the client', clientSecret: 'se:cret', scope: 'kafka read' };
    answer = issues(100);
  });

  afterEach(() => {
    asked.length = 0;
  });

  const read = async (timeoutMs = 2_000) => {
    const context = { cluster: 'c', timeoutMs, clock };
    const credentials = await readCredentials({ mechanism: 'oauthbearer', tokenEndpoint: endpoint }, context);
    assert.ok(credentials.mechanism === 'oauthbearer');
    return credentials;
  };
  const fails = (pattern: RegExp, timeoutMs?: number) =>
    assert.rejects(read(timeoutMs), (error) => {
      assert.ok(isCausewayError(error, 'KAFKA_AUTH_FAILED'));
      assert.match(error.message, pattern);
      assert.ok(!error.message.includes('se:cret'));
      return true;
    });

  test('the client’s credentials are sent form-encoded in Basic, with grant type and scope', async () => {
    assert.equal((await read()).token, 't1');
    const encoded = asked[0]?.authorization?.replace('Basic ', '') ?? '';
    assert.equal(Buffer.from(encoded, 'base64').toString(), 'the+client:se%3Acret');
    assert.equal(asked[0]?.body, 'grant_type=client_credentials&scope=kafka+read');
  });

  test('a token is kept for 80 % of its life, and fetched once for all who ask at the same time', async () => {
    const all = await Promise.all([read(), read(), read()]);
    assert.deepEqual(
      all.map(({ token }) => token),
      ['t1', 't1', 't1'],
    );
    nowMs += 79_000;
    assert.equal((await read()).token, 't1');
    nowMs += 2_000;
    assert.equal((await read()).token, 't2');
  });

  test('a refused token is not offered again, and one without expires_in serves one login', async () => {
    (await read()).refused?.();
    assert.equal((await read()).token, 't2');
    endpoint = { ...endpoint };
    answer = issues();
    await read();
    assert.equal((await read()).token, 't4');
  });

  test('the secret’s file is read for each token', async () => {
    const { clientSecret: _, ...rest } = endpoint;
    const file = join(folder, 'secret');
    endpoint = { ...rest, clientSecretFile: file };
    await fails(/client secret file cannot be read/);
    writeFileSync(file, 'rotated\n');
    await read();
    const encoded = asked[0]?.authorization?.replace('Basic ', '') ?? '';
    assert.equal(Buffer.from(encoded, 'base64').toString(), 'the+client:rotated');
  });

  test('refusals, redirects, nonsense, floods and silence are KAFKA_AUTH_FAILED without the secret', async () => {
    answer = (response) => {
      response.statusCode = 401;
      response.end('{"error":"invalid_client","error_description":"no such\\nclient"}');
    };
    await fails(/status 401 \(invalid_client: no such client\)/);
    answer = (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    await fails(/status 302/);
    answer = (response) => response.end('<html>');
    await fails(/not a JSON object/);
    answer = (response) => response.end('{"access_token":"a b\\u0001c"}');
    await fails(/no access_token/);
    answer = (response) => response.end(Buffer.alloc(300 * 1024, 0x20));
    await fails(/larger than/);
    answer = () => undefined;
    endpoint = { ...endpoint };
    await fails(/no answer within 100 ms/, 100);
    endpoint = { ...endpoint, url: 'http://127.0.0.1:1/token' };
    await fails(/ECONNREFUSED/);
  });
});
