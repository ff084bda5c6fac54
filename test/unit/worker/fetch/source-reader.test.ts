import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { systemClock } from '../../../../common/runtime/clock.js';
import type { FetchSettings } from '../../../../worker/fetch/broker-fetcher.js';
import type { FakeLog } from './fake-log.js';
import { FakeSource } from './fake-source.js';
import { type ReaderUnderTest, type RecordingFeed, readerOf, until } from './reader-kit.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function sourceWith(
  brokers: number,
  settings: Partial<FetchSettings> = {},
  budgetBytes?: number,
): Promise<{ source: FakeSource; under: ReaderUnderTest }> {
  const source = await FakeSource.start(brokers);
  cleanups.push(() => source.stop());
  const under = readerOf(source.bootstrap, settings, budgetBytes);
  cleanups.push(() => under.close());
  return { source, under };
}

const caughtUp = (feeds: readonly RecordingFeed[], logs: readonly FakeLog[]) => (): boolean =>
  feeds.every((feed, i) => feed.position === logs[i]?.end);

describe('leaderships (KIP-320)', () => {
  test('a plain move of the leader is followed; nothing is repeated, left out or complained about', async () => {
    const { source, under } = await sourceWith(2);
    const logs = source.topic('t', 4);
    const feeds = await under.feeds('t', 4);
    for (let round = 0; round < 6; round += 1) {
      for (const log of logs) log.append(5);
      await until('read', caughtUp(feeds, logs));
      for (const log of logs) log.elect(1 + (round % 2));
    }
    for (const log of logs) log.append(5);
    await until('read under the last leader', caughtUp(feeds, logs));
    assert.deepEqual(
      feeds.map(({ gone, leaderEpoch }) => [gone, leaderEpoch]),
      feeds.map(() => [[], 6]),
    );
    assert.ok(source.epochQuestions.length >= 6);
  });

  test('a leader without the last records is noticed, also when its log has grown past the position: told where it parts', async () => {
    const { source, under } = await sourceWith(2);
    const logs = source.topic('t', 2);
    const [log, other] = logs as [FakeLog, FakeLog];
    const feeds = await under.feeds('t', 2);
    const [feed, neighbour] = feeds as [RecordingFeed, RecordingFeed];
    for (let i = 0; i < 4; i += 1) log.append(5);
    await until('read', caughtUp(feeds, logs));
    log.elect(2, 10);
    for (let i = 0; i < 10; i += 1) log.append(5);
    other.append(5);
    await until('truncation noticed', () => feed.gone.length > 0);
    assert.deepEqual(feed.gone, [{ fromOffset: 10, leaderEpoch: 1 }]);
    assert.equal(feed.position, 20, 'nothing of the other history was taken');
    await until('the neighbour goes on', () => neighbour.position === other.end);
    under.leaders.refresh();
    await systemClock.sleep(100);
    assert.equal(feed.gone.length, 1, 'said once');
  });

  test('a position that an earlier owner reached is confirmed before the first fetch', async () => {
    const { source, under } = await sourceWith(1);
    const [log] = source.topic('t', 1) as [FakeLog];
    for (let i = 0; i < 4; i += 1) log.append(5);
    log.elect(1, 10);
    for (let i = 0; i < 10; i += 1) log.append(5);
    const [known] = (await under.feeds('t', 1)) as [RecordingFeed];
    under.reader.remove(known);
    known.position = 20;
    known.leaderEpoch = 0;
    source.fetches.length = 0;
    under.reader.add(known);
    await until('truncation noticed', () => known.gone.length > 0);
    assert.deepEqual(known.gone, [{ fromOffset: 10, leaderEpoch: 1 }]);
    assert.ok(!source.fetches.some(({ partitions }) => partitions.some(({ fetchOffset }) => fetchOffset === 20)));
  });

  test('brokers that cannot tell where an epoch ended do not stop anything', async () => {
    const { source, under } = await sourceWith(1);
    const [log] = source.topic('t', 1) as [FakeLog];
    log.append(5);
    const feeds = await under.feeds('t', 1);
    await until('read', caughtUp(feeds, [log]));
    log.endOf = () => [-1, -1];
    log.elect(1);
    log.append(5);
    await until('read on', caughtUp(feeds, [log]));
    assert.deepEqual(feeds[0]?.gone, []);
  });

  test('a leader that cannot answer for an old leadership yet is not asked in a tight loop', async () => {
    const { source, under } = await sourceWith(1);
    const [log] = source.topic('t', 1) as [FakeLog];
    log.append(5);
    const feeds = await under.feeds('t', 1);
    await until('read', caughtUp(feeds, [log]));
    log.elect(1);
    log.append(5);
    // The metadata say it leads, and it has not heard of that.
    log.epochFault = () => 75;
    await until('asked', () => source.epochQuestions.length > 0);
    await systemClock.sleep(1_000);
    assert.ok(source.epochQuestions.length < 20, `${source.epochQuestions.length} questions`);
    log.epochFault = () => undefined;
    await until('read on', caughtUp(feeds, [log]));
  });

  test('a broker that has not heard of the newest leader does not lead back to the old one', async () => {
    const { source, under } = await sourceWith(2);
    const [log] = source.topic('t', 1) as [FakeLog];
    await under.feeds('t', 1);
    log.elect(2);
    under.leaders.refresh();
    await until('known', () => under.leaders.leader('t', 0)?.epoch === 1);
    Object.assign(log, { epoch: 0, leader: 1 });
    under.leaders.refresh();
    await systemClock.sleep(150);
    assert.deepEqual(under.leaders.leader('t', 0), { broker: 2, epoch: 1 });
  });
});

