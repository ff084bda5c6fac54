import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { systemClock } from '../../../../common/runtime/clock.js';
import { FakeLog } from './fake-log.js';
import { FakeSource, type Interference, type SeenFetch } from './fake-source.js';
import { type ReaderUnderTest, RecordingFeed, readerOf, until } from './reader-kit.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ROUNDS = 40;
const PARTITIONS = 5;

async function sourceWith(brokers = 1): Promise<{ source: FakeSource; under: ReaderUnderTest }> {
  const source = await FakeSource.start(brokers);
  cleanups.push(() => source.stop());
  const under = readerOf(source.bootstrap, { fetchMaxWaitMs: 30 });
  cleanups.push(() => under.close());
  return { source, under };
}

/** Reads what comes to five partitions in turn while faults are injected; the feeds complain about anything skipped or repeated. */
async function copyThrough(
  source: FakeSource,
  under: ReaderUnderTest,
  disturb: (round: number) => void,
): Promise<void> {
  const logs = source.topic('t', PARTITIONS);
  const feeds = await under.feeds('t', PARTITIONS);
  for (let round = 0; round < ROUNDS; round += 1) {
    disturb(round);
    for (const [i, log] of logs.entries()) if ((round + i) % 3 > 0) log.append(1 + (round % 4));
    const feed = feeds[round % PARTITIONS] as RecordingFeed;
    feed.waiting = round % 7 === 3;
    under.reader.touch(feed);
    await systemClock.sleep(round % 4);
  }
  for (const feed of feeds) {
    feed.waiting = false;
    under.reader.touch(feed);
  }
  await until('everything read', () => feeds.every((feed, i) => feed.position === logs[i]?.end), 15_000);
}

/** Every n-th fetch within a session meets this. */
function every(n: number, interference: Interference): (fetch: SeenFetch) => Interference {
  let seen = 0;
  return ({ sessionEpoch }) => {
    seen += sessionEpoch > 0 ? 1 : 0;
    return sessionEpoch > 0 && seen % n === 0 ? interference : {};
  };
}

