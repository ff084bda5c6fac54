import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import { createTopics } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { TestCluster } from '../worker/thread-kit.js';
import { ExampleFleet } from './example-fleet.js';
import {
  audit,
  auditMerged,
  differing,
  type FarCluster,
  recordsOf,
  shapeOf,
  startFarCluster,
  writeSigned,
  writing,
  writingMore,
  written,
} from './topology-kit.js';

/** Clicks of each site and partition. */
const CLICKS = 200;

describe('examples with three clusters', () => {
  let first: KafkaClusterHandle;
  let far: FarCluster;
  let last: KafkaClusterHandle;

  before(async () => {
    [first, far, last] = await Promise.all([
      startKafkaCluster({ name: 'first' }),
      startFarCluster({ name: 'far' }),
      startKafkaCluster({ name: 'last', version: '4.1.0' }),
    ]);
  });

  after(async () => {
    await Promise.all([first?.stop(), far?.stop(), last?.stop()]);
  });

  test('chain: what the first cluster has comes to the third once, in order, over a restart; a way back is refused', async () => {
    const environment = {
      FIRST: first.bootstrapServers,
      SECOND: far.handle.plaintextBootstrapServers,
      THIRD: last.bootstrapServers,
    };
    let fleet = await ExampleFleet.start('chain', environment);
    try {
      const load = await writing(first, ['orders'], { records: 3_000, recordsPerS: 1_000 });
      await fleet.caughtUp('second-third', ['orders'], far.handle);
      fleet = await fleet.restarted('chain', environment);
      await written(load, 3_000);
      await fleet.caughtUp('first-second', ['orders'], first);
      await fleet.caughtUp('second-third', ['orders'], far.handle);
      await audit(first, last, [load]);
      await fleet.client.putRoute('third-first', { source: 'third', target: 'first' } as never);
      const wayBack = fleet.client.addTopic('third-first', {
        topic: 'orders',
        partitions: 'all',
        paused: false,
        limits: {},
      });
      await assert.rejects(
        wayBack,
        (error) => isCausewayError(error, 'TARGET_CONFLICT') && /circles/.test(error.message),
      );
    } finally {
      await fleet.close();
    }
  });

  test('hub and spoke: side by side under prefixes, and merged into one topic, each site’s records in their order', async () => {
    const clicks = shapeOf('clicks');
    const shop = shapeOf('orders');
    await createTopics(first.bootstrapServers, [clicks]);
    await createTopics(far.handle.bootstrapServers, [clicks]);
    const fleet = await ExampleFleet.start('hub-and-spoke', {
      PARIS: first.bootstrapServers,
      TOKYO: far.handle.plaintextBootstrapServers,
      HUB: last.bootstrapServers,
    });
    const sites = [new TestCluster(first), new TestCluster(far.handle)] as const;
    try {
      await Promise.all([
        writeSigned(sites[0], 'clicks', 'paris', { from: 0, until: CLICKS }),
        writeSigned(sites[1], 'clicks', 'tokyo', { from: 0, until: CLICKS }),
      ]);
      for (const [site, cluster] of [
        ['paris', first],
        ['tokyo', far.handle],
      ] as const) {
        await fleet.caughtUp(`${site}-hub`, [shop.topic], cluster);
        await fleet.caughtUp(`${site}-hub-merged`, ['clicks'], cluster);
      }
      await auditMerged(last, 'clicks', ['paris', 'tokyo'], CLICKS);
      for (const [cluster, topic] of [
        [first, 'paris.orders'],
        [far.handle, 'tokyo.orders'],
      ] as const) {
        for (let partition = 0; partition < shop.partitions; partition++) {
          const [there, here] = [
            await recordsOf(cluster, 'orders', partition),
            await recordsOf(last, topic, partition),
          ];
          assert.deepEqual(differing(there, here), []);
          assert.ok(here.length > 0);
        }
      }
    } finally {
      await Promise.all(sites.map((site) => site.client.close()));
      await fleet.close();
    }
  });

  test('fan-out: a target that crawls, and then is gone, harms no other one; back again it gets all that it missed', async () => {
    const fleet = await ExampleFleet.start('fan-out', {
      SOURCE: first.bootstrapServers,
      BERLIN: far.bootstrapServers,
      LISBON: last.bootstrapServers,
    });
    const [line] = far.lines;
    try {
      const before = await writing(first, ['events']);
      await written(before);
      for (const route of ['source-berlin', 'source-lisbon']) await fleet.caughtUp(route, ['events'], first);
      line?.throttle(20_000, 'toServer');
      const meanwhile = writingMore(first, ['events'], { records: 4_000 });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      line?.refuse(true);
      line?.cut();
      await written(meanwhile, 4_000);
      await fleet.caughtUp('source-lisbon', ['events'], first, 20_000);
      await audit(first, last, [before, meanwhile]);
      const behind = await recordsOf(far.handle, 'events', 0);
      assert.ok(behind.length < (before.written + meanwhile.written) / 2, 'the one that is gone has everything');
      line?.throttle(Number.POSITIVE_INFINITY, 'toServer');
      line?.refuse(false);
      await fleet.caughtUp('source-berlin', ['events'], first);
      await audit(first, far.handle, [before, meanwhile]);
    } finally {
      line?.throttle(Number.POSITIVE_INFINITY, 'toServer');
      line?.refuse(false);
      await fleet.close();
    }
  });

  test('edge: over a long line that is cut again and again, nothing is missing and nothing comes twice', async () => {
    const [line] = far.lines;
    line?.delay(60, 'toServer', 'toClient');
    const fleet = await ExampleFleet.start('edge', { SITE1: far.bootstrapServers, CENTRE: last.bootstrapServers });
    try {
      const load = await writing(far.handle, ['sensors'], { records: 4_000, recordsPerS: 1_000 });
      for (let cuts = 0; cuts < 3; cuts++) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        line?.cut();
      }
      await written(load, 4_000);
      await fleet.caughtUp('site1-centre', ['sensors'], far.handle);
      await audit(far.handle, last, [load], (topic) => `site1.${topic}`);
    } finally {
      line?.delay(0, 'toServer', 'toClient');
      await fleet.close();
    }
  });
});