describe('read replicas (KIP-392)', () => {
  async function nearest(): Promise<{ source: FakeSource; under: ReaderUnderTest; log: FakeLog; feed: RecordingFeed }> {
    const { source, under } = await sourceWith(2, { rack: 'b', requestTimeoutMs: 30_000 });
    const [log] = source.topic('t', 1) as [FakeLog];
    log.followers = [2];
    source.preferred = (_log, rack) => (rack === 'b' ? 2 : -1);
    const [feed] = (await under.feeds('t', 1)) as [RecordingFeed];
    return { source, under, log, feed };
  }
  const servedBy = (source: FakeSource): number | undefined =>
    source.fetches.findLast(({ partitions, sessionId }) => partitions.length > 0 || sessionId > 0)?.broker;

  test('the leader says where to read, and there it is read', async () => {
    const { source, log, feed } = await nearest();
    for (let i = 0; i < 10; i += 1) {
      log.append(5);
      await until('read', () => feed.position === log.end);
    }
    assert.equal(servedBy(source), 2);
    assert.equal(source.fetches.filter(({ broker }) => broker === 1).length, 1, 'the leader was asked once');
  });

  test('a replica that goes away is left for the leader, which does not point at it again for a while', async () => {
    const { source, log, feed } = await nearest();
    log.append(5);
    await until('read', () => feed.position === log.end);
    await source.stopBroker(2);
    log.append(5);
    await until('read at the leader', () => feed.position === log.end);
    assert.equal(servedBy(source), 1);
    assert.equal(source.fetches.at(-1)?.rack, '');
  });

  test('OFFSET_OUT_OF_RANGE of a replica means nothing until the leader says so', async () => {
    const { source, log, feed } = await nearest();
    log.append(5);
    await until('read', () => feed.position === log.end);
    log.followerEnd = 2;
    log.append(5);
    await until('read at the leader', () => feed.position === log.end);
    assert.deepEqual(feed.errors, [], 'the replica’s error was not passed on');
    assert.equal(servedBy(source), 1);
  });

  test('OFFSET_OUT_OF_RANGE of the leader is passed on', async () => {
    const { log, feed, under } = await nearest();
    log.append(5);
    await until('read', () => feed.position === log.end);
    log.followerEnd = 2;
    under.reader.remove(feed);
    feed.position = 100;
    under.reader.add(feed);
    await until('told', () => feed.errors.includes(1));
    assert.equal(feed.position, 100);
  });

  test('a replica that hangs is left long before its request times out', async () => {
    const { source, log, feed } = await nearest();
    log.append(5);
    await until('read', () => feed.position === log.end);
    source.interfere = ({ broker }) => ({ silent: broker === 2 });
    await systemClock.sleep(150);
    log.append(5);
    const beganMs = performance.now();
    await until('read at the leader', () => feed.position === log.end);
    assert.ok(performance.now() - beganMs < 25_000);
  });

  test('a new leader is asked anew', async () => {
    const { source, log, feed } = await nearest();
    log.append(5);
    await until('read', () => feed.position === log.end);
    source.preferred = () => -1;
    log.elect(2);
    log.followers = [1];
    log.append(5);
    await until('read', () => feed.position === log.end);
    assert.equal(servedBy(source), 2);
    log.elect(1);
    log.followers = [2];
    log.append(5);
    await until('read', () => feed.position === log.end);
    assert.equal(servedBy(source), 1);
  });
});

