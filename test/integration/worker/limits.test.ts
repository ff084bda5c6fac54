import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { listOffsets, TIMESTAMP_LATEST } from '../../../common/kafka/wire/operations/list-offsets.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { Appender } from './appender.js';
import { ClusterPair } from './cluster-pair.js';
import { SmallFleet } from './small-fleet.js';
import { eventually, numbered, type TestCluster } from './thread-kit.js';

const PARTITIONS = [0, 1, 2, 3];
const BATCH = buildBatch(numbered(0, 50, 1_000));
const RECORD_BYTES = BATCH.length / 50;
const MB = 1_000_000;
const RAISED_MB = 2.5;

describe('rate limits, on a fleet of two workers between real clusters', () => {
  let pair: ClusterPair;
  let source: TestCluster;
  let target: TestCluster;
  let fleet: SmallFleet;

  before(async () => {
    pair = await ClusterPair.start({ source: '3.9.1', target: '3.9.1' });
    ({ source, target } = pair);
    const [a, b] = pair.handles;
    fleet = await SmallFleet.start({
      clusters: { source: a.bootstrapServers, target: b.bootstrapServers },
      routes: { r: { source: 'source', target: 'target', limits: { bytesPerS: MB } } },
      workers: 2,
      worker: { threads: 2 },
    });
    await source.createTopic('t', PARTITIONS.length);
    const appender = new Appender(a.bootstrapServers);
    // 100 MB: far more than the limits let through in the whole test.
    for (let i = 0; i < 500; i++) {
      await Promise.all(PARTITIONS.map((partition) => appender.append('t', partition, BATCH)));
    }
    await appender.close();
    await fleet.client.addTopic('r', { topic: 't' });
    await eventually('copying', async () => (await copied()) > 0, 30_000);
  });

  after(async () => {
    await fleet?.close();
    await pair?.stop();
  });

  /** Records at the target. */
  async function copied(): Promise<number> {
    const queries = PARTITIONS.map((partition) => ({ topic: 't', partition, timestamp: TIMESTAMP_LATEST }));
    const ends = await listOffsets(target.client, 'read_uncommitted', queries);
    return ends.reduce((sum, { errorCode, offset }) => sum + (errorCode === 0 ? Number(offset) : 0), 0);
  }

  /** Records a second that reach the target over so many seconds. */
  async function rate(seconds: number): Promise<number> {
    const [from, fromMs] = [await copied(), performance.now()];
    await systemClock.sleep(seconds * 1_000);
    return ((await copied()) - from) / ((performance.now() - fromMs) / 1_000);
  }

  function near(actual: number, wanted: number, tolerance: number): void {
    const off = Math.abs(actual - wanted) / wanted;
    assert.ok(off <= tolerance, `${actual} instead of ${wanted}: ${Math.round(off * 100)} % off`);
  }

  test('the route’s limit holds over all workers within 15 % over ten seconds; partitions are shown as held back, not as faulty', async () => {
    await systemClock.sleep(1_000);
    near((await rate(10)) * RECORD_BYTES, MB, 0.15);
    const detail = await fleet.client.describeTopic('r', 't');
    assert.deepEqual(detail.states, { running: 4 });
    assert.equal(detail.throttled, 4);
    assert.deepEqual(
      [...new Set(detail.partitions.map(({ throttledBy, reason }) => `${throttledBy} ${reason}`))],
      ['route null'],
    );
    assert.equal(
      new Set(detail.partitions.map(({ worker, thread }) => `${worker}/${thread}`)).size,
      4,
      'a thread each',
    );
    const metrics = (await Promise.all(fleet.workers.map(({ metrics: own }) => own.text()))).join('\n');
    assert.match(metrics, /causeway_limit_wait_seconds_total\{route="r",by="route"\} [1-9]/);
    assert.match(metrics, /causeway_thread_utilization\{thread="1"\} \d/);
  });

  test('raised live it takes effect within two seconds, in records a second too, and on a topic', async () => {
    await fleet.client.patchRoute('r', { limits: { bytesPerS: RAISED_MB * MB } });
    await systemClock.sleep(1_500);
    near((await rate(3)) * RECORD_BYTES, RAISED_MB * MB, 0.2);
    await fleet.client.patchTopic('r', 't', { limits: { recordsPerS: 600 } });
    await systemClock.sleep(1_500);
    near(await rate(4), 600, 0.2);
    const detail = await fleet.client.describeTopic('r', 't');
    assert.deepEqual([...new Set(detail.partitions.map(({ throttledBy }) => throttledBy))], ['topic']);
  });

  test('what a limit keeps from being read is known all the same: its lag grows as the source does', async () => {
    await source.createTopic('u', 1);
    await fleet.client.addTopic('r', { topic: 'u', limits: { recordsPerS: 1 } });
    const [a] = pair.handles;
    const appender = new Appender(a.bootstrapServers);
    const lag = async (): Promise<number | null | undefined> => {
      const { partitions } = await fleet.client.describeTopic('r', 'u');
      return partitions.find(({ state }) => state === 'running')?.lagRecords;
    };
    await appender.append('u', 0, BATCH);
    // Fifty records of one a second: nothing more of it is read for most of a minute.
    await eventually('it is read', async () => (await lag()) === 0, 30_000);
    for (let i = 0; i < 5; i++) await appender.append('u', 0, BATCH);
    await appender.close();
    await eventually('the lag is told', async () => (await lag()) === 250, 30_000);
  });

  test('removed, the worker copies as fast as it can; its HTTP interface answers all the same', async () => {
    const slow: number[] = [];
    let busiest = 0;
    await fleet.client.patchTopic('r', 't', { limits: {} });
    const { etag } = await fleet.client.getRoute('r');
    // Every batch decoded and compressed: the data threads have more than enough to do.
    await fleet.client.putRoute('r', { source: 'source', target: 'target', compression: 'gzip' }, etag);
    const fromMs = performance.now();
    const total = 500 * 50 * PARTITIONS.length;
    const leftBytes = (total - (await copied())) * RECORD_BYTES;
    while ((await copied()) < total && performance.now() - fromMs < 90_000) {
      const [worker] = fleet.workers;
      const askedMs = performance.now();
      const status = (await (await fetch(`${worker?.httpAddress}/status`)).json()) as {
        threads: { utilization: number }[];
      };
      slow.push(performance.now() - askedMs);
      busiest = Math.max(busiest, ...status.threads.map(({ utilization }) => utilization));
      await systemClock.sleep(20);
    }
    assert.equal(await copied(), total);
    const tookS = (performance.now() - fromMs) / 1_000;
    const limitedS = leftBytes / (RAISED_MB * MB);
    assert.ok(tookS < limitedS, `${tookS} s for what the limit that was lifted would let through in ${limitedS} s`);
    slow.sort((a, b) => a - b);
    const [most, worst] = [slow[Math.floor(slow.length * 0.95)] ?? 0, slow.at(-1) ?? 0];
    assert.ok(
      most < 500,
      `95 % of ${slow.length} answers within ${Math.round(most)} ms, the last ${Math.round(worst)} ms`,
    );
    process.stderr.write(
      `http p95 ${Math.round(most)} ms of ${slow.length}, busiest thread ${busiest}, took ${tookS} s\n`,
    );
  });
});
