import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isPositionDue, TxnBatcher } from '../../../../worker/core/txn-batcher.js';

const BOUNDS = { maxIntervalMs: 500, maxBytes: 1_000, restFactor: 4, minShare: 1 / 8 };
const IDLE = { isIdle: true, isUrgent: false };
const BUSY = { isIdle: false, isUrgent: false };

describe('when a transaction ends', () => {
  test('at once when nothing is left to send, at the latest when it is old, or large', () => {
    const batcher = new TxnBatcher(BOUNDS);
    batcher.opened(0);
    assert.equal(batcher.step(1, IDLE).kind, 'end');
    assert.deepEqual(batcher.step(100, BUSY), { kind: 'wait', forMs: 400 });
    assert.equal(batcher.step(500, BUSY).kind, 'end');
    batcher.opened(1_000);
    batcher.sent(999);
    assert.equal(batcher.step(1_001, BUSY).kind, 'wait');
    batcher.sent(1);
    assert.ok(batcher.isFull);
    assert.equal(batcher.step(1_001, BUSY).kind, 'end');
    batcher.opened(2_000);
    assert.equal(batcher.isFull, false, 'the next one begins empty');
  });

  test('under a trickle ends leave four times as long as the last one took; who waits for a position does not wait for that', () => {
    const batcher = new TxnBatcher(BOUNDS);
    batcher.opened(0);
    batcher.committed(100, 20);
    batcher.opened(101);
    assert.deepEqual(batcher.step(110, IDLE), { kind: 'wait', forMs: 70 });
    assert.equal(batcher.step(110, { ...IDLE, isUrgent: true }).kind, 'end');
    assert.equal(batcher.step(180, IDLE).kind, 'end');
    batcher.committed(200, 1_000);
    batcher.opened(200);
    assert.deepEqual(batcher.step(200, IDLE), { kind: 'wait', forMs: 500 }, 'never longer than it may stay open');
  });

  test('aborted ones are followed by smaller ones, down to a bound, and those that are committed by larger ones again', () => {
    const batcher = new TxnBatcher(BOUNDS);
    const waits = (): number => {
      batcher.opened(0);
      const step = batcher.step(0, BUSY);
      return step.kind === 'wait' ? step.forMs : 0;
    };
    batcher.aborted();
    assert.equal(waits(), 125);
    batcher.aborted();
    batcher.aborted();
    assert.equal(waits(), 62.5);
    for (const expected of [125, 250, 500, 500]) {
      batcher.committed(0, 0);
      assert.equal(waits(), expected);
    }
  });
});

describe('whose position belongs into it', () => {
  const FACTS = {
    settled: 5,
    committed: 5,
    committedAtMs: 0,
    isAwaited: false,
    barredUntilMs: Number.NEGATIVE_INFINITY,
  };

  test('that which moved, which is waited for, or which would expire', () => {
    assert.equal(isPositionDue(FACTS, 10, 600), false);
    assert.equal(isPositionDue({ ...FACTS, settled: 6 }, 10, 600), true);
    assert.equal(isPositionDue({ ...FACTS, isAwaited: true }, 10, 600), true);
    assert.equal(isPositionDue(FACTS, 600, 600), true);
  });

  test('not the first of a stay, before the start procedure asks for it, nor one that the target refused a moment ago', () => {
    assert.equal(isPositionDue({ ...FACTS, committed: undefined, settled: 6 }, 10, 600), false);
    assert.equal(isPositionDue({ ...FACTS, settled: 6, isAwaited: true, barredUntilMs: 20 }, 10, 600), false);
    assert.equal(isPositionDue({ ...FACTS, settled: 6, barredUntilMs: 20 }, 20, 600), true);
  });
});
