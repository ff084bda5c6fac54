import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { DEFAULT_CONTINUITY } from '../../../common/model/continuity.js';
import { gapTopic } from '../../../common/model/gap.js';
import type { Route } from '../../../common/model/route.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { createPlacedTopic } from './placed-topic.js';
import { eventually, item, numbered, TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

/** Brokers 1 and 2 lose each other's records when they are killed one after the other; the controller stands beside them. */
const FRAGILE = {
  brokers: 2,
  hasOwnController: true,
  config: {
    'broker.session.timeout.ms': '2000',
    'unclean.leader.election.enable': 'true',
    'min.insync.replicas': '1',
    'offsets.topic.replication.factor': '1',
  },
} as const;
const ATTEMPTS = 40;
/** Base offset and length before each batch of a log file. */
const LOG_OVERHEAD = 12;
const BATCH_LENGTH_AT = 8;

describe('5.3 logs that lost their last records, on real brokers', () => {
  const handles: KafkaClusterHandle[] = [];
  const threads: ThreadUnderTest[] = [];
  let fragile: TestCluster;
  let sound: TestCluster;

  before(async () => {
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'fragile', version: '3.9.1', ...FRAGILE }),
        startKafkaCluster({ name: 'sound', version: '4.1.0' }),
      ])),
    );
    fragile = new TestCluster(handles[0] as KafkaClusterHandle);
    sound = new TestCluster(handles[1] as KafkaClusterHandle);
    await sound.createTopic(gapTopic('test'), 1);
  });

  afterEach(async () => {
    await Promise.all(threads.splice(0).map(({ thread }) => thread.stop()));
  });

  after(async () => {
    await Promise.all([fragile?.close(), sound?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  function owner(incarnation: string): ThreadUnderTest {
    const under = new ThreadUnderTest([fragile.connection, sound.connection], incarnation);
    threads.push(under);
    return under;
  }

  const keysOf = async (cluster: TestCluster, topic: string): Promise<string[]> =>
    (await cluster.read(topic, 0)).map(({ key }) => String(key));
  const keys = (...ranges: readonly (readonly [number, number])[]): string[] =>
    ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => `key-${from + i}`));

  async function patiently(topic: string, from: number, count: number): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await fragile.append(topic, 0, buildBatch(numbered(from, count)));
        return;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        await systemClock.sleep(300);
      }
    }
  }

  const both = (): Promise<void> =>
    eventually('both brokers are there', async () => (await fragile.client.metadata([])).brokers.size === 2, 30_000);

  async function declared(): Promise<Record<string, unknown>[]> {
    return (await sound.read(gapTopic('test'), 0)).map(({ value }) => JSON.parse(String(value)));
  }

  test('the source elects a leader without the last records: the exact range is told, and by policy the logs part there', async () => {
    const [first, second] = (handles[0] as KafkaClusterHandle).brokers;
    const placed = [[1, 2]];
    await createPlacedTopic(fragile.connection.bootstrap.join(','), 'lossy', placed);
    await sound.createTopic('lossy', 1);
    const route: Route = { ...testRoute('fragile', 'sound'), delivery: 'exactly-once' };
    const own: AssignmentItem = item('lossy', 0, { sourceTopicId: await fragile.topicId('lossy') });
    const under = owner('t1');
    under.assign([route], [own]);
    await patiently('lossy', 0, 20);
    await eventually('copied', async () => (await keysOf(sound, 'lossy')).length === 20);
    await second?.kill();
    await patiently('lossy', 20, 10);
    await eventually('copied', async () => (await keysOf(sound, 'lossy')).length === 30, 30_000);
    await first?.kill();
    await second?.start();
    // More than was lost: no end gives it away.
    await patiently('lossy', 100, 50);
    await eventually('told', () => under.status()[0]?.reason?.code === 'SOURCE_TRUNCATED', 30_000);
    await eventually('paused', () => under.status()[0]?.state === 'paused');
    assert.match(under.status()[0]?.reason?.message ?? '', /\[20, 30\)/);
    assert.deepEqual(await keysOf(sound, 'lossy'), keys([0, 30]));
    assert.deepEqual(await declared(), []);

    const going = { ...route, continuity: { ...DEFAULT_CONTINUITY, sourceTruncated: 'continue' } } as const;
    under.assign([going], [{ ...own, started: true }]);
    await eventually('asked for another timeline', () => (under.held()?.breaks.length ?? 0) > 0);
    const [request] = under.held()?.breaks ?? [];
    assert.deepEqual([request?.cause, request?.from, request?.timeline], ['source-truncated', 20n, 1]);
    assert.deepEqual(await keysOf(sound, 'lossy'), keys([0, 30]), 'nothing before there is one');
    const origin = { cause: 'source-truncated', from: 20n, former: 1 } as const;
    under.assign([going], [{ ...own, timeline: 2, origin }]);
    await eventually('on from there', async () => (await keysOf(sound, 'lossy')).length === 80, 30_000);
    assert.deepEqual(await keysOf(sound, 'lossy'), keys([0, 30], [100, 150]));
    const [end] = await declared();
    assert.deepEqual(
      [end?.['kind'], end?.['firstOffset'], end?.['lastOffset'], end?.['bound'], end?.['targetOffset']],
      ['diverged', '20', '29', 'exact', '30'],
    );
    assert.deepEqual([end?.['copiesFirstOffset'], end?.['copiesLastOffset']], ['20', '29']);
    await first?.start();
  });

  test('the target lost what it had acknowledged: the range is told, and by an operator’s word copied again', async () => {
    const [broker] = (handles[1] as KafkaClusterHandle).brokers;
    await both();
    await createPlacedTopic(fragile.connection.bootstrap.join(','), 'shrunk', [[1, 2]]);
    await sound.createTopic('shrunk', 1);
    const route: Route = { ...testRoute('fragile', 'sound'), delivery: 'exactly-once' };
    const own: AssignmentItem = item('shrunk', 0, { sourceTopicId: await fragile.topicId('shrunk') });
    const giver = owner('t2');
    giver.assign([route], [own]);
    await patiently('shrunk', 0, 20);
    await eventually('copied', async () => (await keysOf(sound, 'shrunk')).length === 20);
    await patiently('shrunk', 20, 10);
    await eventually('copied', async () => (await keysOf(sound, 'shrunk')).length === 30);
    giver.assign([route], []);
    await eventually('let go', () => giver.held()?.held.length === 0);
    await broker?.kill();
    keepFirstBatch(dirname(broker?.logFile ?? ''), 'shrunk-0');
    await broker?.start();
    const under = owner('t3');
    const begun = { ...own, started: true };
    under.assign([route], [begun]);
    await eventually('paused', () => under.status()[0]?.state === 'paused', 30_000);
    const { code, message = '' } = under.status()[0]?.reason ?? {};
    assert.equal(code, 'TARGET_TRUNCATED');
    assert.match(message, /\[20, 30\)/);
    const resolve = { action: 'continue', at: 'now' } as const;
    under.assign([route], [{ ...begun, resolve }]);
    await eventually('asked for another timeline', () => (under.held()?.breaks.length ?? 0) > 0, 30_000);
    assert.equal(under.held()?.breaks[0]?.from, 20n);
    const origin = { cause: 'target-truncated', from: 20n, former: 1 } as const;
    under.assign([route], [{ ...own, timeline: 2, origin }]);
    await eventually('whole again', async () => (await keysOf(sound, 'shrunk')).length === 30, 30_000);
    assert.deepEqual(await keysOf(sound, 'shrunk'), keys([0, 30]));
    const ends = (await declared()).filter(({ topic }) => topic === 'shrunk');
    assert.deepEqual(
      ends.map(({ kind, reason, firstOffset, lastOffset }) => [kind, reason, firstOffset, lastOffset].join(' ')),
      ['recopied target-truncated 20 29'],
    );
  });
});

/** What a disk loses that was not written through: everything behind a partition's first batch. */
function keepFirstBatch(folder: string, partition: string): void {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const log = entries.find((entry) => entry.name.endsWith('.log') && entry.parentPath.endsWith(`/${partition}`));
  assert.ok(log !== undefined, `no log of ${partition} below ${folder}`);
  const path = join(log.parentPath, log.name);
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, LOG_OVERHEAD + bytes.readInt32BE(BATCH_LENGTH_AT)));
}
