import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { loadCodec } from '../../../common/kafka/wire/records/compression.js';
import type { DecodedRecord, KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import { gapTopic } from '../../../common/model/gap.js';
import type { Route } from '../../../common/model/route.js';
import type { KafkaClusterHandle } from '../../bed/kafka.js';
import { ClusterPair } from './cluster-pair.js';
import { eventually, item, numbered, type TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const values = (records: readonly (KafkaRecord | DecodedRecord)[]): string[] =>
  records.map(({ key, value }) => `${key?.toString() ?? 'null'}=${value?.toString('hex') ?? 'null'}`);

const GAPS = gapTopic('test');

describe('what cannot pass as it is', () => {
  let pair: ClusterPair;
  let source: TestCluster;
  let target: TestCluster;

  before(async () => {
    pair = await ClusterPair.start({ source: '3.9.1', target: '4.1.0' });
    ({ source, target } = pair);
    await target.createTopic(GAPS, 1, { 'cleanup.policy': 'compact' });
    await target.createTopic('refused', 1, { 'max.message.bytes': String(16 << 20) });
  });

  after(async () => {
    await pair?.stop();
  });

  const routeWith = (settings: Partial<Route>): Route => ({ ...testRoute('source', 'target'), ...settings });

  async function topics(name: string, atTarget: Record<string, string>, atSource: Record<string, string> = {}) {
    await Promise.all([source.createTopic(name, 1, atSource), target.createTopic(name, 1, atTarget)]);
    return source.topicId(name);
  }

  /** Once there are so many. */
  async function gapsOf(topic: string, count: number): Promise<Record<string, unknown>[]> {
    const read = async (): Promise<Record<string, unknown>[]> => {
      const records = await target.read(GAPS, 0);
      const all = records.map(({ value }) => JSON.parse(String(value)) as Record<string, unknown>);
      return all.filter((gap) => gap['topic'] === topic);
    };
    await eventually(`${count} gaps of ${topic}`, async () => (await read()).length >= count);
    return read();
  }

  async function mirrored(topic: string, route: Route, count: number): Promise<ThreadUnderTest> {
    const thread = new ThreadUnderTest([source.connection, target.connection], topic);
    thread.assign([route], [item(topic, 0, { sourceTopicId: await source.topicId(topic) })]);
    await eventually(
      `${count} records of ${topic}: ${JSON.stringify(thread.status()[0], (_k, v) => String(v))}`,
      async () => (await target.read(topic, 0)).length >= count,
    );
    return thread;
  }

  test('batches larger than the target takes arrive in parts, compressed ones too', async () => {
    await topics('large', { 'max.message.bytes': '20000' });
    await loadCodec('lz4');
    const sent = [0, 1, 2, 3].map((i) => numbered(i * 1_000, 300, 200));
    for (const [i, records] of sent.entries())
      await source.append('large', 0, buildBatch(records, { codec: i % 2 === 0 ? 'none' : 'gzip' }));
    const thread = await mirrored('large', routeWith({}), 1_200);
    assert.deepEqual(values(await target.read('large', 0)), values(sent.flat()));
    await thread.thread.stop();
  });

  test('a single record too large pauses by default, and goes to the dead letters where the route says so', async () => {
    await topics('oversize', { 'max.message.bytes': '20000' });
    const [before, huge, behind] = [numbered(0, 10), numbered(100, 1, 50_000), numbered(200, 10)];
    await source.append('oversize', 0, buildBatch([...before, ...huge, ...behind]));
    const thread = new ThreadUnderTest([source.connection, target.connection], 'oversize');
    const own = item('oversize', 0, { sourceTopicId: await source.topicId('oversize') });
    thread.assign([routeWith({})], [own]);
    await eventually('paused', () => thread.status()[0]?.reason?.code === 'TARGET_REFUSED');
    assert.match(thread.status()[0]?.reason?.message ?? '', /source offset 10/);
    assert.deepEqual(values(await target.read('oversize', 0)), values(before), 'what lies before it is there');
    // In good order: what is not committed may be repeated at least once.
    thread.assign([], []);
    await eventually('handed back', () => thread.held()?.held.length === 0);
    await thread.thread.stop();

    const second = new ThreadUnderTest([source.connection, target.connection], 'oversize-2');
    second.assign([routeWith({ onRefusedRecord: 'dead-letter', deadLetterTopic: 'refused' })], [own]);
    await eventually('the rest', async () => (await target.read('oversize', 0)).length === 20);
    assert.deepEqual(values(await target.read('oversize', 0)), values([...before, ...behind]));
    const [gap, ...more] = await gapsOf('oversize', 1);
    assert.equal(more.length, 0);
    assert.deepEqual([gap?.['firstOffset'], gap?.['lastOffset'], gap?.['reason']], ['10', '10', 'too-large']);
    await eventually('the letter', async () => (await target.read('refused', 0)).length > 0);
    const [letter] = await target.read('refused', 0);
    assert.deepEqual(values([letter as DecodedRecord]), values(huge));
    const headers = new Map(letter?.headers.map(([name, value]) => [String(name), String(value)]));
    assert.equal(headers.get('causeway.offset'), '10');
    assert.equal(headers.get('n'), 'null', 'its own headers are there');
    await eventually('counted', () => second.status()[0]?.gapRecords === 1);
    await second.thread.stop();
  });

  test('records without a key that a compacted target refuses are left out and declared, the others stay in order', async () => {
    await topics('keyless', { 'cleanup.policy': 'compact' });
    const records = numbered(0, 60).map((record, i) => (i % 3 === 0 ? { ...record, key: null } : record));
    await source.append('keyless', 0, buildBatch(records.slice(0, 30)));
    await source.append('keyless', 0, buildBatch(records.slice(30)));
    const thread = await mirrored('keyless', routeWith({ onRefusedRecord: 'skip' }), 40);
    const kept = records.filter(({ key }) => key !== null);
    assert.deepEqual(values(await target.read('keyless', 0)), values(kept));
    const gaps = await gapsOf('keyless', 20);
    assert.deepEqual(
      gaps.map((gap) => Number(gap['firstOffset'])).sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i * 3),
    );
    await thread.thread.stop();
  });

  test('records from a future that the target does not allow are left out and declared', async () => {
    await topics('future', { 'message.timestamp.after.max.ms': '3600000' });
    const tomorrow = BigInt(Date.now() + 86_400_000);
    const records = numbered(0, 40).map((record, i) => (i % 10 === 5 ? { ...record, timestamp: tomorrow } : record));
    await source.append('future', 0, buildBatch(records, { codec: 'gzip' }));
    const thread = await mirrored('future', routeWith({ onRefusedRecord: 'skip' }), 36);
    assert.deepEqual(
      values(await target.read('future', 0)),
      values(records.filter(({ timestamp }) => timestamp !== tomorrow)),
    );
    assert.equal((await gapsOf('future', 4)).length, 4);
    await thread.thread.stop();
  });

  test('a route with a codec of its own compresses anew; tiny batches that wait arrive together', async () => {
    await topics('squeezed', {});
    const sent: KafkaRecord[] = [];
    for (let i = 0; i < 200; i++) {
      const records = numbered(i * 10, i % 50 === 0 ? 50 : 1, 100);
      sent.push(...records);
      await source.append('squeezed', 0, buildBatch(records));
    }
    const thread = await mirrored('squeezed', routeWith({ compression: 'gzip' }), sent.length);
    assert.deepEqual(values(await target.read('squeezed', 0)), values(sent));
    const batches = (await target.writers('squeezed', 0)).length;
    assert.ok(batches < 150, `${batches} batches of 200`);
    await thread.thread.stop();
  });

  test('a batch damaged on the source’s disk pauses its partition alone; an operator’s skip declares it and goes on', async () => {
    await topics('damaged', {});
    await topics('sound', {});
    for (let i = 0; i < 3; i++) await source.append('damaged', 0, buildBatch(numbered(i * 10, 10)));
    const broker = pair.handles[0].brokers[0] as KafkaClusterHandle['brokers'][0];
    // A broker that is killed looks through its logs when it comes back, and would cut this one off.
    await broker.stop();
    damage(dirname(broker.logFile), 'damaged-0', 'value-15;');
    await broker.start();
    const thread = new ThreadUnderTest([source.connection, target.connection], 'damaged', { crcCheckEvery: 1 });
    const own = item('damaged', 0, { sourceTopicId: await source.topicId('damaged') });
    const other = item('sound', 0, { sourceTopicId: await source.topicId('sound') });
    thread.assign([routeWith({})], [own, other]);
    const statusOf = (topic: string) => thread.status().find((status) => status.topic === topic);
    await eventually('paused', () => statusOf('damaged')?.reason?.code === 'BATCH_CORRUPT');
    assert.match(statusOf('damaged')?.reason?.message ?? '', /offset 10, which ends at offset 19/);
    assert.deepEqual(values(await target.read('damaged', 0)), values(numbered(0, 10)));
    await source.append('sound', 0, buildBatch(numbered(0, 5)));
    await eventually('the other partition goes on', async () => (await target.read('sound', 0)).length === 5);

    const skip = { partition: 0, from: 10n, to: 20n, reason: 'bad sector', at: '2026-01-01T00:00:00Z' };
    thread.assign([routeWith({})], [{ ...own, skip }, other]);
    await eventually('what lies behind it', async () => (await target.read('damaged', 0)).length === 20);
    assert.deepEqual(values(await target.read('damaged', 0)), values([...numbered(0, 10), ...numbered(20, 10)]));
    const [gap] = await gapsOf('damaged', 1);
    assert.deepEqual(
      [gap?.['firstOffset'], gap?.['lastOffset'], gap?.['reason'], gap?.['detail']],
      ['10', '19', 'operator', 'bad sector'],
    );
    await thread.thread.stop();
  });
});

/** Flips one bit of a record's value in the partition's log file. */
function damage(folder: string, partition: string, text: string): void {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const log = entries.find((entry) => entry.name.endsWith('.log') && entry.parentPath.endsWith(`/${partition}`));
  assert.ok(log !== undefined, `no log of ${partition} below ${folder}`);
  const path = join(log.parentPath, log.name);
  const bytes = readFileSync(path);
  const at = bytes.indexOf(text);
  assert.ok(at > 0);
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(path, bytes);
}
