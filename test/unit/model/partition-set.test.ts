import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPartitions, parsePartitions } from '../../../common/model/partition-set.js';

test('any set of partitions survives its text form, ascending and without repeats', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 99_999 })), (partitions) => {
      const expected = [...new Set(partitions)].sort((a, b) => a - b);
      assert.deepEqual(parsePartitions(formatPartitions(partitions)), expected);
    }),
  );
  assert.equal(formatPartitions([3, 1, 2, 7]), '1-3,7');
});

test('hostile text is refused before it claims memory', () => {
  for (const text of ['x', '1-', '5-3', '0-99999999', '1,,2', '-1', '0-100000', '0-9,0-9', '3,1']) {
    assert.throws(() => parsePartitions(text), { code: 'NODE_CORRUPT' });
  }
});
