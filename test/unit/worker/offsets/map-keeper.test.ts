import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../../common/errors/error.js';
import { FIRST_OF_TIMELINE } from '../../../../common/model/offset-map-record.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { ManualClock } from '../manual-clock.js';
import { runningOutlet, testPartition } from '../partition/partition-kit.js';
import { MapTopic } from './keeper-kit.js';

/** Copied every other record, `holes` times. */
function withHoles(holes: number, number = 0): MirroredPartition {
  const partition = testPartition('r', number);
  partition.lane = runningOutlet(0).lane;
  partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
  more(partition, holes);
  return partition;
}

function more(partition: MirroredPartition, holes: number): void {
  for (let i = 0; i < holes; i += 1) {
    const sourceFirst = partition.runs.openSource + partition.runs.openLength + 1;
    partition.runs.stored({ sourceFirst, recordCount: 1, sourceOffsets: null }, partition.targetNext);
    partition.targetNext += 1;
  }
}

const refused = (): Promise<void> => Promise.reject(new CausewayError('TARGET_REFUSED', 'no'));

describe('runs and the checkpoints that name them', () => {
  test('a partition without holes writes nothing; a few runs travel in its checkpoint', async () => {
    const topic = new MapTopic();
    const keeper = topic.keeper();
    assert.equal(keeper.mustSave(withHoles(0)), false);
    const few = withHoles(5);
    assert.equal(keeper.mustSave(few), false);
    const history = keeper.committable(few)?.history;
    assert.equal(history?.link, FIRST_OF_TIMELINE);
    // The beginning and four runs; the fifth is open.
    assert.equal(history?.entries.length, 5);
    assert.equal(topic.batches.length, 0);
  });

  test('8.1 no pair that names no runs is committed before they are written', async () => {
    const topic = new MapTopic();
    const keeper = topic.keeper();
    const partition = withHoles(2_000);
    assert.equal(keeper.mustSave(partition), true);
    assert.equal(keeper.committable(partition), undefined);
    topic.gate = refused;
    assert.equal((await keeper.save([partition])).size, 0);
    assert.equal(keeper.committable(partition), undefined, 'it waits, however often writing fails');
    topic.gate = () => Promise.resolve();
    assert.ok((await keeper.save([partition])).has(partition));
    const pair = keeper.committable(partition);
    assert.deepEqual(pair?.history, { link: 1_999, entries: [] });
    assert.equal(pair?.runTargetStart, 1_999n);
    assert.equal(topic.chains[0]?.entries.length, 2_000);
  });

  test('what is closed while others are written waits for the next time, and the pair of before can be committed', async () => {
    const topic = new MapTopic();
    const keeper = topic.keeper();
    const partition = withHoles(2_000);
    let open = (): void => undefined;
    topic.gate = () => new Promise((resolve) => (open = resolve));
    const saving = keeper.save([partition]);
    await Promise.resolve();
    more(partition, 2_000);
    partition.committedSource = -1;
    open();
    await saving;
    assert.equal(keeper.committable(partition)?.targetOffset, 2_000n);
    assert.equal(keeper.mustSave(partition), true);
  });

  test('partitions of one lane and one part of the map go into one batch', async () => {
    const topic = new MapTopic();
    const keeper = topic.keeper();
    const { lane } = runningOutlet(0);
    const partitions = Array.from({ length: 64 }, (_, number) => {
      const partition = withHoles(300, number);
      partition.lane = lane;
      return partition;
    });
    assert.equal((await keeper.save(partitions)).size, 64);
    assert.ok(topic.batches.length <= 16, `${topic.batches.length} batches`);
    assert.equal(topic.chains.length, 64);
    assert.equal(new Set(topic.chains.map(({ place }) => place.partition)).size, 64);
  });

  test('a map topic that is not there holds nothing up; some of its runs wait in memory, the others are given up', async () => {
    const topic = new MapTopic();
    topic.partitions = 0;
    const keeper = topic.keeper();
    const partition = withHoles(900);
    assert.equal((await keeper.save([partition])).size, 0);
    assert.deepEqual(keeper.committable(partition)?.history, { link: 899, entries: [] });
    topic.partitions = 16;
    await keeper.save([partition]);
    assert.equal(topic.chains[0]?.link, FIRST_OF_TIMELINE);
    assert.equal(topic.chains[0]?.entries.length, 900);
    topic.partitions = 0;
    more(partition, 50_000);
    keeper.committable(partition);
    assert.equal(partition.runs.size, 1_025);
    const [lost] = partition.runs.history().entries;
    assert.equal(lost?.lost, true, 'and that is said');
  });

  test('a map that cannot be written for ten minutes does not hold the checkpoint any longer', async () => {
    const clock = new ManualClock();
    const topic = new MapTopic();
    topic.gate = refused;
    const keeper = topic.keeper(clock);
    const partition = withHoles(2_000);
    assert.equal(keeper.committable(partition), undefined);
    clock.pass(600_000);
    assert.equal(keeper.committable(partition)?.history?.entries.length, 0);
    assert.equal(partition.runs.size, 2_000, 'and they can still be written');
  });

  test('an open run that grows is written every ten minutes, under the key of its start', async () => {
    const clock = new ManualClock();
    const topic = new MapTopic();
    const keeper = topic.keeper(clock);
    const partition = withHoles(0);
    const grow = (count: number): void => {
      partition.runs.stored(
        { sourceFirst: partition.targetNext, recordCount: count, sourceOffsets: null },
        partition.targetNext,
      );
      partition.targetNext += count;
    };
    grow(10);
    assert.deepEqual(keeper.grown([partition]), []);
    grow(10);
    assert.deepEqual(keeper.grown([partition]), []);
    clock.pass(600_000);
    assert.deepEqual(keeper.grown([partition]), [partition]);
    await keeper.save([partition], true);
    clock.pass(600_000);
    assert.deepEqual(keeper.grown([partition]), [], 'it has not grown since');
    grow(5);
    assert.deepEqual(keeper.grown([partition]), [partition]);
    await keeper.save([partition], true);
    assert.deepEqual(
      topic.chains.map(({ entries }) => entries[0]?.length),
      [20, 25],
    );
    assert.equal(topic.chains[0]?.key, topic.chains[1]?.key);
    assert.equal(partition.runs.openLength, 25);
  });

  test('3.4 a lane that lost count at the map topic is retired, holds no checkpoint up, and its runs go with the partition to another', async () => {
    const topic = new MapTopic();
    const keeper = topic.keeper();
    const partition = withHoles(2_000);
    const { lane } = partition;
    topic.gate = () => Promise.reject(new CausewayError('SEQUENCE_BROKEN', 'error 45'));
    assert.equal((await keeper.save([partition])).size, 0);
    assert.deepEqual(topic.retired, [lane]);
    assert.deepEqual(topic.broken, []);
    assert.equal(keeper.mustSave(partition), false, 'nothing waits for what that lane cannot do');
    topic.gate = () => Promise.resolve();
    assert.equal((await keeper.save([partition])).size, 0, 'nor is anything written under it there');
    const pair = keeper.withoutRuns(partition);
    assert.ok(pair?.history !== undefined);
    // It begins anew on another lane, from that pair.
    const open = { runSource: Number(pair.runSourceStart), runTarget: Number(pair.runTargetStart) };
    partition.lane = runningOutlet(0).lane;
    partition.begin({ source: 2 * 2_000, target: 2_000, ...open, history: pair.history });
    assert.equal(keeper.mustSave(partition), true);
    assert.ok((await keeper.save([partition])).has(partition));
    assert.deepEqual([topic.chains[0]?.link, topic.chains[0]?.entries.length], [FIRST_OF_TIMELINE, 2_000]);
  });

  test('a lane that lost count in one part of the map topic goes on writing into the others', async () => {
    const topic = new MapTopic();
    const keeper = topic.keeper();
    const { lane } = runningOutlet(0);
    const partitions = Array.from({ length: 20 }, (_, number) => Object.assign(withHoles(300, number), { lane }));
    topic.gate = () => Promise.reject(new CausewayError('SEQUENCE_BROKEN', 'error 45'));
    const [first] = partitions as [MirroredPartition];
    await keeper.save([first]);
    topic.gate = () => Promise.resolve();
    const saved = await keeper.save(partitions);
    assert.ok(saved.size > 0 && !saved.has(first), `${saved.size} are written`);
    const stuck = partitions.filter(
      (one) => keeper.carriedOrNone(one)?.history?.entries.length === 0 && !saved.has(one),
    );
    assert.equal(saved.size + stuck.length, partitions.length);
    assert.equal(topic.retired.length, 1);
  });

  test('runs of a life that is over by the time they are written clear nothing of the next', async () => {
    const topic = new MapTopic();
    const keeper = topic.keeper();
    const partition = withHoles(2_000);
    let open = (): void => undefined;
    topic.gate = () => new Promise((resolve) => (open = resolve));
    const saving = keeper.save([partition]);
    await Promise.resolve();
    partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
    more(partition, 3);
    open();
    assert.equal((await saving).has(partition), false);
    assert.equal(partition.runs.size, 3);
    assert.equal(partition.mapped, undefined);
  });
});
