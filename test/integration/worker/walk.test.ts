import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { CheckpointStore } from '../../../common/kafka/checkpoints/checkpoint-store.js';
import { fenceLane } from '../../../common/kafka/fencing/fence-lane.js';
import { findAbortMarker } from '../../../common/kafka/fencing/find-abort-marker.js';
import { BufferPool } from '../../../common/kafka/wire/buffer-pool.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { type CodecName, loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import type { Checkpoint } from '../../../common/model/checkpoint.js';
import { gapTopic } from '../../../common/model/gap.js';
import type { Route } from '../../../common/model/route.js';
import type { LaneRecord } from '../../../common/model/worker.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { readDeclaredSkips } from '../../../worker/walk/declared-skips.js';
import type { WalkOutcome } from '../../../worker/walk/walk-outcome.js';
import { type WalkProgress, walkPartition } from '../../../worker/walk/walk-partition.js';
import { AuditCluster } from '../../audit/audit-cluster.js';
import { dumpPartition } from '../../audit/dump.js';
import { type AuditRecord, differences } from '../../audit/record.js';
import { TransactionalWriter } from '../../audit/transactional-writer.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { deleteRecords } from './delete-records.js';
import { SteadyWriter } from './steady-writer.js';
import { eventually, item, numbered, TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const GAPS = gapTopic('test');
const NEVER = new AbortController().signal;
/** No checkpoint but the first: everything is behind it. */
const ONLY_THE_FIRST = { checkpointIntervalMs: 3_600_000 };

/** A partition whose owner is gone: fenced, its log closed. */
interface Closed {
  readonly item: AssignmentItem;
  readonly checkpoint: Checkpoint;
  readonly closedEnd: bigint;
  readonly producerId: bigint;
}

describe('the walk behind a killed data thread, on real brokers', () => {
  const handles: KafkaClusterHandle[] = [];
  const audits: AuditCluster[] = [];
  const open: (() => Promise<unknown>)[] = [];
  let source: TestCluster;
  let target: TestCluster;

  before(async () => {
    await loadCodecs();
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'source', version: '3.9.1' }),
        startKafkaCluster({ name: 'target', version: '4.1.0' }),
      ])),
    );
    source = new TestCluster(handles[0] as KafkaClusterHandle);
    target = new TestCluster(handles[1] as KafkaClusterHandle);
    audits.push(...handles.map(({ bootstrapServers }) => new AuditCluster(bootstrapServers)));
    await target.createTopic(GAPS, 1, { 'cleanup.policy': 'compact' });
  });

  after(async () => {
    await Promise.all([source?.close(), target?.close(), ...audits.map((audit) => audit.close())]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  const routeWith = (settings: Partial<Route> = {}): Route => ({ ...testRoute('source', 'target'), ...settings });

  async function topic(name: string, atTarget: Record<string, string> = {}): Promise<AssignmentItem> {
    await Promise.all([source.createTopic(name, 1), target.createTopic(name, 1, atTarget)]);
    return item(name, 0, { sourceTopicId: await source.topicId(name) });
  }

  /** A thread that has begun to copy: its first checkpoint is the only one. */
  async function copying(owned: AssignmentItem, route: Route): Promise<ThreadUnderTest> {
    const under = new ThreadUnderTest([source.connection, target.connection], owned.topic, ONLY_THE_FIRST);
    open.push(() => under.thread.stop());
    under.assign([route], [owned]);
    await eventually('begun', () => (under.held()?.started.length ?? 0) === 1);
    return under;
  }

  const countAt = async (name: string): Promise<number> => (await target.read(name, 0)).length;

  /** The thread is gone from one moment to the next; its lane is fenced, the marker is where its log ends. */
  async function killed(under: ThreadUnderTest, owned: AssignmentItem): Promise<Closed> {
    await under.thread.stop();
    const lane = laneOf(under);
    const { client } = target;
    const partitions = [
      { topic: owned.targetTopic, partition: 0 },
      { topic: GAPS, partition: 0 },
    ];
    const fence = await fenceLane({ client, lane, partitions, signal: NEVER });
    assert.equal(fence.kind, 'fenced');
    const loaded = [...(await new CheckpointStore(client).load([owned])).values()][0];
    assert.ok(loaded?.kind === 'found');
    const marker = await findAbortMarker({
      client,
      topic: owned.targetTopic,
      partition: 0,
      producerId: lane.producerId,
      minEpoch: fence.kind === 'fenced' ? fence.epoch : -1,
      fromOffset: loaded.checkpoint.targetOffset,
      waitMs: 60_000,
      signal: NEVER,
    });
    assert.ok(marker.kind === 'found');
    const { producerId } = lane;
    return { item: owned, checkpoint: loaded.checkpoint, closedEnd: marker.offset, producerId };
  }

  function walk(closed: Closed, extra: Partial<Parameters<typeof walkPartition>[0]> = {}): Promise<WalkOutcome> {
    const { checkpoint: pair, closedEnd, producerId } = closed;
    const options = {
      item: closed.item,
      route: routeWith(),
      pair,
      closedEnd,
      ours: new Set([producerId]),
      fleet: 'test',
      source: source.client,
      target: target.client,
      pool: new BufferPool(64 << 20),
      clock: systemClock,
      random: systemRandom,
    };
    return walkPartition({ ...options, ...extra }, NEVER);
  }

  const reading = () => ({
    pool: new BufferPool(1 << 20),
    clock: systemClock,
    random: systemRandom,
    signal: NEVER,
    patienceMs: 60_000,
  });

  /** What a read_committed consumer sees. */
  async function readAll(audit: AuditCluster | undefined, name: string): Promise<AuditRecord[]> {
    assert.ok(audit !== undefined);
    const layout = await audit.layout(name);
    assert.ok(layout !== undefined);
    const [range] = await audit.ranges(layout);
    assert.ok(range !== undefined);
    const records: AuditRecord[] = [];
    for await (const piece of dumpPartition(audit, { layout, partition: 0, range })) records.push(...piece);
    return records;
  }

  /** Read by another reader: the position is the first source record that the target does not have. */
  async function assertFirstMissing(outcome: WalkOutcome, name: string, isDeclared = (_: AuditRecord) => false) {
    assert.equal(
      outcome.kind,
      'resume',
      JSON.stringify(outcome, (_key, value) => String(value)),
    );
    if (outcome.kind !== 'resume') return;
    const there = await readAll(audits[1], name);
    const wanted = (await readAll(audits[0], name)).filter((record) => !isDeclared(record));
    for (const [i, record] of there.entries()) {
      assert.deepEqual(differences(record, wanted[i] as AuditRecord), [], `record ${i}`);
    }
    const passed = wanted.filter(({ offset }) => offset < Number(outcome.sourceOffset));
    assert.equal(passed.length, there.length, `${outcome.sourceOffset} is not the first that is missing`);
  }

  test('killed under load without a checkpoint of what it copied: nothing missing, nothing twice', async () => {
    const owned = await topic('loaded');
    for (let i = 0; i < 20; i++) await source.append('loaded', 0, buildBatch(numbered(i * 500, 500, 400)));
    const under = await copying(owned, routeWith());
    const bootstrapServers = source.connection.bootstrap.join(',');
    const writer = await SteadyWriter.start({ bootstrapServers, topic: 'loaded', partitions: [0], intervalMs: 2 });
    open.push(() => writer.stop());
    await eventually('some hundred of them copied', async () => (await countAt('loaded')) > 10_200);
    const closed = await killed(under, owned);
    await writer.stop();
    const seen: WalkProgress[] = [];
    const outcome = await walk(closed, { onProgress: (progress) => seen.push(progress) });
    await assertFirstMissing(outcome, 'loaded');
    assert.ok(outcome.kind === 'resume' && outcome.compared > 10_000 && outcome.basis === 'records');
    assert.equal(closed.checkpoint.sourceOffset, 0n, 'the checkpoint knew nothing of it');
    assert.ok(seen.length > 0 && seen.every(({ records }, i) => records >= (seen[i - 1]?.records ?? 0)));
  });

  test('transactions, every codec, merged and recompressed batches, records left out: the same', async () => {
    const owned = await topic('mixed', { 'max.message.bytes': '20000', 'compression.type': 'lz4' });
    const shape = { topic: 'mixed', partitions: 1, codec: 'none', share: 1, batchRecords: 5, abortOneIn: 2 } as const;
    const make = (): never => assert.fail('written by hand');
    const writer = new TransactionalWriter(source.connection.bootstrap.join(','), { ...shape, make }, 'mixed');
    open.push(() => writer.close());
    await writer.open();
    const codecs: CodecName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
    for (let i = 0; i < 10; i++) {
      const records = numbered(i * 10, 5).map((record) => ({
        ...record,
        headers: [],
        timestamp: Number(record.timestamp),
      }));
      const audited = records.map((record) => ({ ...record, offset: -1 }));
      await writer.write([{ partition: 0, records: audited, firstSequence: 0 }]);
      for (let j = 0; j < 5; j++) {
        const content = numbered(10_000 + i * 50 + j * 10, 10, 100);
        await source.append('mixed', 0, buildBatch(content, { codec: codecs[(i + j) % 5] as CodecName }));
      }
      if (i % 4 === 1) {
        // Not to be compressed below what the target takes.
        const large = { key: null, value: randomBytes(50_000), headers: [], timestamp: BigInt(Date.now()) };
        await source.append(
          'mixed',
          0,
          buildBatch([...numbered(80_000 + i * 10, 3), large, ...numbered(85_000 + i, 3)]),
        );
      }
    }
    const route = routeWith({ onRefusedRecord: 'skip', compression: 'gzip' });
    const under = await copying(owned, route);
    const isLarge = ({ value }: AuditRecord): boolean => (value?.length ?? 0) > 20_000;
    const wanted = (await readAll(audits[0], 'mixed')).filter((record) => !isLarge(record)).length;
    await eventually('all copied', async () => (await countAt('mixed')) === wanted);
    for (let i = 0; i < 5; i++) await source.append('mixed', 0, buildBatch(numbered(70_000 + i * 100, 100)));
    const closed = await killed(under, owned);
    await assertFirstMissing(await walk(closed), 'mixed', isLarge);
  });

  test('a stranger’s batch and an altered record are told, and where', async () => {
    const owned = await topic('meddled');
    await source.append('meddled', 0, buildBatch(numbered(0, 50)));
    const under = await copying(owned, routeWith());
    await eventually('copied', async () => (await countAt('meddled')) === 50);
    await target.append('meddled', 0, buildBatch(numbered(7_000, 1)));
    const closed = await killed(under, owned);
    const foreign = await walk(closed);
    assert.deepEqual(foreign.kind === 'foreign' && [foreign.producerId, foreign.offset], [-1n, 50n]);
    const taken = await walk(closed, { ours: new Set([closed.producerId, -1n]) });
    assert.deepEqual(taken.kind === 'diverged' && [taken.what, taken.rank, taken.targetOffset], [
      'source-ended',
      50,
      50n,
    ]);
    await source.append('meddled', 0, buildBatch(numbered(8_000, 1)));
    const altered = await walk(closed, { ours: new Set([closed.producerId, -1n]) });
    assert.deepEqual(altered.kind === 'diverged' && [altered.what, altered.sourceOffset], ['key', 50n]);
  });

  test('6.6 retention passed the target’s or the source’s beginning: positioned by count, or the loss told', async () => {
    const owned = await topic('shrunk');
    for (let i = 0; i < 4; i++) await source.append('shrunk', 0, buildBatch(numbered(i * 25, 25)));
    const under = await copying(owned, routeWith());
    await eventually('copied', async () => (await countAt('shrunk')) === 100);
    const closed = await killed(under, owned);
    await source.append('shrunk', 0, buildBatch(numbered(100, 25)));
    await deleteRecords(target.connection, 'shrunk', 0, 60n);
    const counted = await walk(closed);
    assert.deepEqual(brief(counted), ['resume', 100n, 'count']);
    await deleteRecords(source.connection, 'shrunk', 0, 80n);
    const both = await walk(closed);
    assert.deepEqual(brief(both), ['resume', 100n, 'count']);
    await deleteRecords(source.connection, 'shrunk', 0, 110n);
    const lost = await walk(closed);
    assert.ok(
      lost.kind === 'pause',
      JSON.stringify(brief(lost), (_key, value) => String(value)),
    );
    assert.ok(lost.gap.from <= 100n && lost.gap.to === 110n);
  });

  test('6.5 an operator’s skip is read from its gap record, also where what it gave up is gone', async () => {
    const skip = { partition: 0, from: 10n, to: 15n, reason: 'given up', at: '2026-01-01T00:00:00Z' };
    const owned = { ...(await topic('given-up')), skip };
    for (let i = 0; i < 5; i++) await source.append('given-up', 0, buildBatch(numbered(i * 5, 5)));
    const under = await copying(owned, routeWith());
    await eventually('copied', async () => (await countAt('given-up')) === 20);
    const closed = await killed(under, owned);
    assert.deepEqual(brief(await walk(closed)), ['resume', 25n, 'records']);
    const read = await readDeclaredSkips(target.client, 'test', [owned, item('other', 0)], reading());
    assert.deepEqual([...read.keys()], ['r/given-up-0']);
    assert.deepEqual(read.get('r/given-up-0')?.from(0), [{ first: 10, last: 14 }]);
    const later = await readDeclaredSkips(target.client, 'test', [{ ...owned, timeline: 2 }], reading());
    assert.equal(later.size, 0, 'another timeline decides anew');
    await deleteRecords(source.connection, 'given-up', 0, 15n);
    const behind = { ...closed.checkpoint, sourceOffset: 10n, targetOffset: 10n };
    assert.deepEqual(brief(await walk(closed, { pair: behind })), ['resume', 25n, 'records']);
    assert.deepEqual(brief(await walk(closed)), ['resume', 25n, 'count']);
  });

  test('an end below the checkpoint is waited for, another topic of the name is told, a signal ends it', async () => {
    const owned = await topic('awaited');
    await source.append('awaited', 0, buildBatch(numbered(0, 5)));
    const under = await copying(owned, routeWith());
    await eventually('copied', async () => (await countAt('awaited')) === 5);
    const closed = await killed(under, owned);
    const pair = { ...closed.checkpoint, targetOffset: 1_000n };
    assert.equal((await walk(closed, { pair, closedEnd: 1_001n, patienceMs: 200 })).kind, 'wait');
    const other = '00000000-0000-4000-8000-000000000001';
    const elsewhere = { ...closed.checkpoint, targetTopicId: other };
    await assert.rejects(walk(closed, { pair: elsewhere }), { code: 'TARGET_TOPIC_RECREATED' });
    const options = { pair: closed.checkpoint, closedEnd: closed.closedEnd, ours: new Set([closed.producerId]) };
    const base = { item: owned, route: routeWith(), fleet: 'test', source: source.client, target: target.client };
    const deps = { pool: new BufferPool(1 << 20), clock: systemClock, random: systemRandom };
    await assert.rejects(walkPartition({ ...base, ...options, ...deps }, AbortSignal.abort()), {
      code: 'SHUTTING_DOWN',
    });
  });
});

function laneOf(under: ThreadUnderTest): LaneRecord {
  const registered = under.messages.find((message) => message.type === 'register-lane');
  assert.ok(registered?.type === 'register-lane');
  return registered.lane;
}

function brief(outcome: WalkOutcome): unknown {
  return outcome.kind === 'resume' ? [outcome.kind, outcome.sourceOffset, outcome.basis] : outcome;
}
