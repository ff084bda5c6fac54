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
