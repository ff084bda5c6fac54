import assert from 'node:assert/strict';
import { test } from 'node:test';
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
