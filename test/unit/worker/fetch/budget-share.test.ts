import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteBudget, BytePool } from '../../../../worker/core/byte-budget.js';
import { BudgetShare } from '../../../../worker/fetch/budget-share.js';

const MB = 1 << 20;

describe('a share of the budget', () => {
  test('leaves the rest to others, and calls whoever waits when there is room within it', () => {
    const budget = new ByteBudget(8 * MB);
    const share = new BudgetShare(budget, 0.75);
    assert.equal(share.freeBytes, 6 * MB);
    budget.charge(6 * MB);
    assert.equal(share.freeBytes, 0);
    let woken = 0;
    share.whenFree(MB, () => {
      woken += 1;
    });
    budget.release(MB / 2);
    assert.equal(woken, 0);
    budget.release(MB / 2);
    assert.equal(woken, 1);
    budget.release(MB);
    assert.equal(woken, 1);
  });

  test('whoever waits goes on although other threads took what is shared meanwhile: a share of what is left is free', () => {
    const taken = new Float64Array(2);
    const budget = new ByteBudget(8 * MB, new BytePool(taken, 0, 64 * MB));
    const share = new BudgetShare(budget, 0.75);
    budget.charge(60 * MB);
    taken[1] = 12 * MB;
    assert.equal(budget.freeBytes, 0);
    let woken = false;
    share.whenFree(MB, () => {
      woken = true;
    });
    for (let others = 13; others <= 64; others += 1) {
      taken[1] = others * MB;
      budget.release(MB);
    }
    assert.equal(woken, false);
    budget.release(8 * MB);
    assert.equal(share.freeBytes, 6 * MB);
    assert.ok(woken);
  });
});
