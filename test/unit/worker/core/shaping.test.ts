import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_REFUSED_AHEAD, Shaping } from '../../../../worker/core/shaping.js';

test('6.5 what an owner before left out stays left out, and is not declared again', () => {
  const shaping = new Shaping();
  shaping.inherit([{ first: 7, last: 9 }]);
  assert.ok(shaping.refusesAny(9, 20) && !shaping.refusesAny(10, 20));
  assert.deepEqual(
    shaping.refusedIn(0, 100).map(({ offset, declared }) => [offset, declared]),
    [
      [7, true],
      [8, true],
      [9, true],
    ],
  );
  shaping.settled(9);
  assert.equal(shaping.refusedCount, 1);
  shaping.inherit([{ first: 100, last: 10_000_000 }]);
  assert.equal(shaping.refusedCount, MAX_REFUSED_AHEAD);
});
