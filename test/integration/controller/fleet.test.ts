import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CausewayClient } from '../../../common/api/client.js';
import type { Config } from '../../../common/config/compile.js';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { openZooKeeperStore } from '../../../common/coordination/zookeeper/store.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { openAdmin } from '../../../common/kafka/admin/admin.js';
import type { LaneIdentity } from '../../../common/kafka/fencing/fencing-client.js';
import { findAbortMarker } from '../../../common/kafka/fencing/find-abort-marker.js';
import { initProducerId } from '../../../common/kafka/wire/operations/init-producer-id.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { type ControllerApp, startController } from '../../../controller/app.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { FakeWorker, type FakeWorkerOptions } from '../../unit/controller/fake-worker.js';
import { PLANNER, routeOf, until } from '../../unit/controller/kit.js';
import { numbered, TestCluster } from '../worker/thread-kit.js';

/** Long enough for a busy machine not to end it by itself. */
const SESSION_MS = 4_000;
const OPERATION_MS = 8_000;
const WAIT_MS = 60_000;
/** Five seconds are promised; what else looks at a cluster does so far more rarely, so that a machine that runs other tests as well may take its time. */
const SOON_MS = 25_000;
const HTTP = { host: '127.0.0.1', port: 0, advertised: undefined, token: undefined } as const;

/** Takes up what is called so, and nothing of what the other tests make. */
const AUTO = routeOf('auto', {
  start: 'latest',
  selection: { include: ['auto[.].*', '__.*'], exclude: ['.*-tmp'], targetMustExist: false, onUnmatched: 'keep' },
});

