import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { refKey } from '../../../common/model/assignment.js';
import type { Route } from '../../../common/model/route.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { Appender } from './appender.js';
import { ClusterPair } from './cluster-pair.js';
import { IncarnationUnderTest } from './incarnation-kit.js';
import { type Arrival, arrivals, latencyMs, longestGapMs, SteadyWriter, type SteadyWriting } from './steady-writer.js';
import { eventually, item, numbered, type TestCluster, testRoute, threadSettings } from './thread-kit.js';

const APPEND_TIME = { 'message.timestamp.type': 'LogAppendTime' };
/** What a partition that nothing happens to may be without a record, beside what the machine itself costs it. */
const CALM_GAP_MS = 700;
/** How long the load runs before anything happens: its pauses are the machine's. */
const CALM_MS = 1_000;

describe('the data threads of a worker', () => {
  let pair: ClusterPair;
  let source: TestCluster;
  let target: TestCluster;
  let route: Route;

  before(async () => {
    pair = await ClusterPair.start({ source: '3.9.1', target: '3.9.1' });
    ({ source, target } = pair);
    route = testRoute('source', 'target');
  });

  after(async () => {
    await pair?.stop();
  });

  const open: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  async function topic(name: string, partitions: number): Promise<string | null> {
    await Promise.all([source.createTopic(name, partitions), target.createTopic(name, partitions, APPEND_TIME)]);
    return source.topicId(name);
  }

  const bootstrapServers = (): string => source.connection.bootstrap.join(',');

  async function worker(threads: number): Promise<IncarnationUnderTest> {
    const settings = threadSettings({ threads });
    const under = await IncarnationUnderTest.open([source.connection, target.connection], { threads, settings });
    open.push(() => under.close());
    return under;
  }

  async function writerOf(writing: SteadyWriting): Promise<SteadyWriter> {
    const writer = await SteadyWriter.start(writing);
    open.push(() => writer.stop());
    return writer;
  }

  /** `count` partitions of a new topic, copied by a worker with two threads, under steady load. */
  async function underLoad(
    name: string,
    partitions: number,
  ): Promise<{ under: IncarnationUnderTest; writer: SteadyWriter; calmUntilMs: number }> {
    const sourceTopicId = await topic(name, partitions);
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const under = await worker(2);
    under.assign(
      [route],
      all.map((partition) => item(name, partition, { sourceTopicId })),
    );
    await under.started(partitions);
    const writing = { bootstrapServers: bootstrapServers(), topic: name, partitions: all, intervalMs: 10 };
    const writer = await writerOf(writing);
    await systemClock.sleep(CALM_MS);
    return { under, writer, calmUntilMs: Date.now() };
  }

  /** What the machine at the moment costs a partition to which nothing has happened yet, and more. */
  const unrestMs = (arrived: readonly Arrival[], calmUntilMs: number): number =>
    3 * longestGapMs(arrived, 0, calmUntilMs);

  async function allArrived(name: string, partition: number, count: number): Promise<void> {
    await eventually(`all of ${name}-${partition}`, async () => {
      const numbers = new Set((await arrivals(target, name, partition)).map(({ number }) => number));
      return numbers.size === count;
    });
  }

  test('a partition changes threads under load: nothing twice, nothing missing, in order, pauses under a second, held all the while', async () => {
    const { under, writer, calmUntilMs } = await underLoad('moving', 4);
    const before = under.reports.length;
    for (let i = 0; i < 6; i++) {
      const from = under.threadOf('moving', 0);
      under.incarnation.move({ key: 'r/moving-0', from, to: 1 - from, reason: 'test' });
      await eventually(`move ${i} done`, () => under.threadOf('moving', 0) === 1 - from && under.hasBegun('moving', 0));
      await systemClock.sleep(150);
    }
    const count = await writer.stop();
    for (const partition of [0, 1, 2, 3]) {
      await allArrived('moving', partition, count);
      const arrived = await arrivals(target, 'moving', partition);
      assert.deepEqual(
        arrived.map(({ number }) => number),
        Array.from({ length: count }, (_, i) => i),
      );
      const gapMs = longestGapMs(arrived, calmUntilMs);
      assert.ok(gapMs < 1_000 + unrestMs(arrived, calmUntilMs), `partition ${partition} paused for ${gapMs} ms`);
    }
    for (const report of under.reports.slice(before)) {
      assert.equal(new Set(report.held.map(refKey)).size, 4, 'every report has all four');
      assert.equal(new Set(report.started.map(refKey)).size, 4);
      assert.deepEqual(report.doubtful, []);
    }
  });

  test('a thread that dies under load starts again with a new lane; the other thread’s partitions never pause', async () => {
    const { under, writer, calmUntilMs } = await underLoad('dying', 4);
    const doomed = under.threadOf('dying', 0);
    const others = [0, 1, 2, 3].filter((partition) => under.threadOf('dying', partition) !== doomed);
    assert.equal(others.length, 2);
    const killedAtMs = Date.now();
    await under.killHolder('dying', 0);
    await eventually('it restarted', () => under.deaths === 1);
    await eventually('it copies again', async () =>
      (await arrivals(target, 'dying', 0)).some(({ writtenMs }) => writtenMs > killedAtMs + 1_500),
    );
    const count = await writer.stop();
    for (const partition of [0, 1, 2, 3]) await allArrived('dying', partition, count);
    for (const partition of others) {
      const arrived = await arrivals(target, 'dying', partition);
      const gapMs = longestGapMs(arrived, killedAtMs - 300);
      assert.ok(gapMs < CALM_GAP_MS + unrestMs(arrived, calmUntilMs), `partition ${partition} paused for ${gapMs} ms`);
      assert.equal(arrived.length, count, 'and nothing of theirs was repeated');
    }
    const producers = new Set((await target.writers('dying', 0)).map((line) => line.split(', ')[2]?.split('/')[0]));
    assert.equal(producers.size, 2, 'the new life writes as another producer');
    assert.equal(under.reports.at(-1)?.held.length, 4);
  });

  test('the main thread blocked for two seconds holds up no copying', async () => {
    const { writer, calmUntilMs } = await underLoad('blocked', 2);
    const fromMs = Date.now();
    for (const untilMs = performance.now() + 2_000; performance.now() < untilMs; );
    const untilMs = Date.now();
    const count = await writer.stop();
    for (const partition of [0, 1]) {
      await allArrived('blocked', partition, count);
      const arrived = await arrivals(target, 'blocked', partition);
      const meanwhile = arrived.filter(({ appendedMs }) => appendedMs >= fromMs && appendedMs <= untilMs);
      const ends = [fromMs, untilMs].map((appendedMs) => ({ number: -1, writtenMs: -1, appendedMs }));
      const gapMs = longestGapMs([...ends.slice(0, 1), ...meanwhile, ...ends.slice(1)]);
      assert.ok(gapMs < CALM_GAP_MS + unrestMs(arrived, calmUntilMs), `paused for ${gapMs} ms`);
    }
  });

  test('one partition with a large backlog does not starve the others of its thread', async () => {
    const hotId = await topic('hot', 1);
    const calmId = await topic('calm', 8);
    const appender = new Appender(bootstrapServers());
    const batch = buildBatch(numbered(0, 900, 1_000));
    for (let i = 0; i < 160; i++) await appender.append('hot', 0, batch);
    await appender.close();
    const under = await worker(1);
    const calm = [0, 1, 2, 3, 4, 5, 6, 7];
    under.assign(
      [route],
      calm.map((partition) => item('calm', partition, { sourceTopicId: calmId })),
    );
    await under.started(8);
    const writing = { bootstrapServers: bootstrapServers(), topic: 'calm', partitions: calm, intervalMs: 10 };
    const writer = await writerOf(writing);
    await systemClock.sleep(CALM_MS);
    const fromMs = Date.now();
    under.assign(
      [route],
      [
        ...calm.map((partition) => item('calm', partition, { sourceTopicId: calmId })),
        item('hot', 0, { sourceTopicId: hotId }),
      ],
    );
    await under.started(9);
    await eventually(
      'the backlog copied',
      () => under.incarnation.statuses().some((s) => s.topic === 'hot' && s.recordsCopied === 144_000),
      30_000,
    );
    const tookMs = Date.now() - fromMs;
    const count = await writer.stop();
    for (const partition of calm) {
      await allArrived('calm', partition, count);
      const arrived = await arrivals(target, 'calm', partition);
      const during = arrived.filter(({ writtenMs }) => writtenMs >= fromMs && writtenMs <= fromMs + tookMs);
      const lateMs = latencyMs(during, 0.95);
      const before = arrived.filter(({ writtenMs }) => writtenMs < fromMs);
      assert.ok(
        lateMs < 500 + 3 * latencyMs(before, 0.95),
        `95 % of partition ${partition} were there after ${lateMs} ms`,
      );
    }
  });
});
