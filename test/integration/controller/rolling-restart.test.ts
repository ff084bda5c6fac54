import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CausewayClient } from '../../../common/api/client.js';
import { compileConfig } from '../../../common/config/compile.js';
import { configSchema } from '../../../common/config/schema.js';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { openZooKeeperStore } from '../../../common/coordination/zookeeper/store.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { startController } from '../../../controller/app.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { FakeKafka } from '../../unit/controller/fake-kafka.js';
import { FakeWorker, Ownership } from '../../unit/controller/fake-worker.js';
import { until } from '../../unit/controller/kit.js';

const PARTITIONS = 12;
const EXCLUDED = [2, 7];
const WORKERS = ['a', 'b', 'c'];
const WAIT_MS = 60_000;
/** Of a hand-over: what ends in a report by then is a death. */
const HANDOFF_MS = 20_000;
const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };

/** Workers are made up, ZooKeeper and its sessions are real: what is counted is what the leader writes. */
describe('a rolling restart on a real ZooKeeper', () => {
  const open: { close(): Promise<void> }[] = [];
  const workers = new Map<string, { readonly worker: FakeWorker; readonly store: CoordinationStore }>();
  const ownership = new Ownership();
  const kafka = new FakeKafka();
  let zooKeeper: ZooKeeperHandle;
  let client: CausewayClient;

  const connect = (): CoordinationStore => {
    const { connect } = zooKeeper;
    return openZooKeeperStore({
      connect,
      root: '/causeway/rolling',
      sessionTimeoutMs: 4_000,
      operationTimeoutMs: 3_000,
      ...parts,
    });
  };

  async function begin(id: string): Promise<void> {
    const store = connect();
    await store.ready();
    const worker = new FakeWorker(store, { worker: id, fleet: 'rolling', ownership, lanes: true });
    await worker.start();
    workers.set(id, { worker, store });
  }

  /** As SIGTERM has it: hands over, and ends its session. @returns ms until nothing was held any more */
  async function end(id: string): Promise<number> {
    const found = workers.get(id);
    assert.ok(found !== undefined);
    const startMs = performance.now();
    await found.worker.leave();
    await until(() => found.worker.held.size === 0, held, WAIT_MS);
    const tookMs = performance.now() - startMs;
    await found.worker.stop();
    await found.store.close();
    workers.delete(id);
    return tookMs;
  }

  const held = (): Record<string, string[]> =>
    Object.fromEntries(WORKERS.map((id) => [id, workers.get(id)?.worker.keys() ?? []]));
  const counts = (): number => Object.values(held()).flat().length;

  before(async () => {
    zooKeeper = await startZooKeeper({ name: 'rolling' });
    const config = compileConfig(
      configSchema.parse({
        fleet: 'rolling',
        coordination: { type: 'embedded', embedded: { dir: 'unused' } },
        clusters: { east: { bootstrap: ['127.0.0.1:1'] }, west: { bootstrap: ['127.0.0.1:2'] } },
        routes: { r: { source: 'east', target: 'west', delivery: 'at-least-once' } },
        controller: {
          id: 'c1',
          takeoverDelayMs: 200,
          reconcileIntervalMs: 500,
          metadataIntervalMs: 300,
          handoffTimeoutMs: HANDOFF_MS,
        },
      }),
    );
    kafka.addTopic('east', 't', PARTITIONS);
    const store = connect();
    open.push(store);
    const metrics = new Metrics({ version: 'test', role: 'controller' });
    const fencer = { fence: () => Promise.resolve() };
    const app = await startController(config, {
      ...parts,
      store,
      metrics,
      fencer,
      kafka: { metadata: kafka, admin: kafka },
    });
    open.push(app);
    client = new CausewayClient({ baseUrl: app.httpAddress });
    await until(
      async () => (await client.status().catch(() => undefined))?.leader != null,
      () => 'no leader',
      WAIT_MS,
    );
    for (const id of WORKERS) await begin(id);
    await client.exclude('r', 't', { add: EXCLUDED, reason: 'poison' });
    await client.addTopic('r', { topic: 't' });
    const spread = (): boolean =>
      counts() === PARTITIONS - EXCLUDED.length && Object.values(held()).every((keys) => keys.length >= 3);
    await until(spread, held, WAIT_MS);
  });

  after(async () => {
    for (const { worker, store } of workers.values()) {
      await worker.stop();
      await store.close();
    }
    for (const part of open.reverse()) await part.close();
    await zooKeeper?.stop();
    assert.deepEqual(ownership.violations, []);
  });

  test('three workers, announced and stopped one after the other, get their own back: no partition moves', async () => {
    const before = held();
    const startedAt = new Date().toISOString();
    for (const id of WORKERS) {
      await client.orderWorker(id, { restartWithinMs: 120_000, reason: 'new version' });
      await end(id);
      const others = WORKERS.filter((other) => other !== id);
      for (const other of others) assert.deepEqual(held()[other], before[other]);
      await begin(id);
      await until(() => JSON.stringify(held()) === JSON.stringify(before), held, WAIT_MS);
      await client.releaseWorker(id);
    }
    const moves = (await client.plan()).moves.filter(({ at, from, to }) => at >= startedAt && from !== to);
    assert.deepEqual(moves, []);
  });

  test('excluded partitions stay out through a worker’s restart, its end, the topic’s removal and its return, and growth', async () => {
    const excluded = (): string[] => EXCLUDED.map((partition) => `r/t-${partition}`);
    const settled = async (total: number): Promise<void> => {
      await until(() => counts() === total, held, WAIT_MS);
      for (const keys of Object.values(held())) for (const key of keys) assert.ok(!excluded().includes(key), key);
    };
    await end('c');
    await settled(PARTITIONS - EXCLUDED.length);
    await begin('c');
    await settled(PARTITIONS - EXCLUDED.length);
    kafka.grow('east', 't', PARTITIONS + 3);
    await settled(PARTITIONS + 3 - EXCLUDED.length);
    await client.deleteTopic('r', 't');
    await settled(0);
    await client.addTopic('r', { topic: 't' });
    await settled(PARTITIONS + 3 - EXCLUDED.length);
    await client.exclude('r', 't', { remove: EXCLUDED });
    await until(() => counts() === PARTITIONS + 3, held, WAIT_MS);
  });

  test('a worker that leaves without an announcement is relieved at once, and others take over', async () => {
    const total = counts();
    const tookMs = await end('b');
    // Well below whatever else could relieve it, however busy the machine.
    assert.ok(tookMs < HANDOFF_MS / 2, `${tookMs} ms`);
    await until(() => counts() === total, held, WAIT_MS);
    await begin('b');
  });
});
