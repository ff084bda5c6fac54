import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stallRows } from '../../bench/stall.js';

test('memory that grows while the target stands still is told', () => {
  const figures = { seconds: 600, copiedBefore: 25, records: 100, catchUpS: 3 };
  const judged = (rssMb: readonly number[]) => stallRows({ ...figures, rssMb }).find(({ goal }) => goal !== null);
  assert.deepEqual([judged([300, 310, 305, 308])?.measured, judged([300, 310, 305, 308])?.met], [-0.6, true]);
  assert.equal(judged([300, 310, 330, 350])?.met, false);
});
