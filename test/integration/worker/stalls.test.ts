import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { PartitionStatus } from '../../../common/model/status.js';
import { TargetWriter } from '../../../worker/produce/target-writer.js';
import { kafkaOf } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { runKafkaTool, toolClasses } from '../../bed/tools.js';
import { createPlacedTopic } from './placed-topic.js';
import { eventually, item, numbered, TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const STALL_AFTER_MS = 1_000;
/** Target partitions by the broker that alone has them: 0 and 1 go on while broker 2 is in trouble. */
const ON_BROKER_2 = 2;

describe('partitions that stand still say what blocks them, and go on by themselves', () => {
  const handles: KafkaClusterHandle[] = [];
  const threads: ThreadUnderTest[] = [];
  let source: TestCluster;
  let target: TestCluster;
  let under: ThreadUnderTest;
  const sent = [0, 0, 0];

  before(async () => {
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'source' }),
        startKafkaCluster({
          name: 'target',
          brokers: 2,
          hasOwnController: true,
          config: { 'broker.session.timeout.ms': '2000' },
        }),
      ])),
    );
    [source, target] = handles.map((handle) => new TestCluster(handle)) as [TestCluster, TestCluster];
    await source.createTopic('t', 3);
    await createPlacedTopic(handles[1]?.bootstrapServers ?? '', 't', [[1], [1], [2]]);
    under = await start('stalls');
    for (const partition of [0, 1, 2]) await append(partition);
    await eventually('all partitions are copied', allThere);
  });

  after(async () => {
    await Promise.all(threads.map(({ thread }) => thread.stop()));
    await Promise.all([source?.close(), target?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  async function start(incarnation: string, maxInflightBytes = 64 << 20): Promise<ThreadUnderTest> {
    const settings = { stallAfterMs: STALL_AFTER_MS, maxInflightBytes };
    const thread = new ThreadUnderTest([source.connection, target.connection], incarnation, settings);
    threads.push(thread);
    const sourceTopicId = await source.topicId('t');
    thread.assign(
      [testRoute('source', 'target')],
      [0, 1, 2].map((partition) => item('t', partition, { sourceTopicId })),
    );
    return thread;
  }

  async function append(partition: number, size?: number): Promise<void> {
    await source.append('t', partition, buildBatch(numbered(sent[partition] ?? 0, 10, size)));
    sent[partition] = (sent[partition] ?? 0) + 10;
  }

  const there = async (partition: number): Promise<number> => (await target.read('t', partition)).length;
  const allThere = async (): Promise<boolean> =>
    (await Promise.all([0, 1, 2].map(there))).every((count, partition) => count === sent[partition]);
  const statusOf = (partition: number, thread = under): PartitionStatus | undefined =>
    thread.status().find((status) => status.partition === partition);

  /** Waits until the partition is stalled for this cause, and gives the evidence. */
  async function stalled(partition: number, code: string, thread = under): Promise<string> {
    await eventually(`${code} is named`, () => statusOf(partition, thread)?.stall?.code === code, 10_000).catch(
      (error: unknown) => {
        throw new Error(`it is ${JSON.stringify(statusOf(partition, thread)?.stall)}`, { cause: error });
      },
    );
    const { state, stall } = statusOf(partition, thread) as PartitionStatus;
    assert.equal(state, 'stalled');
    const standsMs = Date.now() - Date.parse(stall?.since ?? '');
    assert.ok(standsMs >= STALL_AFTER_MS && standsMs < 120_000, `since ${stall?.since}`);
    return stall?.message ?? '';
  }

  async function runsAgain(partition: number, thread = under): Promise<void> {
    await eventually('it runs again', () => statusOf(partition, thread)?.state === 'running', 20_000);
    assert.equal(statusOf(partition, thread)?.stall, undefined);
  }

  async function othersGoOn(): Promise<void> {
    await Promise.all([append(0), append(1)]);
    await eventually(
      'the others go on',
      async () => (await there(0)) === sent[0] && (await there(1)) === sent[1],
      5_000,
    );
    await eventually('and say so', () => [0, 1].every((partition) => statusOf(partition)?.state === 'running'));
  }

  test('an open source transaction is named with its producer and offsets; committed, its records come', async () => {
    const bootstrap = handles[0]?.bootstrapServers ?? '';
    const producer = kafkaOf(bootstrap).producer({ transactionalId: 'open', idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    try {
      const transaction = await producer.transaction();
      await transaction.send({ topic: 't', messages: [{ partition: 2, key: 'key-open', value: 'v' }] });
      assert.match(
        await stalled(2, 'source-transaction-open'),
        /last stable offset is 10, behind the high watermark 11/,
      );
      const named = /producer \d+ \(epoch 0\) opened it at offset 10/;
      await eventually('the producer is named', () => named.test(statusOf(2)?.stall?.message ?? ''));
      await othersGoOn();
      await transaction.commit();
    } finally {
      await producer.disconnect();
    }
    await runsAgain(2);
    sent[2] = (sent[2] ?? 0) + 1;
    await eventually('its record is there', allThere);
  });

  test('a target broker that hangs: what is sent and unanswered is named with the broker; the others go on', async () => {
    handles[1]?.brokers[1]?.pause();
    await append(ON_BROKER_2);
    assert.match(await stalled(2, 'target-unanswered'), /1 of 1 batches sent to broker 2 \(127\.0\.0\.1:\d+\)/);
    await othersGoOn();
    handles[1]?.brokers[1]?.resume();
    await runsAgain(2);
    await eventually('all is there', allThere);
  });

  test('a target partition without a leader is named; when its broker is back it goes on', async () => {
    await handles[1]?.brokers[1]?.kill();
    await append(ON_BROKER_2);
    await stalled(2, 'target-leaderless');
    await othersGoOn();
    await handles[1]?.brokers[1]?.start();
    await runsAgain(2);
    await eventually('all is there', allThere);
  });

  test('memory that another partition holds is named with its holder; released, the starved one goes on', async () => {
    await under.thread.stop();
    const small = await start('small', 192 << 10);
    for (const partition of [0, 1, 2]) await runsAgain(partition, small);
    handles[1]?.brokers[1]?.pause();
    for (let i = 0; i < 4; i++) await append(ON_BROKER_2, 15_000);
    await stalled(2, 'target-unanswered', small);
    await append(0);
    assert.match(await stalled(0, 'memory', small), /held by r\/t 0\.1 MiB/);
    handles[1]?.brokers[1]?.resume();
    await runsAgain(0, small);
    await runsAgain(2, small);
    await eventually('all is there', allThere, 20_000);
    under = small;
  });

  const kicks = () =>
    threads.flatMap(({ messages }) =>
      messages.flatMap((message) => (message.type === 'stats' ? message.stats.kicks : [])),
    );

  test('nothing was pushed: whatever stood still had a cause', () => assert.deepEqual(kicks(), []));

  test('a wake-up that is lost: the partition is pushed, counted, and goes on', async () => {
    const { ready } = TargetWriter.prototype;
    TargetWriter.prototype.ready = () => undefined;
    try {
      await append(0);
      await eventually('it is fetched', () => statusOf(0)?.lagRecords === 10);
    } finally {
      TargetWriter.prototype.ready = ready;
    }
    await eventually('all is there', allThere);
    await runsAgain(0);
    await eventually('it is counted', () => kicks().some(({ route }) => route === 'r'));
  });

  test('the target’s quota is named, with the time until it reads again', async () => {
    const bootstrap = handles[1]?.bootstrapServers ?? '';
    const entity = [
      '--bootstrap-server',
      bootstrap,
      '--alter',
      '--entity-type',
      'clients',
      '--entity-name',
      'causeway.test.w',
    ];
    await runKafkaTool(toolClasses.configs, [...entity, '--add-config', 'producer_byte_rate=6000']);
    await append(1, 15_000);
    await eventually('the first is copied', async () => (await there(1)) === sent[1]);
    await append(1);
    assert.match(
      await stalled(1, 'target-throttled'),
      /broker 1 \(.*\) reads nothing of ours for another \d+\.\d s \(quota\)/,
    );
    await runsAgain(1);
    await eventually('all is there', allThere, 20_000);
  });
});
