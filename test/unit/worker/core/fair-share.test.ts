import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteBudget, BytePool, divideBytes } from '../../../../worker/core/byte-budget.js';
import { FairShare, MIN_QUOTA_BYTES, type ShareAccount } from '../../../../worker/core/fair-share.js';

const MB = 1 << 20;

/** Fetches into the accounts in turn, and releases nothing, until nobody may fetch more. */
function fill(accounts: readonly ShareAccount[], fetchBytes: number): void {
  for (let any = true; any; ) {
    any = false;
    for (const account of accounts) {
      const quota = account.quotaBytes();
      if (quota === 0) continue;
      account.charge(Math.min(quota, fetchBytes));
      any = true;
    }
  }
}

describe('fair shares of the memory', () => {
  test('a route whose target stalls leaves a fifth, and others go on in that', () => {
    const budget = new ByteBudget(256 * MB);
    const shares = new FairShare(budget);
    const stalled = Array.from({ length: 60 }, (_, i) => shares.open('stalled', `t${i}`));
    fill(stalled, MB);
    assert.ok(budget.freeBytes >= (256 * MB) / 5, `${budget.freeBytes}`);
    const other = shares.open('other', 't');
    assert.ok(other.quotaBytes() >= 10 * MB);
  });

  test('a topic that stalls leaves nearly a third to its route', () => {
    const budget = new ByteBudget(90 * MB);
    const shares = new FairShare(budget);
    fill(
      Array.from({ length: 100 }, () => shares.open('r', 'stalled')),
      MB,
    );
    assert.ok(budget.freeBytes >= 27 * MB, `${budget.freeBytes}`);
    assert.ok(shares.open('r', 'other').quotaBytes() > MB);
  });

  test('stalled partitions of a topic leave room to the one that flows, which always may fetch when it holds nothing', () => {
    const budget = new ByteBudget(64 * MB);
    const shares = new FairShare(budget);
    fill(
      Array.from({ length: 333 }, () => shares.open('r', 't')),
      MB,
    );
    const flowing = shares.open('r', 't');
    for (let i = 0; i < 1_000; i++) {
      const quota = flowing.quotaBytes();
      assert.ok(quota >= MIN_QUOTA_BYTES);
      flowing.charge(quota);
      flowing.release(quota);
    }
  });

  test('a single partition is not held back before its queue is full', () => {
    const account = new FairShare(new ByteBudget(256 * MB)).open('r', 't');
    account.charge(6 * MB);
    assert.ok(account.quotaBytes() >= MB);
  });
});

describe('the threads’ budgets', () => {
  test('a busy thread uses what idle ones do not, and each keeps its guaranteed part', () => {
    const { guaranteedBytes, sharedBytes } = divideBytes(256 * MB, 4, MB);
    const taken = new Float64Array(new SharedArrayBuffer(32));
    const budgets = [0, 1, 2, 3].map((slot) => new ByteBudget(guaranteedBytes, new BytePool(taken, slot, sharedBytes)));
    const [busy, idle] = budgets as [ByteBudget, ByteBudget];
    assert.equal(busy.freeBytes, (32 + 128) * MB);
    busy.charge(160 * MB);
    assert.equal(busy.freeBytes, 0);
    assert.equal(idle.freeBytes, 32 * MB);
    let woken = 0;
    idle.charge(32 * MB);
    idle.whenFree(MB, () => woken++);
    busy.release(100 * MB);
    idle.look();
    assert.equal(woken, 1);
    assert.equal(idle.freeBytes, 100 * MB);
  });

  test('what a thread that died had taken is free again when it starts anew', () => {
    const taken = new Float64Array(new SharedArrayBuffer(16));
    const dead = new ByteBudget(MB, new BytePool(taken, 0, 8 * MB));
    dead.charge(9 * MB);
    const other = new ByteBudget(MB, new BytePool(taken, 1, 8 * MB));
    assert.equal(other.freeBytes, MB);
    new ByteBudget(MB, new BytePool(taken, 0, 8 * MB));
    assert.equal(other.freeBytes, 9 * MB);
  });

  test('small budgets of many threads give each what one fetch needs', () => {
    assert.deepEqual(divideBytes(MB, 8, MB), { guaranteedBytes: MB, sharedBytes: 0 });
  });
});
