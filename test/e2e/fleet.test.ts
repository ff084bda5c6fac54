import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { ClusterComparison } from '../audit/compare-clusters.js';
import { isClean } from '../audit/report.js';
import { ALL_SHAPES, shapeNamed, type TopicShape } from '../audit/shapes.js';
import { addPartitions } from '../audit/topics.js';
import { waitUntil } from '../bed/wait.js';
import { type DemoBed, startDemoBed } from '../demo/demo-bed.js';
import { Fleet, ROUTE } from '../demo/fleet.js';
import { killLeader, killWorker } from '../demo/mayhem.js';
import { observeWorker, observeWorkers } from '../demo/observe.js';
import { addTopics, clientOf, reignOf } from '../demo/rest.js';
import { Traffic } from './traffic.js';

/** A topic of the given shape under a name of the test's own. */
const like = (shape: string, topic: string, changes: Partial<TopicShape> = {}): TopicShape => ({
  ...shapeNamed(shape),
  topic,
  ...changes,
});

function assertNothingLost(result: ClusterComparison): void {
  const { missing, duplicated, reordered, different, phantom } = result;
  assert.ok(
    isClean(result, { allowDuplicates: false }),
    JSON.stringify({ missing, duplicated, reordered, different, phantom }),
  );
  assert.ok(result.records > 0);
  assert.equal(result.ledger.lost + result.ledger.altered + result.ledger.abortedButVisible, 0);
}

