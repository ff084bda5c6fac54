import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AddedRun, RunTable } from '../../../common/kafka/offset-maps/run-table.js';

const run: fc.Arbitrary<AddedRun> = fc
  .record({ source: fc.nat(40), target: fc.nat(40), length: fc.integer({ min: 1, max: 8 }) })
  .map((drawn) => ({ ...drawn }));

test('runs in any order: later words hold for a target offset, later copies for a source offset, both sides grow', () => {
  fc.assert(
    fc.property(fc.array(run, { maxLength: 12 }), (runs) => {
      const table = new RunTable();
      const sourceAt = new Map<number, number>();
      for (const added of runs) {
        table.add(added);
        for (let i = 0; i < added.length; i += 1) sourceAt.set(added.target + i, added.source + i);
      }
      // From the end of the target's log on: what lies before a later copy of the same record, or of an earlier one, does not count.
      const expected = new Map<number, number>();
      let next = Number.POSITIVE_INFINITY;
      for (const [target, source] of [...sourceAt].sort((a, b) => b[0] - a[0])) {
        if (source >= next) continue;
        expected.set(target, source);
        next = source;
      }
      const found = new Map<number, number>();
      let end = { source: -1, target: -1 };
      for (const { source, target, length } of table) {
        assert.ok(Number(source) >= end.source && Number(target) >= end.target, 'in order on both sides');
        for (let i = 0; i < Number(length); i += 1) found.set(Number(target) + i, Number(source) + i);
        end = { source: Number(source + length), target: Number(target + length) };
      }
      assert.deepEqual(
        [...found].sort((a, b) => a[0] - b[0]),
        [...expected].sort((a, b) => a[0] - b[0]),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('runs that come in order are appended and merged, and cost no sorting', () => {
  const table = new RunTable();
  for (let i = 0; i < 10_000; i += 1) table.add({ source: 3 * i, target: 2 * i, length: i % 2 === 0 ? 2 : 1 });
  assert.equal(table.length, 10_000);
  table.add({ source: 30_000, target: 20_000, length: 5 });
  table.add({ source: 30_005, target: 20_005, length: 5 });
  assert.deepEqual(table.at(10_000), { source: 30_000n, target: 20_000n, length: 10n });
  assert.equal(table.at(10_001), undefined);
  assert.equal(table.countBefore(300, 1_000_000), 100);
  assert.equal(table.countBefore(1_000_000, 200), 100);
});

test('the oldest runs can go', () => {
  const table = new RunTable();
  for (let i = 0; i < 10; i += 1) table.add({ source: 10 * i, target: 5 * i, length: 5 });
  assert.deepEqual(table.dropOldest(4), { source: 30, target: 15, length: 5 });
  assert.equal(table.length, 6);
  assert.equal(table.at(0)?.source, 40n);
});
