import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Death, takeoverRows } from '../../bench/takeover.js';

function death(medianMs: number, lastMs: number, requests: number): Death {
  const effort = {
    requests: { 'target Fetch': requests, 'source Fetch': 1 },
    cpuS: { brokers: 2, fleet: 1, bed: 0.5 },
    machineBusy: 0.9,
  };
  return { worker: 'worker-1', partitions: 250, firstMs: 1_000, medianMs, lastMs, effort, othersPauseMs: lastMs / 10 };
}

test('takeovers are judged by the median and the worst of their last partitions', () => {
  const rows = takeoverRows([death(1_500, 2_000, 99), death(1_000, 12_340, 9), death(2_500, 3_000, 499)]);
  const of = (what: string) => rows.find((row) => row.what.includes(what));
  assert.deepEqual([of('half of them move')?.measured, of('half of them move')?.met], [1.5, true]);
  assert.deepEqual([of('all of them move, median')?.measured, of('all of them move, median')?.met], [3, true]);
  assert.deepEqual([of('all of them move, worst')?.measured, of('all of them move, worst')?.met], [12.34, false]);
  assert.equal(of('other worker waits')?.measured, 1.23);
  assert.equal(of('requests of the workers')?.measured, 100);
});

test('a takeover that did not end counts as the worst, not as the best', () => {
  const rows = takeoverRows([death(1_000, 2_000, 9), death(-1, -1, 9)]);
  const worst = rows.find(({ what }) => what.includes('all of them move, worst'));
  assert.equal(worst?.measured, null);
});
