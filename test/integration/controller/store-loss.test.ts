import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { after, afterEach, before, describe, test } from 'node:test';
import { CausewayClient } from '../../../common/api/client.js';
import type { Config } from '../../../common/config/compile.js';
import { ANY_VERSION, type CoordinationStore } from '../../../common/coordination/ports.js';
import { EPOCH, topicPath } from '../../../common/coordination/znodes.js';
import { openZooKeeperStore } from '../../../common/coordination/zookeeper/store.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { startController } from '../../../controller/app.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { FakeKafka } from '../../unit/controller/fake-kafka.js';
import { FakeWorker } from '../../unit/controller/fake-worker.js';
import { CLUSTERS, PLANNER, routeOf, until } from '../../unit/controller/kit.js';

const SESSION_MS = 3_000;
const WAIT_MS = 60_000;
const HTTP = { host: '127.0.0.1', port: 0, advertised: undefined, token: undefined } as const;
const PARTITIONS = 8;

describe('7.6, A8, A15: a real ZooKeeper that is not what it was', () => {
  let zooKeeper: ZooKeeperHandle;
  let fleets = 0;
  const open: { close(): Promise<unknown> }[] = [];

  before(async () => {
    zooKeeper = await startZooKeeper({ name: 'store-loss' });
  });
  afterEach(async () => {
    for (const part of open.splice(0).reverse()) await part.close();
  });
  after(async () => {
    await zooKeeper.stop();
  });

  function store(root: string): CoordinationStore {
    const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
    const { connect } = zooKeeper;
    const opened = openZooKeeperStore({
      connect,
      root,
      sessionTimeoutMs: SESSION_MS,
      operationTimeoutMs: 3_000,
      ...parts,
    });
    open.push(opened);
    return opened;
  }

  /** A controller and two workers, eight partitions between them. */
  async function fleet() {
    const root = `/causeway/store-loss-${++fleets}`;
    const kafka = new FakeKafka();
    for (const topic of ['t', 'u']) kafka.addTopic('east', topic, PARTITIONS / 2);
    const config = {
      fleet: 'test',
      clusters: CLUSTERS,
      routes: [routeOf('r')],
      controller: {
        id: 'c1',
        http: HTTP,
        takeoverDelayMs: 1_000,
        handoffTimeoutMs: 10_000,
        reconcileIntervalMs: 300,
        metadataIntervalMs: 200,
        legacyRoute: undefined,
        deny: [],
        planner: PLANNER,
      },
      worker: { id: 'w', http: HTTP },
      logLevel: 'error',
    } as unknown as Config;
    const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
    const metrics = new Metrics({ version: 'test', role: 'controller' });
    const app = await startController(config, {
      store: store(root),
      metrics,
      kafka: { metadata: kafka, admin: kafka },
      ...parts,
    });
    open.push(app);
    const client = new CausewayClient({ baseUrl: app.httpAddress });
    const leads = () =>
      client.status().then(
        ({ leader }) => leader !== null,
        () => false,
      );
    const codes = () =>
      client.status().then(
        ({ alarms }) => alarms.map(({ code }) => code),
        () => [] as string[],
      );
    await until(leads, codes, WAIT_MS);
    const workers: FakeWorker[] = [];
    for (const worker of ['a', 'b']) {
      const own = store(root);
      await own.ready();
      const fake = new FakeWorker(own, { worker, fleet: 'test', lanes: true });
      await fake.start();
      open.push({ close: () => fake.stop() });
      workers.push(fake);
    }
    const held = () => workers.map((worker) => worker.held.size);
    const all = () => held().reduce((sum, count) => sum + count, 0) === PARTITIONS;
    for (const topic of ['t', 'u']) await client.addTopic('r', { topic });
    await until(all, held, WAIT_MS);
    return { client, metrics, leads, codes, held, all, workers, own: store(root) };
  }

  async function deleteAll(from: CoordinationStore, path: string): Promise<void> {
    for (const name of (await from.children(path)) ?? [])
      await deleteAll(from, path === '/' ? `/${name}` : `${path}/${name}`);
    if (path !== '/') await from.remove(path, ANY_VERSION).catch(() => undefined);
  }

  /** Nothing was taken away: every assignment seen since names partitions. */
  function emptied({ workers }: { readonly workers: readonly FakeWorker[] }): number {
    return workers.flatMap(({ history }) => history).filter(({ items }) => items.length === 0).length;
  }

  test('7.6 wiped under a running fleet: everything is held on, said, and an import brings the same fleet back', async () => {
    const there = await fleet();
    const saved = await there.client.export();
    await deleteAll(there.own, '/');
    await until(async () => (await there.codes()).includes('STORE_CONTRADICTS'), there.codes, WAIT_MS);
    await new Promise((resolve) => setTimeout(resolve, 2 * SESSION_MS));
    assert.ok(there.all(), JSON.stringify(there.held()));
    assert.equal(emptied(there), 0);
    assert.match(await there.metrics.text(), /causeway_store_alarms[^\n]* [1-9]/);
    const { epoch } = await there.client.import(saved);
    assert.ok((epoch ?? 0) > saved.epoch);
    await until(there.leads, there.codes, WAIT_MS);
    const { topics } = await there.client.listTopics('r');
    assert.deepEqual(
      topics.map(({ topic }) => topic),
      ['t', 'u'],
    );
    assert.equal((await there.client.status()).fleetId, saved.fleetId);
  });

  test('A8 restored from an older copy: the epoch runs backwards, nobody leads, nothing moves; an import goes on above it', async () => {
    const there = await fleet();
    const saved = await there.client.export();
    const former = new Set(there.workers.map(({ incarnation }) => incarnation));
    const copy = `${zooKeeper.dataDir}-copy`;
    await zooKeeper.kill();
    await cp(zooKeeper.dataDir, copy, { recursive: true });
    // A longer outage than a session: the next reign has the next epoch.
    await new Promise((resolve) => setTimeout(resolve, 1.5 * SESSION_MS));
    await zooKeeper.start();
    await until(
      async () => ((await there.client.status().catch(() => undefined))?.epoch ?? 0) > saved.epoch,
      there.codes,
      WAIT_MS,
    );
    // Sessions ended meanwhile: workers began anew, without anything.
    const anew = () => there.workers.every(({ incarnation }) => !former.has(incarnation));
    await until(() => anew() && there.all(), there.held, WAIT_MS);
    await zooKeeper.kill();
    await rm(zooKeeper.dataDir, { recursive: true });
    await cp(copy, zooKeeper.dataDir, { recursive: true });
    await rm(copy, { recursive: true });
    await zooKeeper.start();
    await until(async () => (await there.codes()).includes('STORE_CONTRADICTS'), there.codes, WAIT_MS);
    const { alarms } = await there.client.status();
    assert.match(alarms.find(({ code }) => code === 'STORE_CONTRADICTS')?.message ?? '', /backwards/);
    await new Promise((resolve) => setTimeout(resolve, 2 * SESSION_MS));
    assert.equal((await there.client.status()).leader, null);
    assert.ok(there.all(), JSON.stringify(there.held()));
    assert.equal(emptied(there), 0);
    const { epoch } = await there.client.import(saved);
    assert.ok((epoch ?? 0) > saved.epoch + 1);
    await until(there.leads, there.codes, WAIT_MS);
  });

  test('A15 garbage in the epoch, deleted entries, a missing parent: held on, said, and over once it is put back', async () => {
    const there = await fleet();
    const saved = await there.client.export();
    await there.own.remove(topicPath('r', 't'), ANY_VERSION);
    await until(async () => (await there.codes()).includes('NODE_MISSING'), there.codes, WAIT_MS);
    await deleteAll(there.own, '/exclusions');
    await until(async () => (await there.codes()).includes('STORE_DAMAGED'), there.codes, WAIT_MS);
    await there.own.set(EPOCH, Buffer.from('garbage'), ANY_VERSION);
    await until(async () => !(await there.leads()), there.codes, WAIT_MS);
    assert.ok(there.all(), JSON.stringify(there.held()));
    assert.equal(emptied(there), 0);
    await there.client.import(saved);
    await until(async () => (await there.leads()) && (await there.codes()).length === 0, there.codes, WAIT_MS);
    assert.ok(there.all(), JSON.stringify(there.held()));
  });
});
