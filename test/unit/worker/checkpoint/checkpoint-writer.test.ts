import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CheckpointStore } from '../../../../common/kafka/checkpoints/checkpoint-store.js';
import { checkpointGroup } from '../../../../common/model/checkpoint.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import { CheckpointWriter } from '../../../../worker/checkpoint/checkpoint-writer.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { ManualClock } from '../manual-clock.js';
import { MapTopic } from '../offsets/keeper-kit.js';
import { runningOutlet, testPartition } from '../partition/partition-kit.js';

type Commit = CheckpointStore['commit'];

function writerOn(
  commit: Commit,
  intervalMs = 60_000,
  clock: Clock = systemClock,
  mapTopic = new MapTopic(),
): CheckpointWriter {
  return new CheckpointWriter({
    store: { commit } as unknown as CheckpointStore,
    maps: mapTopic.keeper(clock),
    intervalMs,
    refreshMs: 60_000,
    cluster: 't',
    mayCommit: () => true,
    committed: () => undefined,
    clock,
    logger: silentLogger,
  });
}

/** Partitions that have begun, by their checkpoint group. */
function begun(count: number): Map<string, MirroredPartition[]> {
  const { lane } = runningOutlet(0);
  const groups = new Map<string, MirroredPartition[]>();
  for (let number = 0; number < count; number++) {
    const partition = testPartition('r', number);
    partition.lane = lane;
    partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
    partition.started = true;
    const group = checkpointGroup(partition.item);
    groups.set(group, [...(groups.get(group) ?? []), partition]);
  }
  return groups;
}

describe('writing checkpoints', () => {
  test('one commit that fails in an unexpected way does not end those that follow', async () => {
    let calls = 0;
    const writer = writerOn(() => {
      calls += 1;
      return calls === 1 ? Promise.reject(new TypeError('a bug')) : Promise.resolve(new Map());
    });
    const { partition } = runningOutlet(0);
    await assert.rejects(writer.flush([partition]), TypeError);
    assert.ok((await writer.flush([partition])).has(partition));
    await writer.close();
  });

  test('a group whose coordinator does not answer holds up nobody else’s checkpoints', async () => {
    const [[slow, [stuck]], [, [free]]] = [...begun(40)] as [
      [string, MirroredPartition[]],
      [string, MirroredPartition[]],
    ];
    assert.ok(stuck !== undefined && free !== undefined);
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const commits: string[] = [];
    const writer = writerOn(async (group) => {
      commits.push(group);
      if (group === slow) await gate;
      return new Map();
    }, 5);
    writer.add(stuck);
    writer.add(free);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok((await writer.flush([free])).has(free));
    assert.equal(free.committedSource, 0);
    assert.equal(stuck.committedSource, -1);
    assert.equal(commits.filter((group) => group === slow).length, 1, 'one commit of a group at a time');
    release();
    assert.ok((await writer.flush([stuck])).has(stuck));
    await writer.close();
  });

  test('8.1 runs that a position was committed without are written later, though the partition stands still', async () => {
    const mapTopic = new MapTopic();
    mapTopic.partitions = 0;
    const committed: (number | undefined)[] = [];
    const commit: Commit = async (_group, entries) => {
      committed.push(...entries.map(({ checkpoint }) => checkpoint.history?.entries.length));
      return new Map();
    };
    const writer = writerOn(commit, 5, systemClock, mapTopic);
    const [partition] = [...begun(1).values()].flat() as [MirroredPartition];
    for (let i = 0; i < 500; i += 1) {
      partition.runs.stored({ sourceFirst: 2 * i, recordCount: 1, sourceOffsets: null }, i);
    }
    writer.add(partition);
    await writer.flush([partition]);
    assert.deepEqual([committed, partition.runs.size], [[0], 499]);
    await systemClock.sleep(50);
    assert.deepEqual(committed, [0], 'nothing is committed again for it');
    mapTopic.partitions = 16;
    for (let i = 0; i < 6_000 && partition.runs.size > 0; i += 1) await systemClock.sleep(5);
    assert.equal(partition.runs.size, 0);
    assert.deepEqual([mapTopic.chains.length, mapTopic.chains[0]?.entries.length], [1, 499]);
    await writer.close();
  });

  test('partitions that are flushed one by one share a commit', async () => {
    const [group, partitions] = [...begun(100)][0] as [string, MirroredPartition[]];
    assert.ok(partitions.length >= 3);
    const sizes: number[] = [];
    const writer = writerOn(async (asked, entries) => {
      assert.equal(asked, group);
      sizes.push(entries.length);
      return new Map();
    });
    const flushed = await Promise.all(partitions.map((partition) => writer.flush([partition])));
    assert.ok(flushed.every((done, i) => done.has(partitions[i] as MirroredPartition)));
    assert.ok(sizes.length <= 2, `commits of ${sizes.join(', ')}`);
    await writer.close();
  });

  test('4.4 pairs are written again though unchanged: of paused partitions, of suspects as they were last beyond doubt, of what could not begin', async () => {
    const clock = new ManualClock();
    const written: (readonly [number, bigint])[] = [];
    const commit: Commit = async (_group, entries) => {
      written.push(...entries.map(({ partition, checkpoint }) => [partition, checkpoint.sourceOffset] as const));
      return new Map();
    };
    const writer = writerOn(commit, 1_000, clock);
    const [paused, suspect, waiting, unknown] = [...begun(4).values()].flat() as [
      MirroredPartition,
      MirroredPartition,
      MirroredPartition,
      MirroredPartition,
    ];
    assert.equal((await writer.flush([paused, suspect])).size, 2);
    const { lastPair } = suspect;
    assert.ok(lastPair !== undefined);
    for (const partition of [paused, suspect]) writer.add(partition);
    suspect.begin({ source: 70, target: 70, runSource: 70, runTarget: 70 });
    suspect.suspect = true;
    for (const partition of [waiting, unknown]) partition.started = false;
    waiting.lastPair = { ...lastPair, sourceOffset: 30n };
    writer.keep(waiting);
    writer.keep(unknown);
    written.length = 0;
    const pass = async (ms: number): Promise<void> => {
      clock.pass(ms);
      await systemClock.sleep(5);
    };
    await pass(55_000);
    assert.equal(written.length, 0);
    await pass(6_000);
    const expected = [paused, suspect, waiting].map(({ item }) => item.partition);
    assert.deepEqual(written.map(([partition]) => partition).sort(), expected.sort());
    assert.equal(
      written.find(([partition]) => partition === suspect.item.partition)?.[1],
      0n,
      'not where it stands now',
    );
    assert.equal(written.find(([partition]) => partition === waiting.item.partition)?.[1], 30n);
    writer.remove(waiting);
    written.length = 0;
    await pass(61_000);
    assert.ok(!written.some(([partition]) => partition === waiting.item.partition));
    await writer.close();
  });
});