describe('several connections', () => {
  test('partitions spread evenly over fetchConnections, each with a session of its own, and stay', async () => {
    const { source, under } = await sourceWith(1, { fetchConnections: 4 });
    const logs = source.topic('t', 8);
    const feeds = await under.feeds('t', 8);
    for (let i = 0; i < 5; i += 1) {
      for (const log of logs) log.append(3);
      await until('read', caughtUp(feeds, logs));
    }
    const begun = source.fetches.filter(({ sessionEpoch }) => sessionEpoch === 0);
    assert.equal(begun.length, 4);
    assert.deepEqual(
      begun.map(({ partitions }) => partitions.length),
      [2, 2, 2, 2],
    );
  });

  test('a broker that hangs holds up its own partitions only', async () => {
    const { source, under } = await sourceWith(2);
    const logs = source.topic('t', 2, (partition) => partition + 1);
    const feeds = await under.feeds('t', 2);
    const [first] = logs as [FakeLog, FakeLog];
    for (const log of logs) log.append(1);
    await until('read', caughtUp(feeds, logs));
    source.interfere = ({ broker }) => ({ silent: broker === 2 });
    const tookMs: number[] = [];
    for (let i = 0; i < 100; i += 1) {
      const beganMs = performance.now();
      first.append(1);
      await until('read', () => feeds[0]?.position === first.end);
      tookMs.push(performance.now() - beganMs);
    }
    tookMs.sort((a, b) => a - b);
    // Each that waited for the other broker would take up to the request's second.
    assert.ok((tookMs[80] ?? 0) < 300, `${tookMs[50]}, ${tookMs[80]}, ${tookMs[99]} ms`);
  });

  test('a leader that hangs and is replaced is left as soon as the metadata say so, without waiting for its answer', async () => {
    const { source, under } = await sourceWith(2, { requestTimeoutMs: 30_000 });
    const [log] = source.topic('t', 1, () => 2) as [FakeLog];
    const [feed] = (await under.feeds('t', 1)) as [RecordingFeed];
    log.append(1);
    await until('read', () => feed.position === log.end);
    source.interfere = ({ broker }) => ({ silent: broker === 2 });
    await systemClock.sleep(150);
    log.elect(1);
    log.append(1);
    await until('read at the new leader', () => feed.position === log.end, 25_000);
    await until('the reserve of the hanging fetch is given back', () => under.budget.usedBytes <= 1 << 20);
  });
});

describe('live before catch-up', () => {
  test('a partition with a backlog goes to a connection of its own, comes back at the head, and loses or repeats nothing', async () => {
    const { source, under } = await sourceWith(1, { fetchMaxPartitionBytes: 64 << 10 });
    const logs = source.topic('t', 2);
    const [big, trickle] = logs as [FakeLog, FakeLog];
    for (let i = 0; i < 400; i += 1) big.append(10, 1_000);
    const feeds = await under.feeds('t', 2);
    for (let i = 0; i < 20; i += 1) {
      trickle.append(1);
      await until('the trickle flows', () => feeds[1]?.position === trickle.end);
    }
    await until('caught up', caughtUp(feeds, logs));
    const asksFor = (partition: number) => (fetch: { partitions: readonly { partition: number }[] }) =>
      fetch.partitions.some((item) => item.partition === partition);
    const begun = source.fetches.filter(({ sessionEpoch }) => sessionEpoch === 0);
    assert.ok(
      begun.some((fetch) => asksFor(0)(fetch) && !asksFor(1)(fetch)),
      'the backlog has its own session',
    );
    const sessionOf = (partition: number) => source.fetches.findLast(asksFor(partition))?.sessionId;
    for (let i = 0; i < 100 && sessionOf(0) !== sessionOf(1); i += 1) {
      big.append(1);
      trickle.append(1);
      await until('read', caughtUp(feeds, logs));
    }
    assert.equal(sessionOf(0), sessionOf(1), 'back among the live ones');
  });

  test('what is behind leaves a quarter of the memory to what is live', async () => {
    const { source, under } = await sourceWith(
      1,
      { fetchMaxPartitionBytes: 128 << 10, fetchMaxBytes: 512 << 10 },
      4 << 20,
    );
    const logs = source.topic('t', 2);
    const [big, trickle] = logs as [FakeLog, FakeLog];
    for (let i = 0; i < 400; i += 1) big.append(10, 2_000);
    const feeds = await under.feeds('t', 2);
    await until('the backlog moves', () => (feeds[0]?.position ?? 0) > 100);
    // As if the target took nothing.
    const hogged = 3_300 << 10;
    under.budget.charge(hogged);
    const stuckAt = feeds[0]?.position ?? 0;
    await systemClock.sleep(100);
    trickle.append(1);
    await until('the trickle flows', () => feeds[1]?.position === trickle.end);
    assert.ok((feeds[0]?.position ?? 0) - stuckAt < 600, 'the backlog waits');
    under.budget.release(hogged);
    await until('caught up', caughtUp(feeds, logs));
  });
});
