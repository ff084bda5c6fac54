import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { FleetStatus, TopicDetail } from '../../../common/api/fleet-shapes.js';
import { AuditCluster } from '../../audit/audit-cluster.js';
import { compareClusters } from '../../audit/compare-clusters.js';
import { Load } from '../../audit/load.js';
import { describeProblem, isClean } from '../../audit/report.js';
import { shapeNamed } from '../../audit/shapes.js';
import { createTopics } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { Workspace } from '../../bed/workspace.js';
import { causeway, RoleProcess } from './cli-kit.js';

const orders = shapeNamed('orders');
const clicks = shapeNamed('clicks');

describe('causeway standalone, by its command line, between real clusters', () => {
  const workspace = new Workspace('standalone');
  let source: KafkaClusterHandle;
  let target: KafkaClusterHandle;
  let config: string;
  let role: RoleProcess;
  let url: string;

  before(async () => {
    [source, target] = await Promise.all([
      startKafkaCluster({ name: 'source' }),
      startKafkaCluster({ name: 'target', version: '4.1.0' }),
    ]);
    await createTopics(source.bootstrapServers, [orders, clicks]);
    config = `
coordination: { type: embedded, embedded: { dir: ./state } }
clusters:
  east: { bootstrap: ["${source.bootstrapServers}"] }
  west: { bootstrap: ["${target.bootstrapServers}"] }
routes:
  east-west: { source: east, target: west }
worker: { id: solo }
`;
    role = RoleProcess.start(workspace, 'standalone', 'solo', config);
    url = await role.started();
  });

  after(async () => {
    await role?.child.kill();
    await Promise.all([source?.stop(), target?.stop()]);
    workspace.remove();
  });

  async function load(run: number): Promise<Load> {
    const writing = new Load({
      bootstrapServers: source.bootstrapServers,
      shapes: [orders, clicks],
      recordsPerS: 5_000,
      run,
      maxRecords: 10_000,
    });
    await waitUntil('enough is written', () => writing.written > 6_000);
    await writing.stop();
    return writing;
  }

  async function caughtUp(): Promise<void> {
    const waited = await causeway(['topic', 'wait', 'orders', 'clicks', '--timeout', '80'], url);
    assert.equal(waited.code, 0, `${waited.stdout}${waited.stderr}`);
    // What workers say of their lag is half a second old.
    await waitUntil('the target ends where the source does', async () => {
      return (await recordsAt(target)) >= (await recordsAt(source));
    });
  }

  async function recordsAt({ bootstrapServers }: KafkaClusterHandle): Promise<number> {
    const reader = new AuditCluster(bootstrapServers);
    try {
      const layouts = await Promise.all(['orders', 'clicks'].map((topic) => reader.layout(topic)));
      const ranges = await Promise.all(layouts.map((layout) => (layout === undefined ? [] : reader.ranges(layout))));
      return ranges.flat().reduce((sum, range) => sum + Number(range.end), 0);
    } finally {
      await reader.close();
    }
  }

  test('refuses a topic that the source does not have', async () => {
    const { code, stderr, stdout } = await causeway(['topic', 'add', 'nowhere'], url);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^TOPIC_UNKNOWN_AT_SOURCE: /);
  });

  test('adds topics, mirrors their records, and both clusters agree record by record', async () => {
    const added = await causeway(['topic', 'add', 'orders', 'clicks', '-o', 'name'], url);
    assert.deepEqual([added.code, added.stdout], [0, 'orders\nclicks\n'], added.stderr);
    const writing = await load(1);
    await caughtUp();
    const topics = ['orders', 'clicks'];
    const result = await compareClusters({
      source: source.bootstrapServers,
      target: target.bootstrapServers,
      topics,
      ledgers: writing.ledgers,
    });
    assert.ok(isClean(result), result.firstProblems.map(describeProblem).join('\n'));
    assert.ok(result.records > 5_000, `${result.records} records`);
  });

  test('shows leader, worker, partitions and positions', async () => {
    const status = JSON.parse((await causeway(['status', '-o', 'json'], url)).stdout) as FleetStatus;
    assert.ok(status.leader !== null);
    assert.deepEqual([status.counts.workers, status.counts.topics], [1, 2]);
    // What the worker says of its positions may be half a second old.
    await waitUntil('positions and lags are those of the end', async () => {
      const described = await causeway(['topic', 'describe', 'orders', '-o', 'json'], url);
      const detail = JSON.parse(described.stdout) as TopicDetail;
      assert.equal(detail.partitions.length, orders.partitions);
      for (const partition of detail.partitions) {
        assert.deepEqual([partition.worker, partition.state, partition.lagRecords], ['solo', 'running', 0]);
        assert.equal(partition.sourceOffset, partition.targetOffset);
      }
      return true;
    });
    const check = await causeway(['status', '--check'], url);
    assert.equal(check.code, 0, check.stderr);
    assert.match((await causeway(['assignment'], url)).stdout, /solo +east-west +orders +0-\d+ +own +running +yes/);
    assert.match((await causeway(['workers', '-o', 'name'], url)).stdout, /^solo\n$/);
    const probes = await Promise.all(['livez', 'readyz', 'metrics'].map((path) => fetch(`${url}/${path}`)));
    assert.deepEqual(
      probes.map(({ status: code }) => code),
      [200, 200, 200],
    );
  });

  test('a paused topic stands still and says so; resumed, it catches up', async () => {
    assert.equal((await causeway(['topic', 'pause', 'orders'], url)).code, 0);
    await load(2);
    const waited = await causeway(['topic', 'wait', 'orders', '--timeout', '3'], url);
    assert.equal(waited.code, 3, waited.stdout);
    assert.equal((await causeway(['topic', 'resume', 'orders'], url)).code, 0);
    await caughtUp();
  });

  test('SIGTERM hands over and exits 0; started again it goes on where it stopped, nothing twice', async () => {
    assert.deepEqual(await role.child.terminate(60_000), { code: 0, signal: null });
    assert.equal(role.events().at(-1)?.['event'], 'process.stopped');
    await load(3);
    role = RoleProcess.start(workspace, 'standalone', 'again', config);
    url = await role.started();
    await caughtUp();
    const result = await compareClusters({
      source: source.bootstrapServers,
      target: target.bootstrapServers,
      topics: ['orders', 'clicks'],
    });
    assert.ok(isClean(result), result.firstProblems.map(describeProblem).join('\n'));
  });

  test('a second process on the same folder is refused with 78', async () => {
    const twin = RoleProcess.start(workspace, 'standalone', 'twin', config);
    assert.deepEqual(await twin.child.exited, { code: 78, signal: null });
    const failed = twin.events().find(({ event }) => event === 'process.start_failed');
    assert.equal((failed?.['err'] as { code?: string } | undefined)?.code, 'STORE_LOCKED');
  });

  test('removing a topic stops its copying and keeps the target', async () => {
    const asked = await causeway(['topic', 'remove', 'clicks'], url);
    assert.equal(asked.code, 2, 'nobody can be asked here');
    assert.equal((await causeway(['topic', 'remove', 'clicks', '--yes'], url)).code, 0);
    assert.equal((await causeway(['topic', 'list', '-o', 'name'], url)).stdout, 'orders\n');
    assert.equal((await causeway(['topic', 'describe', 'clicks'], url)).code, 1);
  });
});
