import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { TopicDetail } from '../../../common/api/fleet-shapes.js';
import { AuditCluster } from '../../audit/audit-cluster.js';
import { compareClusters } from '../../audit/compare-clusters.js';
import { Load } from '../../audit/load.js';
import { describeProblem, isClean } from '../../audit/report.js';
import { shapeNamed } from '../../audit/shapes.js';
import { createTopics } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { Workspace } from '../../bed/workspace.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { type CommandResult, causeway, RoleProcess } from './cli-kit.js';

const orders = shapeNamed('orders');
const TOKEN = 'a-token-for-this-test';

describe('a fleet of processes with ZooKeeper and a token, by its command line', () => {
  const workspace = new Workspace('fleet');
  const tokenFile = workspace.path('token');
  const processes: RoleProcess[] = [];
  let zooKeeper: ZooKeeperHandle;
  let source: KafkaClusterHandle;
  let target: KafkaClusterHandle;
  let url: string;

  function start(role: string, name: string, id = name): RoleProcess {
    const process = RoleProcess.start(
      workspace,
      role,
      name,
      `
fleet: test
coordination:
  type: zookeeper
  zookeeper: { connect: "${zooKeeper.connect}", sessionTimeoutMs: 3000 }
clusters:
  east: { bootstrap: ["${source.bootstrapServers}"] }
  west: { bootstrap: ["${target.bootstrapServers}"] }
routes:
  east-west: { source: east, target: west, naming: { policy: default } }
controller: { id: ${id}, http: { tokenFile: token } }
worker: { id: ${id}, http: { tokenFile: token } }
`,
    );
    processes.push(process);
    return process;
  }

  const command = (...args: string[]): Promise<CommandResult> => causeway([...args, '--token-file', tokenFile], url);

  /** Sum of the ends of its partitions. */
  async function endsAt({ bootstrapServers }: KafkaClusterHandle, topic: string): Promise<number> {
    const reader = new AuditCluster(bootstrapServers);
    try {
      const layout = await reader.layout(topic);
      const ranges = layout === undefined ? [] : await reader.ranges(layout);
      return ranges.reduce((sum, { end }) => sum + end, 0);
    } finally {
      await reader.close();
    }
  }

  async function ownersOfOrders(): Promise<string[]> {
    const { stdout, stderr } = await command('topic', 'describe', 'orders', '-o', 'json');
    assert.notEqual(stdout, '', stderr);
    const { partitions } = JSON.parse(stdout) as TopicDetail;
    return [...new Set(partitions.map(({ worker, state }) => (state === 'running' ? (worker ?? '-') : state)))].sort();
  }

  before(async () => {
    writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
    [zooKeeper, source, target] = await Promise.all([
      startZooKeeper(),
      startKafkaCluster({ name: 'source' }),
      startKafkaCluster({ name: 'target' }),
    ]);
    await createTopics(source.bootstrapServers, [orders]);
    url = await start('controller', 'c1').started();
    await start('worker', 'w1').started();
    await waitUntil('the controller is ready', async () => (await fetch(`${url}/readyz`)).ok);
  });

  after(async () => {
    await Promise.all(processes.map(({ child }) => child.kill()));
    await Promise.all([zooKeeper?.stop(), source?.stop(), target?.stop()]);
    workspace.remove();
  });

  test('without the token nothing is told', async () => {
    const { code, stdout, stderr } = await causeway(['status'], url);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^UNAUTHENTICATED: /);
  });

  test('a topic added is copied by the one worker', async () => {
    const added = await command('topic', 'add', 'orders');
    assert.equal(added.code, 0, added.stderr);
    assert.match(added.stdout, /orders +east-west +east\.orders/);
    await waitUntil('w1 copies orders', async () => (await ownersOfOrders()).join() === 'w1', {
      timeoutMs: 20_000,
    });
  });

  test('a worker that joins shares the load; the other one, stopped under load, hands over without a repeat and exits 0', async () => {
    const load = new Load({ bootstrapServers: source.bootstrapServers, shapes: [orders], recordsPerS: 2_000, run: 1 });
    await start('worker', 'w2').started();
    await waitUntil('both share orders', async () => (await ownersOfOrders()).join() === 'w1,w2', {
      timeoutMs: 20_000,
    });
    const leaving = processes.find(({ child }) => child.name === 'worker w1');
    assert.deepEqual(await leaving?.child.terminate(30_000), { code: 0, signal: null });
    await waitUntil('w2 copies all of orders', async () => (await ownersOfOrders()).join() === 'w2', {
      timeoutMs: 20_000,
    });
    await waitUntil('enough is written', () => load.written > 2_500);
    await load.stop();
    const waited = await command('topic', 'wait', 'orders', '--timeout', '80');
    assert.equal(waited.code, 0, `${waited.stdout}${waited.stderr}`);
    // Who has gone is counted for a moment more.
    await waitUntil('the fleet is in order', async () => {
      const { code, stderr } = await command('status', '--check');
      assert.equal(code, 0, stderr);
      return true;
    });
    await waitUntil('the target ends where the source does', async () => {
      return (await endsAt(target, 'east.orders')) >= (await endsAt(source, 'orders'));
    });
    const result = await compareClusters({
      source: source.bootstrapServers,
      target: target.bootstrapServers,
      topics: ['orders'],
      targetTopic: (topic) => `east.${topic}`,
      ledgers: load.ledgers,
    });
    assert.ok(isClean(result), result.firstProblems.map(describeProblem).join('\n'));
    assert.ok(result.records > 2_000, `${result.records} records`);
  });

  test('a second process under a living worker’s id ends with 78 and leaves the first alone', {
    timeout: 120_000,
  }, async () => {
    const twin = start('worker', 'twin', 'w2');
    assert.deepEqual(await twin.child.exited, { code: 78, signal: null });
    const failed = twin.events().find(({ event }) => event === 'process.failed');
    assert.equal((failed?.['err'] as { code?: string } | undefined)?.code, 'WORKER_ID_TAKEN');
    await waitUntil('w2 is told to copy all of it', async () => (await ownersOfOrders()).join() === 'w2');
  });

  test('a controller leaves with 0, and no log of any process holds the token', async () => {
    const controller = processes.find(({ child }) => child.name === 'controller c1');
    assert.deepEqual(await controller?.child.terminate(15_000), { code: 0, signal: null });
    for (const role of processes) assert.ok(!JSON.stringify(role.events()).includes(TOKEN), role.child.name);
  });
});
