import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { BufferPool } from '../../../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import { scanBatches } from '../../../../common/kafka/wire/records/batch-scan.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import type { LogPlace } from '../../../../worker/walk/log-place.js';
import { LogReader, type ReadingDeps } from '../../../../worker/walk/log-reader.js';
import { testClient } from '../../kafka/wire/test-client.js';
import type { FakeLog } from '../fetch/fake-log.js';
import { FakeSource } from '../fetch/fake-source.js';

describe('a log reader', () => {
  let cluster: FakeSource;
  let client: ClusterClient;
  let log: FakeLog;
  let place: LogPlace;
  let aborting: AbortController;

  beforeEach(async () => {
    cluster = await FakeSource.start(2);
    log = cluster.topic('t', 1)[0] as FakeLog;
    client = testClient(cluster.bootstrap);
    place = { role: 'target', client, topic: 't', topicId: log.topicId, partition: 0, isolation: 'read_uncommitted' };
    aborting = new AbortController();
  });

  afterEach(async () => {
    await client.close();
    await cluster.stop();
  });

  const pool = new BufferPool(16 << 20);
  const deps = (patienceMs = 5_000): ReadingDeps => ({
    pool,
    clock: systemClock,
    random: systemRandom,
    signal: aborting.signal,
    patienceMs,
  });

  /** Base offsets of what it gives, and how it ended. */
  async function read(reader: LogReader, each: (base: number) => void = () => undefined): Promise<unknown[]> {
    const seen: unknown[] = [];
    for (;;) {
      while (reader.take()) {
        seen.push(reader.batch.baseOffset);
        each(reader.batch.baseOffset);
      }
      const state = await reader.fill();
      if (state !== 'more') return [...seen, state];
    }
  }

  test('gives the batches from the one that holds the position to the end that was set, and no further', async () => {
    for (let i = 0; i < 6; i++) log.append(10);
    const reader = new LogReader(place, deps(), { from: 15, end: 40 });
    assert.deepEqual(await read(reader), [10, 20, 30, 'ended']);
  });

  test('batches larger than an answer come one by one; memory goes back to the pool', async () => {
    for (let i = 0; i < 3; i++) log.append(6, 1_000_000);
    const before = pool.freeBytes;
    const reader = new LogReader(place, deps(), { from: 0, end: 18 });
    assert.deepEqual(await read(reader), [0, 6, 12, 'ended']);
    reader.close();
    assert.ok(cluster.fetches.length >= 3);
    assert.ok(pool.freeBytes > before, 'lent memory was given back');
  });

  test('follows the leader, and a broker that drops the connection', async () => {
    for (let i = 0; i < 4; i++) log.append(10);
    cluster.interfere = ({ broker }) => ({ lose: broker === 1 && cluster.fetches.length === 1 });
    const reader = new LogReader(place, deps(), { from: 0, end: 60 });
    const seen = await read(reader, (base) => {
      if (base !== 30) return;
      log.elect(2);
      log.append(20);
    });
    assert.deepEqual(seen, [0, 10, 20, 30, 40, 'ended']);
    assert.ok(cluster.fetches.some(({ broker }) => broker === 2));
  });

  test('an end that moves while it is reached is read on to', async () => {
    log.append(10);
    const reader = new LogReader(place, deps(), { from: 0, end: 10, laterEnd: () => Promise.resolve(log.end) });
    const seen = await read(reader, (base) => {
      if (base < 20) log.append(10);
    });
    assert.deepEqual(seen, [0, 10, 20, 'ended']);
  });

  test('what was jumped over is not given, and need not be sound; many jumps need no answers of their own', async () => {
    for (let i = 0; i < 60; i++) log.append(10);
    const reader = new LogReader(place, deps(), { from: 0, end: 600 });
    const seen = await read(reader, (base) => reader.seek(base + 25));
    assert.deepEqual(seen.slice(0, 3), [0, 20, 40]);
    assert.equal(seen.length, 31);
    assert.equal(cluster.fetches.length, 1);

    damageBatch(log, 20);
    await assert.rejects(read(new LogReader(place, deps(), { from: 0, end: 600 })), { code: 'BATCH_CORRUPT' });
    const jumping = new LogReader(place, deps(), { from: 0, end: 50 });
    const jumped = await read(jumping, (base) => {
      if (base === 10) jumping.seek(30);
    });
    assert.deepEqual(jumped, [0, 10, 30, 40, 'ended']);
  });

  test('a log whose beginning is gone says so, one that stays behind its end does too', async () => {
    for (let i = 0; i < 3; i++) log.append(10);
    log.start = 20;
    assert.deepEqual(await read(new LogReader(place, deps(), { from: 0, end: 30 })), ['gone']);
    assert.deepEqual(await read(new LogReader(place, deps(100), { from: 30, end: 31 })), ['stalled']);
  });

  test('waiting for its turn among others uses up no patience: a fault that comes late is tried again', async () => {
    for (let i = 0; i < 2; i++) log.append(10);
    let queuedMs = 0;
    const clock: Clock = {
      wallMs: () => systemClock.wallMs(),
      monotonicMs: () => systemClock.monotonicMs() + queuedMs,
      after: (delayMs, callback) => systemClock.after(delayMs, callback),
      sleep: (delayMs, signal) => systemClock.sleep(delayMs, signal),
    };
    cluster.interfere = () => {
      if (cluster.fetches.length > 1) return {};
      queuedMs = 60_000;
      return { lose: true };
    };
    assert.deepEqual(await read(new LogReader(place, { ...deps(), clock }, { from: 0, end: 20 })), [0, 10, 'ended']);
  });

  test('another topic of the name is an error, and so is one that stays away', async () => {
    log.append(10);
    const other = { ...place, topicId: '00000000-0000-4000-8000-00000000ffff' };
    await assert.rejects(read(new LogReader(other, deps(), { from: 0, end: 10 })), { code: 'TARGET_TOPIC_RECREATED' });
    const none = { ...place, topic: 'none', topicId: null, role: 'source' } as const;
    await assert.rejects(read(new LogReader(none, deps(100), { from: 0, end: 10 })), { code: 'SOURCE_TOPIC_MISSING' });
  });

  test('a signal ends the waiting', async () => {
    log.append(10);
    const reading = read(new LogReader(place, deps(60_000), { from: 0, end: 11 }));
    setTimeout(() => aborting.abort(), 50);
    await assert.rejects(reading, { code: 'SHUTTING_DOWN' });
  });
});

/** From now on the log gives the batch with an impossible length. */
function damageBatch(log: FakeLog, base: number): void {
  const sound = log.read.bind(log);
  log.read = (from, maxBytes, end) => {
    const bytes = sound(from, maxBytes, end);
    for (const batch = scanBatches(bytes); batch.next(); ) {
      if (batch.baseOffset !== base) continue;
      bytes.writeInt32BE(3, batch.start + 8);
      break;
    }
    return bytes;
  };
}
