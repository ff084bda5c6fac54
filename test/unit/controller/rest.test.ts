import assert from 'node:assert/strict';
import { get } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { apiOperations } from '../../../common/api/openapi.js';
import type { StoreOp } from '../../../common/coordination/ports.js';
import { topicsPath } from '../../../common/coordination/znodes.js';
import type { ErrorCode } from '../../../common/errors/codes.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { byName } from '../../../controller/core/cluster-identity.js';
import { RuleBook } from '../../../controller/loop/rule-book.js';
import { RouteService } from '../../../controller/rest/route-service.js';
import { ControllerKit, routeOf, until } from './kit.js';

type Controller = Awaited<ReturnType<ControllerKit['controller']>>;

const JSON_TYPE = { 'content-type': 'application/json' };

describe('the REST interface', () => {
  let kit: ControllerKit;
  let controller: Controller;
  let other: Controller;

  before(async () => {
    kit = await ControllerKit.open({ routes: [routeOf('r'), routeOf('s', { source: 'north' })] });
    kit.kafka.addTopic('east', 'known', 4);
    kit.kafka.addTopic('east', 'added', 4);
    kit.kafka.addTopic('north', 'added', 4);
    kit.kafka.addTopic('west', 'added', 4);
    controller = await kit.controller();
    other = await kit.controller();
    await until(async () => (await controller.client.status()).leader !== null);
    await controller.client.addTopic('r', { topic: 'added', partitions: 2 });
  });

  after(async () => await kit.close());

  const call = (method: string, path: string, body?: string, headers: Record<string, string> = JSON_TYPE) =>
    fetch(`${controller.httpAddress}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });

  const route = '{"source":"east","target":"west"}';
  const bad: readonly (readonly [string, string, string, string | undefined, number, ErrorCode])[] = [
    ['unknown topic at the source', 'POST', '/routes/r/topics', '{"topic":"nowhere"}', 422, 'TOPIC_UNKNOWN_AT_SOURCE'],
    ['unknown route', 'POST', '/routes/nope/topics', '{"topic":"known"}', 404, 'ROUTE_UNKNOWN'],
    ['topic that exists', 'POST', '/routes/r/topics', '{"topic":"added"}', 409, 'TOPIC_EXISTS'],
    ['illegal topic name', 'POST', '/routes/r/topics', '{"topic":"a/b"}', 422, 'TOPIC_NAME_ILLEGAL'],
    ['topic name ..', 'POST', '/routes/r/topics', '{"topic":".."}', 422, 'TOPIC_NAME_ILLEGAL'],
    ['topic name too long', 'POST', '/routes/r/topics', `{"topic":"${'x'.repeat(250)}"}`, 422, 'TOPIC_NAME_ILLEGAL'],
    [
      'more partitions than the source has',
      'POST',
      '/routes/r/topics',
      '{"topic":"known","partitions":5}',
      422,
      'PARTITIONS_BEYOND_SOURCE',
    ],
    ['a target that has a source already', 'POST', '/routes/s/topics', '{"topic":"added"}', 422, 'TARGET_CONFLICT'],
    ['malformed JSON', 'POST', '/routes/r/topics', '{"topic":', 400, 'MALFORMED_JSON'],
    ['an empty body', 'POST', '/routes/r/topics', '', 400, 'MALFORMED_JSON'],
    ['a key into prototypes', 'POST', '/routes/r/topics', '{"topic":"known","__proto__":{}}', 400, 'MALFORMED_JSON'],
    ['deep nesting', 'POST', '/routes/r/topics', `${'['.repeat(40)}${']'.repeat(40)}`, 400, 'MALFORMED_JSON'],
    ['an unknown field', 'POST', '/routes/r/topics', '{"topic":"known","partition":1}', 400, 'INVALID_REQUEST'],
    [
      'partitions of the wrong type',
      'POST',
      '/routes/r/topics',
      '{"topic":"known","partitions":"2"}',
      400,
      'INVALID_REQUEST',
    ],
    ['zero partitions', 'POST', '/routes/r/topics', '{"topic":"known","partitions":0}', 400, 'INVALID_REQUEST'],
    [
      'a body beyond the limit',
      'POST',
      '/routes/r/topics',
      `{"topic":"${'x'.repeat(70_000)}"}`,
      413,
      'REQUEST_TOO_LARGE',
    ],
    ['shrinking', 'PATCH', '/routes/r/topics/added', '{"partitions":1}', 422, 'PARTITIONS_BELOW_CURRENT'],
    [
      'growing beyond the source',
      'PATCH',
      '/routes/r/topics/added',
      '{"partitions":9}',
      422,
      'PARTITIONS_BEYOND_SOURCE',
    ],
    ['an empty change', 'PATCH', '/routes/r/topics/added', '{}', 400, 'INVALID_REQUEST'],
    ['a change of an unknown topic', 'PATCH', '/routes/r/topics/known', '{"paused":true}', 404, 'TOPIC_UNKNOWN'],
    ['replacing without If-Match', 'PUT', '/routes/r/topics/added', '{"paused":true}', 428, 'PRECONDITION_REQUIRED'],
    ['deleting an unknown topic', 'DELETE', '/routes/r/topics/known', undefined, 404, 'TOPIC_UNKNOWN'],
    ['source = target', 'PUT', '/routes/x', '{"source":"east","target":"east"}', 422, 'ROUTE_INVALID'],
    ['unknown cluster', 'PUT', '/routes/x', '{"source":"east","target":"mars"}', 422, 'CLUSTER_UNKNOWN'],
    [
      'a cluster definition in a route',
      'PUT',
      '/routes/x',
      '{"source":"east","target":"west","bootstrap":["h:1"]}',
      400,
      'INVALID_REQUEST',
    ],
    ['a route name that is no identifier', 'PUT', '/routes/a.b', route, 422, 'ROUTE_INVALID'],
    [
      'exactly-once delivery into topics that others write into',
      'PUT',
      '/routes/x',
      '{"source":"east","target":"west","delivery":"exactly-once","targetTopics":{"create":true,"shared":true}}',
      422,
      'ROUTE_INVALID',
    ],
    [
      'replacing a route without If-Match',
      'PUT',
      '/routes/r',
      '{"source":"east","target":"west","start":"latest"}',
      428,
      'PRECONDITION_REQUIRED',
    ],
    ['removing a route with topics', 'DELETE', '/routes/r', undefined, 409, 'ROUTE_IN_USE'],
    ['unknown route, read', 'GET', '/routes/nope', undefined, 404, 'ROUTE_UNKNOWN'],
    ['a method that is not there', 'DELETE', '/routes', undefined, 405, 'METHOD_NOT_ALLOWED'],
    ['a path that is not there', 'GET', '/nothing', undefined, 404, 'NOT_FOUND'],
    ['a silly page', 'GET', '/routes?limit=0', undefined, 400, 'INVALID_REQUEST'],
  ];
  for (const [what, method, path, body, status, code] of bad) {
    test(`${what}: ${status} ${code}, and nothing is written`, async () => {
      const before = await snapshot();
      const response = await call(method, `/api/v1${path}`, body);
      const problem = (await response.json()) as Record<string, unknown>;
      assert.equal(response.status, status, JSON.stringify(problem));
      assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8');
      assert.equal(problem['code'], code);
      for (const field of ['type', 'title', 'status', 'detail', 'errors', 'requestId', 'retryable']) {
        assert.ok(field in problem, field);
      }
      assert.equal(problem['requestId'], response.headers.get('x-request-id'));
      assert.deepEqual(await snapshot(), before);
    });
  }

  async function snapshot(): Promise<unknown> {
    const routes = await controller.client.listRoutes();
    const topics = await Promise.all(routes.routes.map(({ name }) => controller.client.listTopics(name)));
    return { routes, topics };
  }

  test('a body that is not said to be JSON is refused: forms of web pages cannot say that', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await call('POST', '/api/v1/routes/r/topics', '{"topic":"known"}', form);
    assert.equal(response.status, 400);
  });

  test('a page of another origin cannot write, nor reach the server under another name', async () => {
    const foreign = await call('POST', '/topics', '{"topic":"known","numPartitions":1}', {
      origin: 'http://evil.example',
    });
    assert.equal(foreign.status, 403);
    const { port } = new URL(controller.httpAddress);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: `rebound.example:${port}` };
      get({ host: '127.0.0.1', port, path: '/api/v1/status', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    assert.equal(status, 403);
    assert.equal((await controller.client.listTopics('r')).topics.length, 1);
  });

  test('an unreachable source cluster: 503, retryable, nothing written', async () => {
    kit.kafka.unreachable.add('east');
    const response = await call('POST', '/api/v1/routes/r/topics', '{"topic":"known"}');
    kit.kafka.unreachable.delete('east');
    const problem = (await response.json()) as Record<string, unknown>;
    assert.deepEqual([response.status, problem['code'], problem['retryable']], [503, 'CLUSTER_UNREACHABLE', true]);
    assert.equal((await controller.client.listTopics('r')).topics.length, 1);
  });

  test('two names for one cluster are one cluster', async () => {
    kit.kafka.clusterIds.set('west', 'id-east');
    await assert.rejects(controller.client.putRoute('x', { source: 'east', target: 'west' }), (error) =>
      isCausewayError(error, 'ROUTE_INVALID'),
    );
    kit.kafka.clusterIds.delete('west');
  });

  test('a topic that would send records in circles is refused', async () => {
    await controller.client.putRoute('back', { source: 'west', target: 'east' });
    await assert.rejects(controller.client.addTopic('back', { topic: 'added' }), (error) =>
      isCausewayError(error, 'TARGET_CONFLICT'),
    );
    await controller.client.deleteRoute('back');
  });

  test('what one controller accepts, the other shows; a stale ETag is refused', async () => {
    const { client } = controller;
    const made = await client.putRoute('mine', { source: 'east', target: 'north' });
    const seen = await other.client.getRoute('mine');
    assert.equal(seen.etag, made.etag);
    await other.client.putRoute('mine', { source: 'east', target: 'north', start: 'latest' }, seen.etag);
    await assert.rejects(client.deleteRoute('mine', made.etag), (error) =>
      isCausewayError(error, 'PRECONDITION_FAILED'),
    );
    await client.deleteRoute('mine');
    const again = await client.putRoute('mine', { source: 'east', target: 'north' });
    assert.notEqual(again.etag, made.etag, 'a route made anew is another one');
    await client.deleteRoute('mine', again.etag);
  });

  test('a route that gets its first topic while it is removed stays, and the topic with it', async () => {
    const { client } = controller;
    await client.putRoute('fresh', { source: 'east', target: 'north' });
    const raced = new Proxy(kit.store, {
      get: (store, property) => {
        if (property === 'multi') {
          return async (ops: readonly StoreOp[]) => {
            await client.addTopic('fresh', { topic: 'known' });
            return await store.multi(ops);
          };
        }
        const value = Reflect.get(store, property, store) as unknown;
        return typeof value === 'function' ? value.bind(store) : value;
      },
    });
    const identities = { learn: () => Promise.resolve(byName) };
    const deps = { config: kit.config(), metadata: kit.kafka, rules: new RuleBook([]), identities };
    const routes = new RouteService({ ...deps, store: raced });
    await assert.rejects(routes.remove('fresh', { ifMatch: undefined, ifNoneMatch: undefined }), (error) =>
      isCausewayError(error, 'ROUTE_IN_USE'),
    );
    assert.equal((await client.getRoute('fresh')).value.name, 'fresh');
    assert.equal((await client.getTopic('fresh', 'known')).value.topic, 'known');
    await client.deleteTopic('fresh', 'known');
    await client.deleteRoute('fresh');
    assert.equal(await kit.store.get(topicsPath('fresh')), undefined);
  });

  test('PUT is idempotent, PATCH and DELETE honour If-Match', async () => {
    const { client } = controller;
    const made = await client.putTopic('r', 'known', { partitions: 2 });
    assert.equal((await client.putTopic('r', 'known', { partitions: 2 })).etag, made.etag);
    const changed = await client.patchTopic('r', 'known', { paused: true }, made.etag);
    assert.equal(changed.value.paused, true);
    await assert.rejects(client.patchTopic('r', 'known', { paused: false }, made.etag), (error) =>
      isCausewayError(error, 'PRECONDITION_FAILED'),
    );
    await assert.rejects(client.deleteTopic('r', 'known', made.etag), (error) =>
      isCausewayError(error, 'PRECONDITION_FAILED'),
    );
    await client.deleteTopic('r', 'known', changed.etag);
  });

  test('lists come in pages', async () => {
    const first = await controller.client.listRoutes({ limit: 1 });
    assert.equal(first.routes.length, 1);
    assert.ok(first.next !== null);
    const second = await controller.client.listRoutes({ limit: 1, cursor: first.next });
    assert.deepEqual([first.routes[0]?.name, second.routes[0]?.name, second.next], ['r', 's', null]);
  });

  test('the OpenAPI document lists every operation, and every operation answers', async () => {
    const document = (await controller.client.openapi()) as { openapi: string; paths: Record<string, object> };
    assert.equal(document.openapi, '3.1.0');
    for (const { method, path } of apiOperations()) {
      assert.ok(method in (document.paths[path] ?? {}), `${method} ${path}`);
      const real = path.replace('{route}', 'nope').replace('{topic}', 'nope');
      const response = await call(method.toUpperCase(), `/api/v1${real}`, method === 'get' ? undefined : '{}');
      const problem = (await response.json().catch(() => ({}))) as { code?: string };
      assert.ok(problem.code !== 'NOT_FOUND' && problem.code !== 'METHOD_NOT_ALLOWED', `${method} ${path}`);
    }
  });

  test('status and workers carry what the workers say; a worker that does not answer is unknown, not zero', async () => {
    const worker = await kit.worker('a');
    await until(() => worker.held.size === 2);
    const silent = (await other.client.workers()).workers[0];
    assert.deepEqual([silent?.partitions, silent?.lagRecords], [2, null]);
    await worker.serve();
    const topic = await until(async () => {
      const status = await other.client.status();
      return status.topics.find(({ lagRecords }) => lagRecords !== null);
    });
    assert.deepEqual([topic.lagRecords, topic.states, topic.workers], [14, { running: 2 }, ['a']]);
    const detail = await controller.client.describeTopic('r', 'added');
    assert.deepEqual(
      detail.partitions.map(({ worker: owner, sourceOffset }) => [owner, sourceOffset]),
      [
        ['a', '10'],
        ['a', '10'],
      ],
    );
    const why = await controller.client.why('r', 'added', 1);
    assert.deepEqual([why.verdict, why.checks.at(-1)?.evidence], ['ok', '7 records behind, at 1 records/s']);
    await assert.rejects(controller.client.why('r', 'added', -1), { code: 'INVALID_REQUEST' });
    await assert.rejects(controller.client.why('r', 'nothing', 0), { code: 'TOPIC_UNKNOWN' });
  });

  test('probes, metrics and headers', async () => {
    const ready = await fetch(`${controller.httpAddress}/readyz?verbose`);
    assert.equal(ready.status, 200);
    assert.match(await ready.text(), /\[\+\]coordination ok/);
    assert.equal(await (await fetch(`${controller.httpAddress}/livez`)).text(), 'ok\n');
    const metrics = await fetch(`${controller.httpAddress}/metrics`);
    assert.match(await metrics.text(), /causeway_leader /);
    assert.equal(metrics.headers.get('x-powered-by'), null);
    assert.equal(metrics.headers.get('x-content-type-options'), 'nosniff');
  });
});

describe('authentication', () => {
  const http = { host: '127.0.0.1', port: 0, advertised: undefined, token: 'a-token-of-some-length' };

  test('without the token everything but probes and metrics answers 401, existing or not', async () => {
    const kit = await ControllerKit.open();
    const { httpAddress, client } = await kit.controller({ http });
    try {
      await until(async () => (await client.status()).leader !== null);
      const paths = [
        '/topics',
        '/health',
        '/api/v1/status',
        '/nothing',
        '//api/v1/status',
        '/livez/',
        '/LIVEZ',
        '/metrics/x',
      ];
      for (const path of paths) {
        const response = await fetch(`${httpAddress}${path}`);
        assert.equal(response.status, 401, path);
      }
      for (const authorization of ['Bearer wrong-token-of-length', 'Basic eDp5', 'Bearer', `Bearer ${http.token}x`]) {
        const response = await fetch(`${httpAddress}/api/v1/status`, { headers: { authorization } });
        assert.equal(response.status, 401, authorization);
      }
      for (const path of ['/livez', '/readyz', '/metrics']) {
        assert.equal((await fetch(`${httpAddress}${path}`)).status, 200, path);
      }
    } finally {
      await kit.close();
    }
  });

  test('without a token it refuses to listen beyond this machine', async () => {
    const kit = await ControllerKit.open();
    try {
      const open = { ...http, host: '0.0.0.0', token: undefined };
      await assert.rejects(kit.controller({ http: open }), (error) => isCausewayError(error, 'CONFIG_INVALID'));
    } finally {
      await kit.close();
    }
  });
});
