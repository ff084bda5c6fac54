import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteBudget } from '../../../../worker/core/byte-budget.js';

describe('the byte budget', () => {
  test('whoever waits for room is called once, by the release that makes enough of it, whosever bytes those were', () => {
    const budget = new ByteBudget(100);
    budget.charge(100);
    const woken: string[] = [];
    budget.whenFree(10, () => woken.push('small'));
    budget.whenFree(60, () => woken.push('large'));
    budget.release(5);
    assert.deepEqual(woken, []);
    budget.release(10);
    assert.deepEqual(woken, ['small']);
    budget.release(50);
    assert.deepEqual(woken, ['small', 'large']);
    budget.release(20);
    assert.equal(woken.length, 2);
  });
});
