import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CausewayClient } from '../../../common/api/client.js';
import { JobClient } from '../../../common/api/job-client.js';
import type { JobView, JobWish } from '../../../common/api/job-shapes.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { listOffsets, TIMESTAMP_LATEST } from '../../../common/kafka/wire/operations/list-offsets.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { Isolation } from '../../../common/model/route.js';
import { AuditCluster } from '../../audit/audit-cluster.js';
import { dumpPartition } from '../../audit/dump.js';
import { type AuditRecord, differences } from '../../audit/record.js';
import { kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { Workspace } from '../../bed/workspace.js';
import { startZooKeeper, type ZooKeeperHandle } from '../../bed/zookeeper.js';
import { type CommandResult, causeway, RoleProcess } from '../cli/cli-kit.js';
import { deleteRecords } from '../worker/delete-records.js';
import { TestCluster } from '../worker/thread-kit.js';

const BATCH = 10;
const BATCHES = 40;
/** Of each partition. */
const BULK_BATCHES = 240;

describe('bounded jobs, by the command line, on a fleet of processes between real clusters', () => {
  const workspace = new Workspace('jobs');
  const roles: RoleProcess[] = [];
  let zooKeeper: ZooKeeperHandle;
  let source: KafkaClusterHandle;
  let target: KafkaClusterHandle;
  let east: TestCluster;
  let url: string;
  let client: JobClient;

  function start(role: string, id: string): RoleProcess {
    const process = RoleProcess.start(
      workspace,
      role,
      id,
      `
fleet: jobs
coordination:
  type: zookeeper
  zookeeper: { connect: "${zooKeeper.connect}", sessionTimeoutMs: 2000 }
clusters:
  east: { bootstrap: ["${source.bootstrapServers}"] }
  west: { bootstrap: ["${target.bootstrapServers}"] }
routes:
  east-west: { source: east, target: west }
controller: { id: ${id}, metadataIntervalMs: 500 }
worker: { id: ${id}, threads: 1 }
`,
    );
    roles.push(process);
    return process;
  }

  const command = (...args: string[]): Promise<CommandResult> => causeway(args, url);

  async function create(id: string, topics: JobWish['topics'], rest: Partial<JobWish> = {}): Promise<JobView> {
    return await client.create({ id, source: 'east', target: 'west', topics, ...rest });
  }

  async function done(id: string, timeoutMs = 60_000): Promise<JobView> {
    await waitUntil(`job ${id} is done`, async () => (await client.get(id)).state === 'done', { timeoutMs });
    return await client.get(id);
  }

  async function refused(code: string, topic: JobWish['topics'][number], rest: Partial<JobWish> = {}): Promise<void> {
    await assert.rejects(
      client.create({ source: 'east', target: 'west', topics: [topic], ...rest }),
      (error) => isCausewayError(error) && error.code === code,
    );
  }

  async function records(cluster: KafkaClusterHandle, topic: string, partition = 0): Promise<AuditRecord[]> {
    const audit = new AuditCluster(cluster.bootstrapServers);
    try {
      const layout = await audit.layout(topic);
      const range = layout === undefined ? undefined : (await audit.ranges(layout))[partition];
      if (layout === undefined || range === undefined) return [];
      const found: AuditRecord[] = [];
      for await (const some of dumpPartition(audit, { layout, partition, range })) found.push(...some);
      return found;
    } finally {
      await audit.close();
    }
  }

  /** The target has just what a reader of the source finds in [from, until), in order. */
  async function copied(
    range: { readonly from: number; readonly until: number; readonly partition?: number },
    from: { readonly topic: string; readonly cluster?: KafkaClusterHandle },
    into: { readonly topic: string; readonly cluster?: KafkaClusterHandle },
  ): Promise<AuditRecord[]> {
    const { partition = 0 } = range;
    const all = await records(from.cluster ?? source, from.topic, partition);
    const expected = all.filter(({ offset }) => offset >= range.from && offset < range.until);
    const found = await records(into.cluster ?? target, into.topic, partition);
    assert.deepEqual(
      found.map(({ value }) => String(value)),
      expected.map(({ value }) => String(value)),
    );
    for (const [i, record] of found.entries()) assert.deepEqual(differences(expected[i] as AuditRecord, record), []);
    return found;
  }

  async function ledgerEnd(isolation: Isolation): Promise<bigint | undefined> {
    const place = { topic: 'ledger', partition: 0, timestamp: TIMESTAMP_LATEST };
    return (await listOffsets(east.client, isolation, [place]))[0]?.offset;
  }

  /** Batches of ten, each record a millisecond later, with transactions in between, of which every other one is aborted. */
  async function fillLedger(): Promise<void> {
    const producer = kafkaOf(source.bootstrapServers).producer({ transactionalId: 'ledger', idempotent: true });
    await producer.connect();
    for (let batch = 0; batch < BATCHES; batch++) {
      // Markers have the broker's own time.
      await new Promise((resolve) => setTimeout(resolve, 2 * BATCH));
      const firstMs = Date.now() - BATCH;
      const whole = Array.from({ length: BATCH }, (_, i) => ({
        key: Buffer.from(`${batch}.${i}`),
        value: Buffer.from(`ledger ${batch}.${i}`),
        headers: [[Buffer.from('h'), Buffer.from(`${i}`)] as const],
        timestamp: BigInt(firstMs + i),
      }));
      await east.append('ledger', 0, buildBatch(whole, { codec: batch % 2 === 0 ? 'none' : 'gzip' }));
      if (batch % 4 !== 0) continue;
      const transaction = await producer.transaction();
      const messages = [0, 1, 2].map((i) => ({ value: `in transaction ${batch}.${i}`, partition: 0 }));
      await transaction.send({ topic: 'ledger', messages });
      await (batch % 8 === 0 ? transaction.abort() : transaction.commit());
      await waitUntil(
        'its marker is in the log',
        async () => (await ledgerEnd('read_committed')) === (await ledgerEnd('read_uncommitted')),
      );
    }
    await producer.disconnect();
  }

  /** Two partitions with enough in them for a worker to die in the middle. */
  async function fillBulk(): Promise<void> {
    for (let batch = 0; batch < BULK_BATCHES; batch++) {
      for (const partition of [0, 1]) {
        const some = Array.from({ length: BATCH }, (_, i) => ({
          key: null,
          value: Buffer.from(`bulk ${partition} ${batch}.${i} ${'x'.repeat(100)}`),
          headers: [],
          timestamp: BigInt(Date.now()),
        }));
        await east.append('bulk', partition, buildBatch(some));
      }
    }
  }

  before(async () => {
    [zooKeeper, source, target] = await Promise.all([
      startZooKeeper({ name: 'jobs' }),
      startKafkaCluster({ name: 'east' }),
      startKafkaCluster({ name: 'west', version: '4.1.0' }),
    ]);
    const first = new CausewayClient({ baseUrl: await start('controller', 'c1').started() });
    await waitUntil('the first one leads', async () => (await first.status()).leader !== null);
    east = new TestCluster(source);
    const filled = async (): Promise<void> => {
      await east.createTopic('ledger', 1);
      await east.createTopic('bulk', 2);
      await fillLedger();
      await fillBulk();
    };
    const [second] = await Promise.all([
      start('controller', 'c2').started(),
      start('worker', 'w1').started(),
      start('worker', 'w2').started(),
      filled(),
    ]);
    url = second;
    client = new JobClient(new CausewayClient({ baseUrl: url }).transport);
    await waitUntil('the controller is ready', async () => (await fetch(`${url}/readyz`)).ok);
  });

  after(async () => {
    await Promise.all(roles.map(({ child }) => child.kill()));
    await east?.client.close();
    await Promise.all([zooKeeper?.stop(), source?.stop(), target?.stop()]);
    workspace.remove();
  });

  test('an offset range is copied exactly: it begins and ends inside batches, aborted transactions are left out', async () => {
    const [from, until] = [13, 237];
    const range = ['--from', String(from), '--to', String(until)];
    const place = ['--id', 'offsets', '--source', 'east', '--target', 'west'];
    const created = await command('job', 'create', 'ledger=replay.ledger', ...place, ...range);
    assert.equal(created.code, 0, created.stderr);
    assert.match(created.stdout, /offsets +east +west +running +0\/1 +0\/224 /);
    assert.equal((await command('job', 'wait', 'offsets', '--timeout', '60')).code, 0);
    const found = await copied({ from, until }, { topic: 'ledger' }, { topic: 'replay.ledger' });
    assert.ok(found.some(({ value }) => String(value).startsWith('in transaction 4.')));
    assert.ok(!found.some(({ value }) => String(value).startsWith('in transaction 8.')), 'of an aborted transaction');
    const job = await client.get('offsets');
    assert.deepEqual(
      [job.state, job.partitionsDone, job.offsetsDone, job.records, job.gapRecords],
      ['done', 1, until - from, found.length, 0],
    );
    assert.match((await command('job', 'describe', 'offsets')).stdout, /ledger-0 +replay.ledger +13 +237 +237 +done/);
    const routes = await command('route', 'list', '-o', 'name');
    assert.equal(routes.stdout, 'east-west\n', 'a job is not among the routes');
  });

  test('a time range is resolved when the job is made, to the record; the same cluster takes the copy under another name', async () => {
    const all = await records(source, 'ledger');
    const [first, end] = [25, 124].map((i) => all[i] as AuditRecord) as [AuditRecord, AuditRecord];
    const range = {
      from: { timestamp: new Date(first.timestamp).toISOString() },
      to: { timestamp: end.timestamp },
    };
    const created = await create('times', [{ topic: 'ledger', targetTopic: 'yesterday', ...range }], {
      target: 'east',
    });
    const { from, until } = created.topics[0]?.partitions[0] ?? {};
    assert.deepEqual([from, until], [String(first.offset), String(end.offset)]);
    await done('times');
    const into = { topic: 'yesterday', cluster: source };
    const found = await copied({ from: first.offset, until: end.offset }, { topic: 'ledger' }, into);
    assert.equal(found.length, 99);
  });

  test('fresh timestamps are the target’s own', async () => {
    const beforeMs = Date.now();
    const topic = { topic: 'ledger', targetTopic: 'fresh', to: { offset: '30' } };
    await create('fresh', [topic], { timestamps: 'fresh' });
    await done('fresh');
    const west = new TestCluster(target);
    const found = await west.appended('fresh', 0);
    await west.client.close();
    assert.equal(found.length, 26, 'of thirty offsets an aborted transaction and its marker have four');
    assert.ok(found.every(({ appendedMs }) => appendedMs >= beforeMs));
  });

  test('a worker and a leader that are killed in the middle, a pause, and a cancelled job that is resumed: nothing is missing, nothing comes twice', async () => {
    const [from, until] = [7, BULK_BATCHES * BATCH - 7];
    const range = { from: { offset: String(from) }, to: { offset: String(until) } };
    // Slow enough not to end before a worker is found dead, on a busy machine too; it is lifted in the end.
    const limits = { recordsPerS: 50 };
    await create('bulk', [{ topic: 'bulk', targetTopic: 'replay.bulk', ...range }], { limits });
    const progress = async (): Promise<number> => (await client.get('bulk')).offsetsDone;
    await waitUntil('it is under way', async () => (await progress()) > 100);
    const victim = (await client.get('bulk')).topics[0]?.partitions[0]?.worker;
    await roles.find(({ child }) => child.name === `worker ${victim}`)?.child.kill();
    const isWithOthers = async (): Promise<boolean> => {
      const partitions = (await client.get('bulk')).topics.flatMap((topic) => topic.partitions);
      return partitions.every(({ worker, state }) => state === 'running' && worker !== victim);
    };
    await waitUntil('the other worker has all of it', isWithOthers, { timeoutMs: 30_000 });
    assert.equal((await client.order('bulk', 'cancel')).state, 'cancelled');
    const fleet = new CausewayClient({ baseUrl: url });
    const isFree = async (): Promise<boolean> => !JSON.stringify(await fleet.assignment()).includes('job.bulk');
    await waitUntil('nobody holds it', isFree, { timeoutMs: 20_000 });
    const at = await progress();
    assert.ok(at < 2 * (until - from), 'it was cancelled before its end');
    assert.equal((await command('job', 'wait', 'bulk', '--timeout', '2')).code, 3);
    assert.equal((await client.order('bulk', 'resume')).state, 'running');
    await waitUntil('it goes on', async () => (await progress()) > at, { timeoutMs: 30_000 });
    await roles.find(({ child }) => child.name === 'controller c1')?.child.kill();
    assert.equal((await client.order('bulk', 'pause')).state, 'paused');
    assert.equal((await client.order('bulk', 'resume')).state, 'running');
    const left = 2 * (until - from) - (await progress());
    const liftedMs = Date.now();
    assert.equal((await command('job', 'limit', 'bulk', '--records-per-s', 'none')).code, 0);
    await done('bulk');
    const tookMs = Date.now() - liftedMs;
    assert.ok(tookMs < (left / limits.recordsPerS) * 1_000, `${left} offsets without a limit took ${tookMs} ms`);
    await assert.rejects(client.patch('bulk', { limits }), (error) => isCausewayError(error, 'JOB_STATE'));
    for (const partition of [0, 1])
      await copied({ from, until, partition }, { topic: 'bulk' }, { topic: 'replay.bulk' });
  });

  test('records that retention takes while the job waits are declared, up to the end of the range and not beyond', async () => {
    const [from, until] = [100, 2_000];
    const range = { from: { offset: String(from) }, to: { offset: String(until) } };
    const topic = { topic: 'bulk', targetTopic: 'late', partitions: [1], ...range };
    await create('late', [topic], { limits: { recordsPerS: 1 } });
    await client.order('late', 'pause');
    await deleteRecords(east.connection, 'bulk', 1, 2_100n);
    await client.order('late', 'resume');
    const { gapRecords } = await done('late');
    const found = (await records(target, 'late', 1)).length;
    assert.ok(gapRecords > 0 && gapRecords + found === until - from, `${found} records copied, ${gapRecords} declared`);
  });

  test('what cannot be is refused before anything is made, with the reason', async () => {
    const topic = 'ledger';
    const targetTopic = 'x';
    const bulk = { topic: 'bulk', partitions: [1], targetTopic };
    const at = (offset: number): { readonly offset: string } => ({ offset: String(offset) });
    await refused('CLUSTER_UNKNOWN', { topic, targetTopic }, { source: 'north' });
    await refused('TOPIC_UNKNOWN_AT_SOURCE', { topic: 'nowhere', targetTopic });
    await refused('PARTITIONS_BEYOND_SOURCE', { topic, targetTopic, partitions: [1] });
    await refused('JOB_INVALID', { topic, targetTopic, from: at(20), to: at(20) });
    await refused('JOB_INVALID', { topic, targetTopic, from: at(20), to: at(10) });
    await refused('JOB_INVALID', { topic, targetTopic, to: at(1_000_000) });
    await refused('JOB_INVALID', { ...bulk, from: at(20), to: at(2_200) });
    await refused('JOB_INVALID', { topic, targetTopic, to: { timestamp: Date.now() + 3_600_000 } });
    const [early, later] = [1, 2].map((hours) => ({ timestamp: Date.now() - 86_400_000 + hours * 3_600_000 }));
    await refused('JOB_INVALID', { topic, targetTopic, from: early, to: later });
    await refused('JOB_INVALID', { topic, targetTopic: topic }, { target: 'east' });
    await refused('TOPIC_DENIED', { topic, targetTopic: '__consumer_offsets' });
    await refused('JOB_EXISTS', { topic, targetTopic }, { id: 'offsets' });
    await refused('JOB_INVALID', { topic, targetTopic: 'replay.ledger' }, { timestamps: 'fresh' });
    const fleet = new CausewayClient({ baseUrl: url });
    await fleet.addTopic('east-west', { topic, partitions: 'all', paused: false, limits: {} });
    await refused('TARGET_CONFLICT', { topic: 'bulk', targetTopic: topic });
    await create('held', [{ ...bulk, targetTopic: 'held' }], { limits: { recordsPerS: 1 } });
    await refused('TARGET_CONFLICT', { topic, targetTopic: 'held' });
    const same = { topic: 'bulk', partitions: 'all', paused: false, limits: {} } as const;
    await fleet.putRoute('named', {
      ...(await fleet
        .getRoute('east-west')
        .then(({ value: { name: _name, topics: _topics, deliveryReason: _reason, ...settings } }) => settings)),
      naming: { policy: 'map', topics: { bulk: 'held' }, otherwise: { policy: 'identity' } },
    });
    await assert.rejects(fleet.addTopic('named', same), (error) => isCausewayError(error, 'TARGET_CONFLICT'));
    const failed = (promise: Promise<unknown>, code: string): Promise<void> =>
      assert.rejects(promise, (error) => isCausewayError(error) && error.code === code);
    await failed(client.delete('held'), 'JOB_STATE');
    await failed(client.order('offsets', 'resume'), 'JOB_STATE');
    await failed(client.get('nothing'), 'JOB_UNKNOWN');
    assert.equal((await command('job', 'cancel', 'held')).code, 0);
    assert.equal((await command('job', 'delete', 'held', 'offsets', '--yes')).code, 0);
    const anew = { topic, targetTopic: 'anew', from: at(13), to: at(237) };
    await create('offsets', [anew]);
    await done('offsets');
    await copied({ from: 13, until: 237 }, { topic }, { topic: 'anew' });
    await client.delete('offsets');
    const { jobs } = await client.list();
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ['bulk', 'fresh', 'late', 'times'],
    );
  });
});