describe('controllers on a real ZooKeeper, with real clusters', () => {
  const open: { close(): Promise<void> }[] = [];
  const living: FakeWorker[] = [];
  let zooKeeper: ZooKeeperHandle;
  let source: KafkaClusterHandle;
  let target: KafkaClusterHandle;
  let clusters: ReadonlyMap<string, ClusterConnection>;

  before(async () => {
    [zooKeeper, source, target] = await Promise.all([
      startZooKeeper({ name: 'controllers' }),
      startKafkaCluster({ name: 'east' }),
      startKafkaCluster({ name: 'west', version: '4.1.0' }),
    ]);
    clusters = new Map([connection('east', source.bootstrapServers), connection('west', target.bootstrapServers)]);
  });

  after(async () => {
    for (const part of open.reverse()) await part.close();
    await Promise.all([source, target, zooKeeper].map((handle) => handle?.stop()));
  });

  function connection(name: string, servers: string): [string, ClusterConnection] {
    return [name, { name, bootstrap: servers.split(','), connectTimeoutMs: 2_000, requestTimeoutMs: 3_000 }];
  }

  function store(root = '/causeway/controllers'): CoordinationStore {
    const opened = openZooKeeperStore({
      connect: zooKeeper.connect,
      root,
      sessionTimeoutMs: SESSION_MS,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      operationTimeoutMs: OPERATION_MS,
    });
    open.push(opened);
    return opened;
  }

  async function controller(
    id: string,
    root?: string,
  ): Promise<ControllerApp & { client: CausewayClient; store: CoordinationStore }> {
    const config = {
      fleet: 'controllers',
      coordination: { type: 'embedded', dir: '' },
      clusters,
      routes: [routeOf('r'), routeOf('exact', { delivery: 'exactly-once' }), AUTO],
      controller: {
        id,
        http: HTTP,
        takeoverDelayMs: 200,
        handoffTimeoutMs: 3_000,
        reconcileIntervalMs: 1_000,
        metadataIntervalMs: 500,
        legacyRoute: undefined,
        deny: [],
        planner: PLANNER,
      },
      worker: { id: 'w', http: HTTP },
      logLevel: 'error',
    } as unknown as Config;
    const own = store(root);
    const metrics = new Metrics({ version: 'test', role: 'controller' });
    const app = await startController(config, {
      store: own,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      metrics,
    });
    open.push(app);
    return { ...app, store: own, client: new CausewayClient({ baseUrl: app.httpAddress }) };
  }

  /** By this call, or by one before whose answer was lost. */
  function added(client: CausewayClient, topic: string): Promise<boolean> {
    return client.addTopic('exact', { topic }).then(
      () => true,
      (error: unknown) => isCausewayError(error, 'TOPIC_EXISTS'),
    );
  }

  async function worker(id: string, options: Partial<FakeWorkerOptions> = {}): Promise<FakeWorker> {
    const own = store();
    await own.ready();
    const fake = new FakeWorker(own, { worker: id, fleet: 'controllers', lanes: true, ...options });
    await fake.start();
    living.push(fake);
    open.push({ close: () => fake.stop() });
    return fake;
  }

  test('topics are found, created at the target with their configs, assigned, and followed as they grow', async () => {
    const first = await controller('c1');
    const leads = () =>
      first.client.status().then(
        (status) => status.leader?.controller === 'c1',
        () => false,
      );
    // Whoever comes first leads; a second one that comes at the same time may be faster.
    await until(leads, () => 'c1 does not lead', WAIT_MS);
    const second = await controller('c2');
    const [east, west] = ['east', 'west'].map((name) =>
      openAdmin(clusters.get(name) as ClusterConnection, silentLogger),
    );
    assert.ok(east !== undefined && west !== undefined);
    open.push(east, west);
    const configs = { 'retention.ms': '7200000', 'min.insync.replicas': '1' };
    const made = await east.createTopics([{ topic: 'orders', partitions: 3, replicationFactor: 1, configs }]);
    assert.equal(made.get('orders'), 'created');
    await until(
      async () => (await east.topicConfigs(['orders'])).has('orders'),
      () => 'the broker has not heard of it yet',
      WAIT_MS,
    );
    const [a, b] = [await worker('a'), await worker('b')];
    await assert.rejects(second.client.addTopic('r', { topic: 'nowhere' }), (error) =>
      isCausewayError(error, 'TOPIC_UNKNOWN_AT_SOURCE'),
    );
    await second.client.addTopic('r', { topic: 'orders' });
    await until(
      () => a.held.size + b.held.size === 3,
      () => [a.keys(), b.keys()],
      WAIT_MS,
    );
    const held = async () => JSON.stringify((await west.topicConfigs(['orders'])).get('orders'));
    await until(async () => (await held()) === JSON.stringify({ 'retention.ms': '7200000' }), held, WAIT_MS);
    const item = [...a.held.values()][0];
    assert.match(item?.sourceTopicId ?? '', /^[0-9a-f-]{36}$/);

    const startMs = Date.now();
    await east.createPartitions('orders', 5);
    await until(
      () => a.held.size + b.held.size === 5,
      () => [a.keys(), b.keys()],
      WAIT_MS,
    );
    assert.ok(Date.now() - startMs < SOON_MS, 'a new partition is assigned within five seconds');
    const late = [...a.held.values(), ...b.held.values()].filter(({ partition }) => partition >= 3);
    assert.deepEqual(
      late.map(({ start }) => start),
      ['beginning', 'beginning'],
    );

    await first.close();
    await until(
      () =>
        second.client.status().then(
          (status) => status.leader?.controller === 'c2',
          () => false,
        ),
      () => '',
      WAIT_MS,
    );
    const before = [a.keys(), b.keys()];
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.deepEqual([a.keys(), b.keys()], before, 'the next leader moved nothing');
  });

  test('a topic that comes to match a selection is assigned, from its first record, within five seconds after it exists', async () => {
    const east = openAdmin(clusters.get('east') as ClusterConnection, silentLogger);
    open.push(east);
    const third = await controller('c3');
    const make = (topic: string) => ({ topic, partitions: 2, replicationFactor: 1, configs: {} });
    await east.createTopics([make('__internal')]);
    const preview = async () => await third.client.selection('auto').catch(() => undefined);
    const view = await until(
      async () => {
        const seen = await preview();
        return seen?.left.some(({ topic }) => topic === '__internal') === true && seen;
      },
      preview,
      WAIT_MS,
    );
    assert.deepEqual(view.selected, []);
    assert.ok(
      view.left.every(({ why }) => why === 'denied'),
      'internal topics are listed, and denied',
    );
    const items = () => living.flatMap(({ held }) => [...held.values()]).filter(({ route }) => route === 'auto');
    const startMs = Date.now();
    await east.createTopics([make('auto.orders'), make('auto.scratch-tmp')]);
    await until(() => items().length === 2, items, WAIT_MS);
    assert.ok(Date.now() - startMs < SOON_MS, `${Date.now() - startMs} ms`);
    assert.deepEqual(
      items().map(({ topic, start }) => [topic, start]),
      [
        ['auto.orders', 'beginning'],
        ['auto.orders', 'beginning'],
      ],
    );
    await third.close();
  });

  test('5.1-5.5 the leader fences a dead worker’s lane at the target: its late batch is refused, its partitions go on elsewhere', async () => {
    const [east, west] = [source, target].map((handle) => new TestCluster(handle));
    assert.ok(east !== undefined && west !== undefined);
    open.push(east, west);
    const lanes: LaneIdentity[] = [];
    const initProducer = async (transactionalId: string) => {
      const { producerId, epoch } = await initProducerId(west.client, transactionalId, 60_000);
      lanes.push({ transactionalId, producerId, producerEpoch: epoch });
      return { producerId, producerEpoch: epoch };
    };
    await east.createTopic('exact', 8);
    const doomed = await worker('x', { initProducer });
    const [lane] = lanes;
    assert.ok(lane !== undefined);
    const fourth = await controller('c5');
    await until(
      () => added(fourth.client, 'exact'),
      () => '',
      WAIT_MS,
    );
    const own = (): number[] =>
      [...doomed.held.values()].filter(({ topic }) => topic === 'exact').map(({ partition }) => partition);
    await until(() => own().length > 0, own, WAIT_MS);
    const [partition = 0] = own();
    const batch = (baseSequence: number): Buffer => {
      const { producerId, producerEpoch } = lane;
      return buildBatch(numbered(0, 1), { producerId, producerEpoch, baseSequence });
    };
    const written = await west.append('exact', partition, batch(0));
    await doomed.die();
    const found = await findAbortMarker({
      client: west.client,
      topic: 'exact',
      partition,
      producerId: lane.producerId,
      minEpoch: lane.producerEpoch + 1,
      fromOffset: BigInt(written),
      waitMs: WAIT_MS,
      signal: new AbortController().signal,
    });
    assert.deepEqual([found.kind, found.kind === 'found' ? found.offset : undefined], ['found', BigInt(written) + 1n]);
    await assert.rejects(west.append('exact', partition, batch(1)), /failed with 47/);
    const others = living.filter((fake) => fake !== doomed);
    const elsewhere = () => others.some((fake) => fake.keys().includes(`exact/exact-${partition}`));
    await until(elsewhere, () => others.map((fake) => fake.keys()), WAIT_MS);
    await fourth.close();
  });

  test('7.6 a leader that finds no registry of lanes fences those that nobody answers for, and no others, before anything begins', async () => {
    const [east, west] = [source, target].map((handle) => new TestCluster(handle));
    assert.ok(east !== undefined && west !== undefined);
    open.push(east, west);
    const root = '/causeway/begun-anew';
    await east.createTopic('found', 1);
    await west.createTopic('found', 1);
    await west.createTopic('lively', 1);
    const laneOf = async (worker: string, incarnation: string): Promise<LaneIdentity> => {
      const transactionalId = `causeway.controllers.${worker}.${incarnation}.0`;
      const { producerId, epoch } = await initProducerId(west.client, transactionalId, 60_000);
      return { transactionalId, producerId, producerEpoch: epoch };
    };
    const batch = ({ producerId, producerEpoch }: LaneIdentity, baseSequence: number): Buffer =>
      buildBatch(numbered(0, 1), { producerId, producerEpoch, baseSequence });
    const gone = await laneOf('gone', 'aaaa');
    await west.append('found', 0, batch(gone, 0));
    const own = store(root);
    await own.ready();
    const alive = new FakeWorker(own, { worker: 'alive', fleet: 'controllers' });
    await alive.start();
    open.push({ close: () => alive.stop() });
    const lively = await laneOf('alive', alive.incarnation);
    await west.append('lively', 0, batch(lively, 0));
    const leader = await controller('c6', root);
    const cleared = async () => (await own.get('/lanes'))?.data.toString().includes('west') === true;
    await until(
      () => added(leader.client, 'found'),
      () => '',
      WAIT_MS,
    );
    await until(cleared, () => 'the registry does not say so', WAIT_MS);
    await assert.rejects(west.append('found', 0, batch(gone, 1)), /failed with 47/);
    await west.append('lively', 0, batch(lively, 1));
    // Topics of the route that selects by names come, too.
    await until(
      () => alive.keys().includes('exact/found-0'),
      () => alive.keys(),
      WAIT_MS,
    );
    await leader.close();
  });

  test('ZooKeeper away: REST says 503 at once, and afterwards somebody leads again', async () => {
    const third = await controller('c3');
    await until(
      () =>
        third.client.status().then(
          () => true,
          () => false,
        ),
      () => '',
      WAIT_MS,
    );
    await zooKeeper.kill();
    await until(
      () => third.store.session().state !== 'connected',
      () => third.store.session().state,
      WAIT_MS,
    );
    const startMs = Date.now();
    await assert.rejects(third.client.listRoutes(), (error) => isCausewayError(error, 'COORDINATION_UNAVAILABLE'));
    assert.ok(Date.now() - startMs < OPERATION_MS / 2, 'it does not wait for ZooKeeper');
    assert.equal((await fetch(`${third.httpAddress}/readyz`)).status, 503);
    assert.equal((await fetch(`${third.httpAddress}/livez`)).status, 200);
    const late = await controller('c4');
    await zooKeeper.start();
    await until(
      () =>
        late.client.status().then(
          (status) => status.leader !== null,
          () => false,
        ),
      () => late.store.session().state,
      WAIT_MS,
    );
    assert.deepEqual(
      (await late.client.listTopics('r')).topics.map(({ topic }) => topic),
      ['orders'],
    );
  });
});
