import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIRST_OF_TIMELINE } from '../../../../common/model/offset-map-record.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { TransactionRuns } from '../../../../worker/transactional/transaction-runs.js';
import { ManualClock } from '../manual-clock.js';
import { testPartition } from '../partition/partition-kit.js';

function setUp() {
  const clock = new ManualClock();
  const partition = testPartition();
  const world = { full: true, ready: true, writes: 0, woken: 0, isStored: true, gate: Promise.resolve() };
  const runs = new TransactionRuns({
    maps: {
      mustSave: () => world.full,
      get isReady() {
        return world.ready;
      },
      save: async () => {
        world.writes += 1;
        await world.gate;
        return new Set(world.isStored ? [partition] : []);
      },
    },
    wake: () => {
      world.woken += 1;
    },
    stopped: (error) => assert.fail(String(error)),
    clock,
  });
  runs.begin();
  return { clock, partition, world, runs };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a transaction waits until the runs that its positions do not hold are written, once', async () => {
  const { partition, world, runs } = setUp();
  assert.equal(runs.areSaved([partition]), false);
  assert.equal(runs.areSaved([partition]), false);
  await turn();
  assert.equal(runs.areSaved([partition]), true);
  assert.deepEqual([world.writes, world.woken], [1, 1]);
});

test('nothing to write, or nowhere to write it: nothing waits', () => {
  const { partition, world, runs } = setUp();
  world.full = false;
  assert.equal(runs.areSaved([partition]), true);
  world.full = true;
  world.ready = false;
  assert.equal(runs.areSaved([partition]), true);
  assert.equal(world.writes, 0);
});

test('after a map that could not be written, transactions go on without for a minute', async () => {
  const { clock, partition, world, runs } = setUp();
  world.isStored = false;
  runs.areSaved([partition]);
  await turn();
  assert.equal(runs.areSaved([partition]), true, 'it ends without');
  runs.begin();
  assert.equal(runs.areSaved([partition]), true);
  clock.pass(60_000);
  runs.begin();
  assert.equal(runs.areSaved([partition]), false, 'and then it is tried again');
  assert.equal(world.writes, 2);
});

test('a write that outlives its transaction says nothing about the next, which does not wait for the map', async () => {
  const { partition, world, runs } = setUp();
  let open = (): void => undefined;
  world.gate = new Promise((resolve) => (open = resolve));
  assert.equal(runs.areSaved([partition]), false);
  runs.begin();
  assert.equal(runs.areSaved([partition]), true);
  open();
  await turn();
  assert.equal(world.woken, 0);
});

const withRuns = (partition: MirroredPartition, count: number): void => {
  for (let i = 0; i < count; i += 1) {
    partition.runs.stored({ sourceFirst: 2 * i, recordCount: 1, sourceOffsets: null }, i);
  }
};

test('runs stay in memory until the transaction that they were written in is committed', async () => {
  const { partition, runs } = setUp();
  partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
  withRuns(partition, 50);
  runs.areSaved([partition]);
  await turn();
  assert.equal(partition.runs.size, 49, 'it may still be aborted');
  runs.committed();
  assert.equal(partition.runs.size, 0);
});

test('8.1 an aborted transaction takes no runs along: those of the position that is gone back to are written with the next', async () => {
  const { partition, runs } = setUp();
  partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
  withRuns(partition, 50);
  const { linkBefore } = partition.runs;
  runs.areSaved([partition]);
  await turn();
  const history = { link: linkBefore, entries: [] };
  partition.begin({ source: 99, target: 50, runSource: 98, runTarget: 49, history });
  runs.begin();
  runs.committed();
  assert.equal(partition.runs.size, 49);
  assert.equal(partition.runs.history().link, FIRST_OF_TIMELINE);
});
