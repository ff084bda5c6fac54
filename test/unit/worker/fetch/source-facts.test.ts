import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { FakeLog } from './fake-log.js';
import { FakeSource } from './fake-source.js';
import { type ReaderUnderTest, type RecordingFeed, readerOf, until } from './reader-kit.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function begun(budgetBytes?: number): Promise<{
  source: FakeSource;
  under: ReaderUnderTest;
  log: FakeLog;
  feed: RecordingFeed;
}> {
  const source = await FakeSource.start(2);
  cleanups.push(() => source.stop());
  const under = readerOf(source.bootstrap, { requestTimeoutMs: 10_000 }, budgetBytes);
  cleanups.push(() => under.close());
  const [log] = source.topic('t', 1) as [FakeLog];
  log.append(5);
  const [feed] = (await under.feeds('t', 1)) as [RecordingFeed];
  await until('read', () => feed.position === log.end);
  return { source, under, log, feed };
}

describe('what keeps a feed from being read', () => {
  test('nothing: it is asked for on a connection that answers', async () => {
    const { under, feed } = await begun();
    const { hasLeader, isConfirmed, line, isAsked, isStarved, isSilent } = under.reader.facts(feed);
    assert.deepEqual(
      { hasLeader, isConfirmed, isAsked, isStarved, isSilent },
      {
        hasLeader: true,
        isConfirmed: true,
        isAsked: true,
        isStarved: false,
        isSilent: false,
      },
    );
    assert.equal(line?.broker, 1);
    assert.match(line?.address ?? '', /^127\.0\.0\.1:\d+$/);
    assert.equal(line?.fault, undefined);
    assert.ok(!under.reader.isBlind(feed));
  });

  test('a broker that does not answer: told after what a long poll may take; over with the next answer', async () => {
    const { source, under, log, feed } = await begun();
    source.interfere = () => ({ silent: true });
    await until('it is silent', () => under.reader.facts(feed).isSilent);
    assert.ok(under.reader.isBlind(feed));
    assert.ok(under.reader.facts(feed).isAsked);
    source.interfere = () => ({});
    source.cut(1);
    log.append(5);
    await until('read', () => feed.position === log.end);
    assert.ok(!under.reader.isBlind(feed));
  });

  test('a broker that cannot be reached: why, and since when', async () => {
    const { source, under, log, feed } = await begun();
    const begunMs = performance.now();
    source.interfere = () => ({ lose: true });
    log.append(5);
    await until('it fails', () => under.reader.facts(feed).line?.fault !== undefined);
    const since = under.reader.facts(feed).line?.fault?.sinceMs;
    await until('it has failed again', () => source.fetches.length > 4 && performance.now() - begunMs > 300);
    const { fault } = under.reader.facts(feed).line ?? {};
    assert.equal(fault?.sinceMs, since, 'since the first failure');
    assert.notEqual(fault?.message, '');
    source.interfere = () => ({});
    await until('read', () => feed.position === log.end);
    await until('no fault', () => under.reader.facts(feed).line?.fault === undefined);
  });

  test('a feed that waits is not asked for, and blind it is not: it would be asked for if it wanted', async () => {
    const { under, feed } = await begun();
    feed.waiting = true;
    under.reader.touch(feed);
    assert.ok(under.reader.facts(feed).isAsked, 'in the next request it will be looked at');
    await until('it is left out', () => !under.reader.facts(feed).isAsked);
    assert.ok(!under.reader.isBlind(feed));
  });

  test('memory that is gone, and a feed that nobody reads', async () => {
    const { under, feed } = await begun(1 << 20);
    under.budget.charge(1 << 20);
    assert.ok(under.reader.facts(feed).isStarved);
    assert.ok(under.reader.isBlind(feed));
    under.budget.release(1 << 20);
    under.reader.remove(feed);
    assert.ok(under.reader.isBlind(feed));
    const { isConfirmed, isAsked, line } = under.reader.facts(feed);
    assert.deepEqual({ isConfirmed, isAsked, line }, { isConfirmed: true, isAsked: false, line: undefined });
  });
});
