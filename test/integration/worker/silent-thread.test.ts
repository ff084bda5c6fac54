import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { PartitionStatus } from '../../../common/model/status.js';
import type { ThreadHandle } from '../../../worker/supervisor/thread-pool.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { IncarnationUnderTest } from './incarnation-kit.js';
import { eventually, item, numbered, TestCluster, testRoute, threadSettings } from './thread-kit.js';

const MAIN = new URL('../../../worker/thread/main.js', import.meta.url).href;
/** A data thread whose loop hangs from when the flag is set on, in the middle of whatever it does. */
const HANGING = `
  const { workerData } = require('node:worker_threads');
  const flag = new Int32Array(workerData.hangs);
  setInterval(() => { while (Atomics.load(flag, 0) === 1) {} }, 5);
  import(${JSON.stringify(MAIN)});
`;

describe('a data thread whose loop hangs', () => {
  const handles: KafkaClusterHandle[] = [];
  let source: TestCluster;
  let target: TestCluster;
  let under: IncarnationUnderTest;
  const flags: Int32Array[] = [];

  before(async () => {
    handles.push(
      ...(await Promise.all([startKafkaCluster({ name: 'source' }), startKafkaCluster({ name: 'target' })])),
    );
    [source, target] = handles.map((handle) => new TestCluster(handle)) as [TestCluster, TestCluster];
    await Promise.all([source.createTopic('t', 2), target.createTopic('t', 2)]);
    under = await IncarnationUnderTest.open([source.connection, target.connection], {
      threads: 2,
      settings: threadSettings({ threads: 2 }),
      pulse: { tellAfter: 3, endAfter: 8, endUnbornAfter: 60 },
      spawnThread: (settings): ThreadHandle => {
        const hangs = new SharedArrayBuffer(4);
        // Those of later lives are well.
        if (settings.life === 0) flags[settings.thread] = new Int32Array(hangs);
        return new Worker(HANGING, { eval: true, workerData: { ...settings, hangs } });
      },
    });
  });

  after(async () => {
    for (const flag of flags) Atomics.store(flag, 0, 0);
    await under?.close();
    await Promise.all([source?.close(), target?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  test('it is told, ended, and its partitions go on in its next life: every record once; the other thread goes on all the time', async () => {
    const sent = [0, 0];
    const append = async (): Promise<void> => {
      for (const partition of [0, 1]) {
        await source.append('t', partition, buildBatch(numbered(sent[partition] ?? 0, 10)));
        sent[partition] = (sent[partition] ?? 0) + 10;
      }
    };
    const there = async (partition: number): Promise<number> => (await target.read('t', partition)).length;
    const sourceTopicId = await source.topicId('t');
    const route = { ...testRoute('source', 'target'), delivery: 'exactly-once' } as const;
    under.assign(
      [route],
      [0, 1].map((partition) => item('t', partition, { sourceTopicId })),
    );
    await under.started(2);
    await append();
    await eventually('both are copied', async () => (await there(0)) === 10 && (await there(1)) === 10);

    const hung = under.threadOf('t', 0);
    const well = under.threadOf('t', 1);
    assert.notEqual(hung, well);
    const statusOf = (partition: number): PartitionStatus | undefined =>
      under.incarnation.statuses().find((status) => status.partition === partition);
    // In the middle of copying.
    for (let i = 0; i < 5; i++) await append();
    Atomics.store(flags[hung] as Int32Array, 0, 1);
    await append();
    await eventually('its silence is told', () => statusOf(0)?.stall?.code === 'thread-silent');
    assert.equal(statusOf(0)?.state, 'stalled');
    assert.equal(under.deaths, 0);
    await append();
    await eventually('the other goes on', async () => (await there(1)) === sent[1]);
    assert.equal(statusOf(1)?.state, 'running');

    await eventually('it was ended and begun again', () => under.deaths === 1, 20_000);
    await eventually('its partition runs', () => statusOf(0)?.state === 'running', 30_000);
    await append();
    for (const partition of [0, 1]) {
      await eventually('all is there', async () => (await there(partition)) >= (sent[partition] ?? 0), 20_000);
      const keys = (await target.read('t', partition)).map(({ key }) => key?.toString());
      assert.deepEqual(
        keys,
        [...Array(sent[partition]).keys()].map((number) => `key-${number}`),
      );
    }
  });
});
