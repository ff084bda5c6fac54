import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ControllerKit, routeOf, until } from './kit.js';

/* Scenarios S1, S2 and S9 of uReplicator's own test-suite. */

async function open(routes = [routeOf('r')]) {
  const kit = await ControllerKit.open({ routes });
  const controller = await kit.controller(routes.length > 1 ? { legacyRoute: 'r' } : {});
  await until(async () => (await controller.client.status()).leader !== null);
  const send = async (method: string, path: string, body?: string): Promise<[number, string]> => {
    // Plain `curl -d`: a form by its content type.
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await fetch(`${controller.httpAddress}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    return [response.status, await response.text()];
  };
  return { kit, send, client: controller.client, url: controller.httpAddress };
}

describe('uReplicator scenarios', () => {
  test('S9: the exact replies of GET, POST, PUT and DELETE /topics', async () => {
    const { kit, send } = await open([routeOf('r'), routeOf('s', { source: 'north' })]);
    try {
      for (const topic of ['test', 'looked-up']) kit.kafka.addTopic('east', topic, 8);
      const worker = await kit.worker('w0');
      assert.deepEqual(await send('GET', '/topics'), [200, 'No topic is added in MirrorMaker Controller!']);
      assert.deepEqual(await send('GET', '/topics/test'), [
        404,
        'Failed to get ExternalView for topic: test, it is not existed!',
      ]);
      assert.deepEqual(await send('DELETE', '/topics/test'), [404, 'Failed to delete not existed topic: test']);
      assert.deepEqual(await send('PUT', '/topics', '{"topic":"test","numPartitions":"2"}'), [
        404,
        'Failed to expand topic, topic: test is not existed!',
      ]);
      assert.deepEqual(await send('POST', '/topics', '{"topic":"test","numPartitions":"1"}'), [
        200,
        'Successfully add new topic: {topic: test, partition: 1, pipeline: null}',
      ]);
      assert.deepEqual(await send('POST', '/topics/ignored', '{"topic":"test","numPartitions":1}'), [
        404,
        'Failed to add new topic: test, it is already existed!',
      ]);
      assert.deepEqual(await send('GET', '/topics'), [200, 'Current serving topics: [test]']);
      assert.deepEqual(await send('GET', '/topics/'), [200, 'Current serving topics: [test]']);
      await until(() => worker.held.size === 1);
      assert.deepEqual(await send('PUT', '/topics/', '{"topic":"test","numPartitions":"8"}'), [
        200,
        'Successfully expand topic: {topic: test, partition: 8, pipeline: null}',
      ]);
      assert.deepEqual(await send('POST', '/topics/looked-up'), [
        200,
        'Successfully add new topic: {topic: looked-up, partition: 8, pipeline: null}',
      ]);
      assert.deepEqual(await send('POST', '/topics/absent'), [
        400,
        "Failed to add new topic: absent, it's not exsited in source kafka cluster!",
      ]);
      assert.deepEqual(await send('GET', '/topics'), [200, 'Current serving topics: [looked-up, test]']);
      assert.equal((await send('POST', '/topics', '{"topic":'))[0], 500);
      assert.equal((await send('PUT', '/topics', '{"topic":"test"}'))[0], 500);
      const shrunk = await send('PUT', '/topics', '{"topic":"test","numPartitions":"3"}');
      assert.equal(shrunk[0], 400);
      assert.match(shrunk[1], /^Failed to expand topic, with exception: 3 partitions are fewer than the 8/);
      await until(() => worker.held.size === 16);
      assert.deepEqual(await send('DELETE', '/topics/test'), [200, 'Successfully finished delete topic: test']);
      assert.deepEqual(await send('GET', '/topics'), [200, 'Current serving topics: [looked-up]']);
      assert.deepEqual(await send('GET', '/health'), [200, 'OK\n']);
    } finally {
      await kit.close();
    }
  });

  test('a wrong method on any of its paths is 405 with those that are right; under /admin whatever is not known is 200', async () => {
    const { kit, url } = await open();
    try {
      const wrong: [string, string, string][] = [
        ['DELETE', '/topics', 'GET, POST, PUT'],
        ['DELETE', '/topics/', 'GET, POST, PUT'],
        ['PATCH', '/topics/test', 'GET, POST, PUT, DELETE'],
        ['PUT', '/health', 'GET'],
        ['PUT', '/instances', 'GET, POST, DELETE'],
        ['PUT', '/instances/w1', 'GET, POST, DELETE'],
        ['DELETE', '/blacklist', 'GET, POST'],
        ['POST', '/noprogress', 'GET'],
        ['POST', '/offset', 'GET'],
        ['DELETE', '/offset/test/0', 'GET'],
        ['POST', '/validation', 'GET'],
        ['POST', '/validation/srcKafka', 'GET'],
        ['POST', '/validation/anything', 'GET'],
        ['PUT', '/admin/autobalancing_status', 'GET, POST'],
        ['DELETE', '/admin/workloadinfo', 'GET, POST'],
        ['PUT', '/admin/disable_autobalancing', 'GET, POST'],
        ['PUT', '/admin/enable_autobalancing', 'GET, POST'],
        ['DELETE', '/admin/other', 'GET, POST'],
      ];
      for (const [method, path, allowed] of wrong) {
        const response = await fetch(`${url}${path}`, { method });
        assert.deepEqual([response.status, response.headers.get('allow')], [405, allowed], `${method} ${path}`);
      }
      for (const [method, path] of [
        ['GET', '/admin/disable_autobalancing'],
        ['GET', '/admin/enable_autobalancing'],
        ['POST', '/admin/autobalancing_status'],
        ['POST', '/admin/workloadinfo'],
      ]) {
        const response = await fetch(`${url}${path}`, { method: method as string });
        const answer = [response.status, await response.text()];
        assert.deepEqual(answer, [200, '{"opt":"No valid input!"}'], `${method} ${path}`);
      }
      assert.equal((await fetch(`${url}/topics`, { method: 'HEAD' })).status, 200);
      assert.equal((await fetch(`${url}/unknown`)).status, 404);
      const { auto_balancing: balances } = (await (await fetch(`${url}/admin/autobalancing_status`)).json()) as {
        auto_balancing: boolean;
      };
      assert.equal(balances, true, 'nothing was ordered by any of them');
    } finally {
      await kit.close();
    }
  });

  test('S9: GET /topics/{topic} is the view T1', async () => {
    const { kit, send } = await open();
    try {
      kit.kafka.addTopic('east', 'test', 2);
      const worker = await kit.worker('w0');
      await send('POST', '/topics/test', '{"topic":"test","numPartitions":"2"}');
      await until(() => worker.held.size === 2);
      const view = await until(async () => {
        const [status, text] = await send('GET', '/topics/test');
        assert.equal(status, 200);
        const parsed = JSON.parse(text) as { externalView: object };
        return Object.keys(parsed.externalView).length === 2 && parsed;
      });
      const online = { '0': { w0: 'ONLINE' }, '1': { w0: 'ONLINE' } };
      assert.deepEqual(view, {
        topic: 'test',
        externalView: online,
        idealState: online,
        serverToPartitionMapping: { w0: { '0': 'ONLINE', '1': 'ONLINE' } },
        serverToNumPartitionsMapping: { w0: 2 },
      });
    } finally {
      await kit.close();
    }
  });

  test('S2: the topic first, then one worker gets all, a second one half', async () => {
    const { kit, send } = await open();
    try {
      kit.kafka.addTopic('east', 'test', 7);
      await send('POST', '/topics/test');
      const first = await kit.worker('w0');
      await until(() => first.held.size === 7);
      await kit.worker('w1');
      await kit.balanced(7);
    } finally {
      await kit.close();
    }
  });

  test('S1: empty, three workers, six, expansion, rolling restart, three killed, all back', async () => {
    const { kit, send, client } = await open();
    try {
      const topics = ['t0', 't1', 't2', 't3', 't4'];
      for (const topic of topics) {
        kit.kafka.addTopic('east', topic, 16);
        await send('POST', '/topics', `{"topic":"${topic}","numPartitions":"8"}`);
      }
      assert.deepEqual((await client.assignment()).workers, []);
      for (const id of ['w0', 'w1', 'w2']) await kit.worker(id);
      await kit.balanced(40);
      for (const id of ['w3', 'w4', 'w5']) await kit.worker(id);
      await kit.balanced(40);
      for (const topic of topics) await send('PUT', '/topics', `{"topic":"${topic}","numPartitions":"16"}`);
      await kit.balanced(80);
      for (const id of ['w0', 'w1', 'w2']) {
        await kit.workers.get(id)?.leave();
        await until(() => kit.workers.get(id)?.held.size === 0);
        await kit.workers.get(id)?.die();
        await kit.worker(id);
        await kit.balanced(80);
      }
      for (const id of ['w3', 'w4', 'w5']) {
        await kit.workers.get(id)?.die();
        kit.workers.delete(id);
        await kit.balanced(80);
      }
      for (const id of ['w3', 'w4', 'w5']) await kit.worker(id);
      await kit.balanced(80);
      const keys = Object.values(kit.held()).flat();
      assert.equal(new Set(keys).size, 80, 'every partition once');
    } finally {
      await kit.close();
    }
  });
});