describe('fetch sessions that break (KIP-227): nothing is skipped, nothing comes twice', () => {
  for (const [name, errorCode] of [
    ['FETCH_SESSION_ID_NOT_FOUND', 70],
    ['INVALID_FETCH_SESSION_EPOCH', 71],
    ['INCONSISTENT_TOPIC_ID', 103],
    ['FETCH_SESSION_TOPIC_ID_ERROR', 106],
  ] as const) {
    test(`${name}: everything is said again, in a new session, at once`, async () => {
      const { source, under } = await sourceWith();
      source.interfere = every(5, { errorCode });
      await copyThrough(source, under, () => undefined);
      const begun = source.fetches.filter(({ sessionEpoch }) => sessionEpoch === 0);
      assert.ok(begun.length > 1);
    });
  }

  test('a broker that answers even new sessions with a session error is not asked in a tight loop', async () => {
    const { source, under } = await sourceWith();
    source.topic('t', 1);
    source.interfere = () => ({ errorCode: 71 });
    await under.feeds('t', 1);
    await systemClock.sleep(300);
    assert.ok(source.fetches.length < 20, `${source.fetches.length} requests`);
  });

  test('sessions are evicted under way', async () => {
    const { source, under } = await sourceWith();
    await copyThrough(source, under, (round) => {
      if (round % 5 === 0) source.forgetSessions(1);
    });
  });

  test('the broker has no room for a session: every request says everything, those that waited longest first', async () => {
    const { source, under } = await sourceWith();
    source.sessionSlots = 0;
    await copyThrough(source, under, () => undefined);
    assert.ok(source.fetches.every(({ sessionEpoch, sessionId }) => sessionEpoch === 0 && sessionId === 0));
  });

  test('there is room now and then', async () => {
    const { source, under } = await sourceWith();
    await copyThrough(source, under, (round) => {
      source.sessionSlots = round % 6 < 3 ? 0 : 10;
      if (round % 6 === 0) source.forgetSessions(1);
    });
  });

  test('answers are lost after the broker has carried the request out', async () => {
    const { source, under } = await sourceWith();
    source.interfere = every(6, { lose: true });
    await copyThrough(source, under, () => undefined);
  });

  test('connections are cut', async () => {
    const { source, under } = await sourceWith();
    await copyThrough(source, under, (round) => {
      if (round % 8 === 4) source.cut(1);
    });
  });

  test('throttled answers are empty; the session goes on, and requests keep their distance', async () => {
    const { source, under } = await sourceWith();
    source.interfere = every(4, { throttleMs: 30 });
    await copyThrough(source, under, () => undefined);
    const timed: number[] = [];
    source.interfere = () => {
      timed.push(performance.now());
      return { throttleMs: 100 };
    };
    await until('three requests', () => timed.length >= 3);
    const [first, , third] = timed as [number, number, number];
    assert.ok(third - first >= 190, `${third - first} ms`);
  });

  test('a connection that ends while it is throttled is not waited for: a new one is not throttled', async () => {
    const { source, under } = await sourceWith();
    const [log] = source.topic('t', 1) as [FakeLog];
    const feeds = await under.feeds('t', 1);
    source.interfere = () => ({ throttleMs: 60_000 });
    const before = source.fetches.length;
    await until('throttled', () => source.fetches.length > before);
    await systemClock.sleep(50);
    source.interfere = () => ({});
    log.append(1);
    source.cut(1);
    await until('read on', () => feeds[0]?.position === log.end, 30_000);
  });

  test('partitions move to another broker and back', async () => {
    const { source, under } = await sourceWith(2);
    await copyThrough(source, under, (round) => {
      if (round % 6 === 5) for (const log of source.logs) log.elect(1 + (round % 2));
    });
  });

  for (const version of [11, 12, 15]) {
    test(`a topic that is made anew within a session is read from its beginning (Fetch v${version})`, async () => {
      const { source, under } = await sourceWith();
      source.maxFetchVersion = version;
      const [log, neighbour] = source.topic('t', 2) as [FakeLog, FakeLog];
      const [feed, other] = (await under.feeds('t', 2)) as [RecordingFeed, RecordingFeed];
      log.append(7);
      neighbour.append(3);
      await until('read', () => feed.position === 7 && other.position === 3);
      const topicId = '00000000-0000-4000-8000-0000000000ff';
      const fresh = [0, 1].map((partition) => new FakeLog('t', topicId, partition, 1));
      for (const anew of fresh) anew.append(4);
      source.logs.splice(0, 2, ...fresh);
      under.reader.remove(feed);
      under.reader.remove(other);
      const again = fresh.map(({ partition }) => new RecordingFeed('t', partition, topicId));
      for (const one of again) under.reader.add(one);
      await until('read anew', () => again.every(({ position }) => position === 4));
      assert.deepEqual(
        again.flatMap(({ violations }) => violations),
        [],
      );
    });
  }

  test('a topic without an id makes all go by name, until it has one', async () => {
    const { source, under } = await sourceWith();
    const [log] = source.topic('t', 1) as [FakeLog];
    const [feed] = (await under.feeds('t', 1)) as [RecordingFeed];
    const [other] = source.topic('u', 1) as [FakeLog];
    other.append(2);
    log.append(2);
    await until('read', () => feed.position === 2);
    under.leaders.track('u');
    await until('known', () => under.leaders.leader('u', 0) !== undefined);
    const nameless = new RecordingFeed('u', 0, null);
    under.reader.add(nameless);
    await until('read by name', () => nameless.position === 2);
    log.append(2);
    await until('the other too', () => feed.position === 4);
    assert.equal(source.fetches.at(-1)?.version, 12);
    under.reader.remove(nameless);
    log.append(2);
    await until('by id again', () => feed.position === 6 && source.fetches.at(-1)?.version === 15);
  });
});
