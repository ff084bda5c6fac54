import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CausewayClient } from '../../../common/api/client.js';
import type { RecoveryView } from '../../../common/api/recovery-shapes.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { Workspace } from '../../bed/workspace.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { Fleet, type FleetProcess, ROUTE } from '../../demo/fleet.js';
import { eventually, TestCluster } from '../worker/thread-kit.js';
import {
  auditFailback,
  committedValues,
  mirrored,
  Producer,
  Programs,
  positionsOf,
  setPositions,
  stepOf,
} from './recovery-kit.js';

const PARTITIONS = 4;
const WAIT_MS = 45_000;
/** Producers pause when the machine starts other processes; then they have not stopped. */
const QUICK = { stillMs: 1_500, drainTimeoutMs: 90_000, stopTimeoutMs: 90_000 } as const;

describe('recovery programs of a fleet of processes that are killed', () => {
  const workspace = new Workspace('recovery');
  const handles: KafkaClusterHandle[] = [];
  let zooKeeper: ZooKeeperHandle;
  let east: TestCluster;
  let west: TestCluster;
  let fleet: Fleet;

  before(async () => {
    const started = await Promise.all([
      startZooKeeper(),
      startKafkaCluster({ name: 'source', version: '3.9.1' }),
      startKafkaCluster({ name: 'target', version: '4.1.0' }),
    ]);
    const [keeper, from, to] = started;
    zooKeeper = keeper;
    handles.push(from, to);
    east = new TestCluster(from);
    west = new TestCluster(to);
    fleet = new Fleet({
      folder: workspace.path('fleet'),
      ...{ source: from, target: to, zooKeeperConnect: zooKeeper.connect, sessionTimeoutMs: 2_000 },
      route: { delivery: 'transactional' },
      routes: {
        dr: {
          ...{ source: 'source', target: 'target', naming: { policy: 'identity' } },
          groups: { include: ['readers'], intervalMs: 500 },
        },
      },
      controller: { metadataIntervalMs: 500 },
      worker: { checkpointIntervalMs: 200, fetchMaxWaitMs: 100 },
    });
    const crew = ['c1', 'c2'].map((id) => fleet.start('controller', id));
    const hands = ['w1', 'w2', 'w3'].map((id) => fleet.start('worker', id));
    await Promise.all((await Promise.all([...crew, ...hands])).map((process) => process.ready()));
  });

  after(async () => {
    await fleet?.kill();
    await Promise.all([east?.close(), west?.close()]);
    await Promise.all([zooKeeper, ...handles].map((handle) => handle?.stop()));
    workspace.remove();
  });

  const clientTo = ({ url }: FleetProcess): CausewayClient => new CausewayClient({ baseUrl: url });

  async function leader(): Promise<{
    readonly process: FleetProcess;
    readonly client: CausewayClient;
    readonly programs: Programs;
  }> {
    let found: FleetProcess | undefined;
    const look = async (): Promise<boolean> => {
      const living = fleet.running('controller');
      for (const asked of living) {
        const status = await clientTo(asked)
          .status()
          .catch(() => undefined);
        found = living.find(({ id }) => id === status?.leader?.controller);
        if (found !== undefined) return true;
      }
      return false;
    };
    await eventually('a living controller leads', look, WAIT_MS);
    const process = found as FleetProcess;
    const client = clientTo(process);
    return { process, client, programs: new Programs(client) };
  }

  let controllers = 2;

  /** SIGKILL to whoever leads, and beside it to workers; another controller is started in its place, under an id of its own. */
  async function bereave(workers: readonly FleetProcess[] = []): Promise<void> {
    const { process } = await leader();
    await Promise.all([process, ...workers].map((each) => each.kill()));
    await fleet.start('controller', `c${++controllers}`);
    for (const { id } of workers) await fleet.start('worker', `${id}x`);
  }

  /** A worker with a part of a topic; by what the others of it hold they go on. */
  async function ownerOf(route: string, topic: string): Promise<FleetProcess> {
    const { client } = await leader();
    const { partitions } = await client.describeTopic(route, topic);
    const owner = fleet.running('worker').find(({ id }) => partitions.some(({ worker }) => worker === id));
    assert.ok(owner !== undefined);
    return owner;
  }

  const at = async (id: string, step: string): Promise<RecoveryView> => (await leader()).programs.at(id, step);
  const done = async (id: string): Promise<RecoveryView> =>
    (await leader()).programs.until(id, (view) => view.state === 'done', 90_000);

  test('source, leader and worker die together: the loss is unknown, never small; failover, another worker dies, failback of the delta', async () => {
    const readers = { groupId: 'readers', topic: 'stock' };
    await east.createTopic('stock', PARTITIONS);
    const { client, programs } = await leader();
    await mirrored(client, { route: 'dr', topic: 'stock', partitions: PARTITIONS });
    const before = new Producer(east, 'stock', { partitions: PARTITIONS, prefix: 'e', pauseMs: 5 });
    await eventually('some are written to each', () => before.acknowledged.every(({ length }) => length > 60));
    const read = { 0: 20, 1: 0, 2: 9, 3: 30 };
    await setPositions(east, readers, read);
    const follow = async (): Promise<boolean> =>
      JSON.stringify(await positionsOf(west, readers)) === JSON.stringify(read);
    await eventually('positions follow', follow, WAIT_MS);
    // However slow the producer may be on a busy machine, copying is slower.
    await client.patchRoute('dr', { limits: { recordsPerS: 5 } }, (await client.getRoute('dr')).etag);
    const crossed = async (): Promise<number> => {
      const found = await Promise.all(
        before.acknowledged.map((_, partition) => committedValues(west, 'stock', partition)),
      );
      return found.flat().length;
    };
    await eventually('some have not crossed', async () => before.count - (await crossed()) > 200, WAIT_MS);
    await eventually('the loss is measured', async () => ((await programs.client.rpo('dr')).records ?? 0) > 0, WAIT_MS);
    const [source] = handles;
    const gone = await ownerOf('dr', 'stock');
    await source?.brokers[0]?.kill();
    await before.stop();
    await bereave([gone]);
    const blind = await done(await (await leader()).programs.begin({ kind: 'failover', route: 'dr', dryRun: true }));
    assert.equal(stepOf(blind, 'rpo').evidence?.['records'], null, 'a part is not passed off for the whole');
    assert.ok(Number(stepOf(blind, 'rpo').evidence?.['unknownPartitions']) > 0);
    const out = await (await leader()).programs.begin({ kind: 'failover', route: 'dr', options: QUICK });
    await at(out, 'stop');
    await bereave([anyWorkerBut(gone.id)]);
    const over = await done(out);
    const settled = stepOf(over, 'settle').evidence ?? {};
    assert.equal(settled['lostRecords'], null);
    assert.ok(Number(settled['unknownPartitions']) > 0);
    assert.deepEqual(await positionsOf(west, readers), read, 'what was moved while the source was there stands');
    const after = new Producer(west, 'stock', { partitions: PARTITIONS, prefix: 'w', pauseMs: 5 });
    await eventually('the other side is written to', () => after.count > 200);
    // The way back has the route's limits.
    const again = (await leader()).client;
    await again.patchRoute('dr', { limits: {} }, (await again.getRoute('dr')).etag);
    await source?.brokers[0]?.start();
    const options = { ...QUICK, confirm: [], quarantineSuffix: '.stranded' };
    const back = await (await leader()).programs.begin({ kind: 'failback', route: 'dr', options });
    await at(back, 'back-quiet');
    await after.stop();
    const returned = await done(back);
    assert.equal(stepOf(returned, 'back-groups').evidence?.['rereads'], 0);
    assert.deepEqual(await positionsOf(east, readers), read, 'the same records at the old source');
    const stranded = await auditFailback({ east, west, topic: 'stock', before, after, done: returned });
    assert.ok(stranded > 0, 'some never crossed');
  });

  test('a switchover of transactions under load outlives two leaders and a worker: every record is at both ends once', async () => {
    await east.createTopic('orders', PARTITIONS);
    await mirrored((await leader()).client, { route: ROUTE, topic: 'orders', partitions: PARTITIONS });
    const first = new Producer(east, 'orders', { partitions: PARTITIONS, prefix: 'e', pauseMs: 5 });
    await eventually('some are written', () => first.count > 300);
    const options = { ...QUICK, groups: false, confirm: ['reverse'] };
    const id = await (await leader()).programs.begin({ kind: 'switchover', route: ROUTE, options });
    await at(id, 'quiet');
    await bereave([await ownerOf(ROUTE, 'orders')]);
    await first.stop();
    const waiting = await (await leader()).programs.until(id, ({ state }) => state === 'waiting', 90_000);
    assert.match(stepOf(waiting, 'reverse').message ?? '', /confirm/);
    await (await leader()).programs.client.confirm(id, 'go on');
    await at(id, 'reverse');
    await bereave();
    const over = await done(id);
    assert.ok(over.steps.every(({ state }) => state === 'done' || state === 'skipped'));
    assert.equal(stepOf(over, 'settle').evidence?.['partitions'], PARTITIONS);
    const second = new Producer(west, 'orders', { partitions: PARTITIONS, prefix: 'w', pauseMs: 5 });
    await eventually('the other side is written to', () => second.count > 200);
    await second.stop();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const expected = [...(first.acknowledged[partition] ?? []), ...(second.acknowledged[partition] ?? [])];
      const hasAll = async (): Promise<boolean> =>
        (await committedValues(east, 'orders', partition)).length >= expected.length;
      await eventually('all has come back', hasAll, WAIT_MS);
      assert.deepEqual(await committedValues(east, 'orders', partition), expected);
      assert.deepEqual(await committedValues(west, 'orders', partition), expected);
    }
  });

  function anyWorkerBut(id: string): FleetProcess {
    const other = fleet.running('worker').find((worker) => worker.id !== id);
    assert.ok(other !== undefined);
    return other;
  }
});
