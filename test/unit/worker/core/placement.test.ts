import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeKeys } from '../../../../worker/core/placement.js';

test('partitions spread over threads, and what is placed stays when others come and go', () => {
  const first = placeKeys(new Map(), ['a', 'b', 'c', 'd'], 2);
  assert.deepEqual([...first.values()].sort(), [0, 0, 1, 1]);
  const kept = new Map([...first].filter(([key]) => key !== 'a'));
  const second = placeKeys(kept, ['b', 'c', 'd', 'e'], 2);
  for (const key of ['b', 'c', 'd']) assert.equal(second.get(key), first.get(key));
  assert.equal(second.get('e'), first.get('a'), 'the newcomer fills the gap');
});

test('once loads are known newcomers go where the least is, and count as an average partition until they are measured', () => {
  const placed = new Map([
    ['hot', 0],
    ['cold-1', 1],
    ['cold-2', 1],
    ['cold-3', 1],
  ]);
  const loads = new Map([
    ['hot', 1_000_000],
    ['cold-1', 10],
    ['cold-2', 10],
    ['cold-3', 10],
  ]);
  const next = placeKeys(placed, [...placed.keys(), 'n1', 'n2', 'n3', 'n4', 'n5'], 2, loads);
  const newcomers = ['n1', 'n2', 'n3', 'n4', 'n5'].map((key) => next.get(key));
  assert.deepEqual(newcomers.slice(0, 4), [1, 1, 1, 1]);
  assert.equal(newcomers[4], 0, 'four average ones weigh as much as the hot one');
});
