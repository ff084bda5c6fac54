import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ControllerKit, routeOf, until } from './kit.js';

/* uReplicator's paths beside its topics: what its tools send, and what they cut out of the replies (scenario S5 among them). */

describe('uReplicator’s paths of instances, partitions, balancing and progress', () => {
  let kit: ControllerKit;
  let address: string;

  const send = async (method: string, path: string): Promise<[number, string]> => {
    const response = await fetch(`${address}${path}`, { method });
    return [response.status, await response.text()];
  };
  const read = async (path: string): Promise<unknown> => JSON.parse((await send('GET', path))[1]);
  const held = (worker: string): number => kit.workers.get(worker)?.held.size ?? 0;

  before(async () => {
    kit = await ControllerKit.open({ routes: [routeOf('r')] });
    kit.kafka.addTopic('east', 'test', 8);
    const controller = await kit.controller();
    address = controller.httpAddress;
    await until(async () => (await controller.client.status()).leader !== null);
    for (const id of ['w0', 'w1']) await (await kit.worker(id)).serve();
    await controller.client.addTopic('r', { topic: 'test' });
    await kit.balanced(8);
  });

  after(async () => await kit.close());

  test('GET /blacklist, POST /blacklist (S5): a partition stops, stays so, and comes back; the exact words of every refusal', async () => {
    assert.deepEqual(await send('GET', '/blacklist'), [200, '{"blacklist":[]}']);
    assert.deepEqual(await send('POST', '/blacklist?topic=test&partition=3&opt=blacklist'), [200, 'OK']);
    assert.deepEqual(await send('GET', '/blacklist'), [200, '{"blacklist":[{"partition":3,"topic":"test"}]}']);
    await until(() => held('w0') + held('w1') === 7);
    assert.deepEqual(await send('POST', '/instances'), [200, 'Cluster is rebalanced\n']);
    assert.equal(held('w0') + held('w1'), 7);
    const refusals: [string, string][] = [
      ['topic=test&partition=3', 'Parameter topic, partition and opt are required.'],
      ['', 'Parameter topic, partition and opt are required.'],
      ['topic=test&partition=3&opt=ban', 'Invalid parameter opt'],
      ['topic=test&partition=x&opt=blacklist', 'Parameter partition should be Integer'],
      ['topic=none&partition=3&opt=blacklist', 'Topic none, partition 3 not exists in current route.'],
      ['topic=test&partition=8&opt=blacklist', 'Topic test, partition 8 not exists in current route.'],
      ['topic=test&partition=-1&opt=blacklist', 'Topic test, partition -1 not exists in current route.'],
      ['topic=test&partition=3&opt=blacklist', 'Topic test, partition 3 already set OFFLINE'],
      ['topic=test&partition=4&opt=whitelist', 'Topic test, partition 4 already set ONLINE'],
    ];
    for (const [query, text] of refusals)
      assert.deepEqual(await send('POST', `/blacklist?${query}`), [400, text], query);
    assert.deepEqual(await send('POST', '/blacklist?topic=test&partition=3&opt=whitelist'), [200, 'OK']);
    await kit.balanced(8);
  });

  test('GET /instances and /instances/{w}: partitions with their load, who is blacklisted, who lives', async () => {
    const all = (await read('/instances')) as Record<'instances', Record<string, string[]>>;
    assert.deepEqual(Object.keys(all.instances).sort(), ['w0', 'w1']);
    assert.match(all.instances['w0']?.[0] ?? '', /^test\.\d:\d+$/);
    assert.match(all.instances['w0']?.at(-1) ?? '', /^TOTALWORKLOAD\.4:\d+$/);
    assert.deepEqual(await read('/instances/nobody'), { instances: {}, blacklisted: [], allInstances: ['w0', 'w1'] });
    const { instances } = (await read('/instances/w1')) as typeof all;
    assert.deepEqual(Object.keys(instances), ['w1']);
  });

  test('DELETE and POST /instances/{w}: it gives everything to others, and takes its share again', async () => {
    assert.deepEqual(await send('DELETE', '/instances'), [200, 'Instance name is required to blacklist']);
    assert.deepEqual(await send('DELETE', '/instances/w1'), [200, 'Instance w1 is blacklisted']);
    await until(() => held('w1') === 0 && held('w0') === 8);
    assert.deepEqual(((await read('/instances')) as { blacklisted: string[] }).blacklisted, ['w1']);
    assert.deepEqual(await send('POST', '/instances/w1'), [200, 'Instance w1 is whitelisted']);
    await kit.balanced(8);
  });

  test('/admin: auto-balancing off is a freeze; workloadinfo; whatever it does not know', async () => {
    assert.deepEqual(await read('/admin/autobalancing_status'), { auto_balancing: true });
    assert.deepEqual(await send('POST', '/admin/disable_autobalancing'), [
      200,
      '{"opt":"disable_autobalancing","auto_balancing":false}',
    ]);
    assert.deepEqual(await read('/admin/autobalancing_status'), { auto_balancing: false });
    assert.deepEqual(await send('POST', '/admin/enable_autobalancing'), [
      200,
      '{"opt":"enable_autobalancing","auto_balancing":true}',
    ]);
    assert.deepEqual(await send('GET', '/admin/other'), [200, '{"opt":"No valid input!"}']);
    assert.deepEqual(await send('POST', '/admin/other'), [200, '{"opt":"No valid input!"}']);
    const info = (await read('/admin/workloadinfo')) as Record<string, unknown> & {
      topicWorkload: { partitions: number };
      workerInstances: { workerId: string; numberOfTopicPartitions: number }[];
    };
    assert.equal(info['autoBalancingEnabled'], true);
    assert.equal(info['numOfLaggingWorkers'], 0);
    assert.equal(typeof info['numOfExpectedWorkers'], 'number');
    assert.equal(info.topicWorkload.partitions, 8);
    assert.deepEqual(
      info.workerInstances.map(({ workerId, numberOfTopicPartitions }) => [workerId, numberOfTopicPartitions]),
      [
        ['w0', 4],
        ['w1', 4],
      ],
    );
  });

  test('GET /noprogress, /offset and /offset/{t}/{p}', async () => {
    assert.deepEqual(await send('GET', '/noprogress'), [200, '{}']);
    const [status, offsets] = await until(async () => {
      const answer = await send('GET', '/offset');
      return answer[1].split(',').length === 8 && answer;
    });
    assert.equal(status, 200);
    assert.match(offsets, /^\{test-0=7, .*test-7=7\}$/);
    assert.deepEqual(await send('GET', '/offset/test/3'), [200, '7']);
    assert.equal((await send('GET', '/offset/test/x'))[0], 500);
    assert.equal((await send('GET', '/offset/test/99'))[0], 404);
    const worker = kit.workers.get('w0');
    const stuck = worker?.keys()[0];
    assert.ok(worker !== undefined && stuck !== undefined);
    const partition = Number(stuck.slice('r/test-'.length));
    worker.says = (item) =>
      item.partition === partition
        ? { state: 'stalled', stall: { code: 'thread-silent', message: '', since: '' } }
        : {};
    await until(async () => (await send('GET', '/noprogress'))[1] !== '{}');
    const listed = { topic: 'test', partition, idealWorker: 'w0', actualWorker: 'w0' };
    assert.deepEqual(await read('/noprogress'), { topics: [listed] });
    worker.says = () => ({});
  });

  test('GET /validation and /validation/srcKafka: ordered beside reported, and mirrored beside the source (S7, S8)', async () => {
    const clean = {
      numTopics: 1,
      numTopicPartitions: 8,
      numOnlineTopicPartitions: 8,
      numOfflineTopicPartitions: 0,
      numErrorTopicPartitions: 0,
      numErrorTopics: 0,
      IdealState: { w0: 4, w1: 4 },
      ExternalView: { w0: 4, w1: 4 },
    };
    assert.deepEqual(await read('/validation'), clean);
    assert.deepEqual(await read('/validation/anything'), clean);
    const none = { numMissingTopics: 0, numMismatchedTopics: 0, numMismatchedTopicPartitions: 0 };
    assert.deepEqual(await read('/validation/srcKafka'), { ...none, mismatchedTopicPartitions: {} });
    kit.kafka.deleteTopic('east', 'test');
    assert.deepEqual(await read('/validation/srcKafka'), {
      ...none,
      numMissingTopics: 1,
      mismatchedTopicPartitions: {},
    });
  });
});