describe('a fleet on real clusters', { timeout: 280_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-e2e-'));
  let failed = false;
  let bed: DemoBed;
  let fleet: Fleet;
  const traffics: Traffic[] = [];

  const traffic = async (shapes: readonly TopicShape[], recordsPerS?: number): Promise<Traffic> => {
    const started = await Traffic.start(bed, fleet, shapes, recordsPerS);
    traffics.push(started);
    return started;
  };
  const held = async (worker: string): Promise<number> =>
    (await observeWorkers(fleet)).filter((partition) => partition.worker === worker && partition.state !== 'draining')
      .length;
  /** Also while it drains. @throws when a worker does not answer */
  const isHeld = async (topic: string): Promise<boolean> =>
    (await Promise.all(fleet.running('worker').map(observeWorker))).flat().some((held) => held.topic === topic);
  const end = async (from: Traffic, topic: string, partition = 0): Promise<number> =>
    (await from.targetEnds.read()).get(partitionKey(topic, partition)) ?? 0;
  /** Runs the body and remembers a failure, so that the logs stay. */
  const proves = (title: string, body: () => Promise<void>): void => {
    test(title, async () => {
      try {
        await body();
      } catch (error) {
        failed = true;
        throw error;
      }
    });
  };

  before(async () => {
    bed = await startDemoBed();
    fleet = new Fleet({
      ...{ folder, source: bed.source, target: bed.target, zooKeeperConnect: bed.zooKeeper.connect },
      route: { delivery: 'exactly-once' },
    });
    const processes = [
      await fleet.start('controller', 'controller-1'),
      await fleet.start('controller', 'controller-2'),
      await fleet.start('worker', 'worker-1'),
    ];
    await Promise.all(processes.map((process) => process.ready()));
  });

  after(async () => {
    for (const each of traffics) await each.close();
    await fleet?.kill();
    await bed?.stop();
    if (failed) process.stderr.write(`logs of the processes: ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  });

  proves('topics added over REST are copied completely and identically, whatever their shape', async () => {
    const live = await traffic(ALL_SHAPES, 8_000);
    await waitUntil('some is there already', () => live.load.written > 8_000);
    await addTopics(fleet, ROUTE, live.topics);
    // One in twenty or so is aborted.
    await waitUntil('enough is written', () => live.load.written > 24_000);
    const result = await live.finish();
    assertNothingLost(result);
    assert.ok(result.records > 20_000, `only ${result.records} records`);
  });

  proves('requests that cannot be met are refused with their code, and change nothing', async () => {
    const client = clientOf(fleet);
    const before = await client.listTopics(ROUTE);
    await assert.rejects(client.addTopic(ROUTE, { topic: 'nowhere' }), { code: 'TOPIC_UNKNOWN_AT_SOURCE' });
    await assert.rejects(client.addTopic(ROUTE, { topic: 'bad name' }), { code: 'TOPIC_NAME_ILLEGAL' });
    await assert.rejects(client.addTopic(ROUTE, { topic: 'orders' }), { code: 'TOPIC_EXISTS' });
    await assert.rejects(client.addTopic('no-such-route', { topic: 'orders' }), { code: 'ROUTE_UNKNOWN' });
    await assert.rejects(client.patchTopic(ROUTE, 'orders', { partitions: 1 }), { code: 'PARTITIONS_BELOW_CURRENT' });
    await assert.rejects(client.putTopic(ROUTE, 'orders', { partitions: 1 }), { code: 'PRECONDITION_REQUIRED' });
    await assert.rejects(client.getTopic(ROUTE, 'nowhere'), { code: 'TOPIC_UNKNOWN' });
    const [controller] = fleet.running('controller');
    const url = `${controller?.url}/api/v1/routes/${ROUTE}/topics`;
    const malformed = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"topic":',
    });
    assert.equal(malformed.status, 400);
    assert.equal(((await malformed.json()) as { code: string }).code, 'MALFORMED_JSON');
    assert.deepEqual(await client.listTopics(ROUTE), before);
  });

  proves(
    'a removed topic is not copied any more, and copying goes on where it stopped when it is added again',
    async () => {
      const live = await traffic([like('orders', 'comes-and-goes', { partitions: 2 })], 1_000);
      const client = clientOf(fleet);
      await client.addTopic(ROUTE, { topic: 'comes-and-goes' });
      await waitUntil('it is copied', async () => (await end(live, 'comes-and-goes')) > 0, { timeoutMs: 20_000 });
      // Workers tell what they hold once in a while: else they might not have told of it yet.
      await waitUntil('it is told who copies it', () => isHeld('comes-and-goes'));
      await client.deleteTopic(ROUTE, 'comes-and-goes');
      await waitUntil('nobody copies it', async () => !(await isHeld('comes-and-goes')));
      const stoppedAt = await end(live, 'comes-and-goes');
      await sleep(1_500);
      assert.equal(await end(live, 'comes-and-goes'), stoppedAt);
      await client.addTopic(ROUTE, { topic: 'comes-and-goes' });
      await waitUntil('it is copied again', async () => (await end(live, 'comes-and-goes')) > stoppedAt, {
        timeoutMs: 20_000,
      });
      assertNothingLost(await live.finish());
    },
  );

  proves('new partitions are copied from their beginning, at the source’s wish or at the operator’s', async () => {
    const grows = like('payments', 'grows', { partitions: 4 });
    const live = await traffic([like('orders', 'half', { partitions: 4 })], 800);
    const client = clientOf(fleet);
    await client.addTopic(ROUTE, { topic: 'half', partitions: 2 });
    await waitUntil('the first half is copied', async () => (await end(live, 'half', 1)) > 0, { timeoutMs: 20_000 });
    assert.equal(await end(live, 'half', 3), 0);
    await client.patchTopic(ROUTE, 'half', { partitions: 4 });
    await waitUntil('the rest is copied', async () => (await end(live, 'half', 3)) > 0, { timeoutMs: 20_000 });
    assertNothingLost(await live.finish());

    const small = await traffic([{ ...grows, partitions: 1 }], 300);
    await client.addTopic(ROUTE, { topic: 'grows' });
    await small.load.stop();
    await addPartitions(bed.source.bootstrapServers, 'grows', 4);
    const large = Traffic.over(bed, fleet, [grows], 800);
    traffics.push(large);
    await waitUntil('the added partitions are copied', async () => (await end(large, 'grows', 3)) > 0, {
      timeoutMs: 20_000,
    });
    assertNothingLost(await large.finish());
  });

  proves('a worker that joins gets its fair share; nothing is lost, repeated or out of order', async () => {
    const live = await traffic([
      like('clicks', 'fair', { partitions: 12 }),
      like('archive', 'fair-too', { partitions: 6 }),
    ]);
    await addTopics(fleet, ROUTE, live.topics);
    await waitUntil('all are copied', async () => (await live.lag()) !== undefined, { timeoutMs: 20_000 });
    const before = await held('worker-1');
    const joined = await fleet.start('worker', 'worker-2');
    await joined.ready();
    await waitUntil(
      'both have as many',
      async () => Math.abs((await held('worker-1')) - (await held('worker-2'))) <= 1,
      {
        timeoutMs: 30_000,
      },
    );
    await waitUntil('all are held', async () => (await held('worker-1')) + (await held('worker-2')) === before, {
      timeoutMs: 20_000,
    });
    assertNothingLost(await live.finish());
  });

  proves('SIGTERM to a worker hands its partitions over without a repeat and ends with status 0', async () => {
    const live = await traffic([like('orders', 'handed-over'), like('Sensors_v2.raw', 'handed-over-too')]);
    await addTopics(fleet, ROUTE, live.topics);
    await waitUntil('they are copied', async () => (await end(live, 'handed-over', 7)) > 0, { timeoutMs: 20_000 });
    const leaving = fleet.running('worker').find(({ id }) => id === 'worker-2');
    assert.ok(leaving !== undefined);
    await waitUntil('it has some of them', async () => (await held('worker-2')) > 0);
    assert.equal(await leaving.terminate(), 0);
    assertNothingLost(await live.finish());
    assert.ok((await observeWorkers(fleet)).every(({ worker }) => worker === 'worker-1'));
  });

  proves(
    'SIGKILL to a worker loses, repeats and changes nothing: its partitions move again within seconds',
    async () => {
      const joined = await fleet.start('worker', 'worker-3');
      await joined.ready();
      await waitUntil('it has partitions', async () => (await held('worker-3')) > 0, { timeoutMs: 30_000 });
      const live = await traffic([like('clicks', 'killed', { partitions: 6 }), like('payments', 'killed-too')]);
      await addTopics(fleet, ROUTE, live.topics);
      await waitUntil('they are copied', async () => (await end(live, 'killed', 5)) > 0, { timeoutMs: 20_000 });
      await waitUntil('the workers say so', async () => (await live.lag()) !== undefined, { timeoutMs: 10_000 });
      const takeover = await killWorker(fleet, live.targetEnds, live.shapes);
      assert.ok(takeover.partitions > 0);
      assert.ok(takeover.lastMs > 0 && takeover.lastMs < 40_000, JSON.stringify(takeover));
      assertNothingLost(await live.finish());
    },
  );

  proves('SIGKILL to the leading controller does not pause copying, and another one leads within seconds', async () => {
    const live = await traffic([like('orders', 'without-a-leader')]);
    await addTopics(fleet, ROUTE, live.topics);
    await waitUntil('it is copied', async () => (await end(live, 'without-a-leader', 7)) > 0, { timeoutMs: 20_000 });
    const failover = await killLeader(fleet, live.targetEnds, async () => (await reignOf(fleet)).leader ?? undefined);
    assert.ok(failover.newLeaderMs > 0 && failover.newLeaderMs < 40_000, JSON.stringify(failover));
    // A pause until somebody leads again would be as long as nobody did.
    assert.ok(failover.longestPauseMs < 0.7 * failover.newLeaderMs, JSON.stringify(failover));
    assertNothingLost(await live.finish());
    const later = await traffic([like('orders', 'under-the-new-one')], 500);
    await addTopics(fleet, ROUTE, later.topics);
    await waitUntil('it is copied, too', async () => (await end(later, 'under-the-new-one')) > 0, {
      timeoutMs: 20_000,
    });
    assertNothingLost(await later.finish());
  });
});
