import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import { type AuditRecord, emptyRecord } from '../../audit/record.js';
import { continuedAt, judgeEveryOffset, pairedLogs } from '../../audit/translation-truth.js';

const record = (offset: number, value: string): AuditRecord => ({ ...emptyRecord, offset, value: Buffer.from(value) });
const all = (): boolean => true;

/** Source offsets 2, 3, 5, 8 lie at 0, 1, 2, 4; copying began at 2. */
const copies = new Map([
  [2, 0],
  [3, 1],
  [5, 2],
  [8, 4],
]);
const run = (source: number, target: number, length: number) => ({
  source: BigInt(source),
  target: BigInt(target),
  length: BigInt(length),
});
const map: PartitionMap = {
  timeline: 1,
  runs: [run(2, 0, 2), run(5, 2, 1), run(8, 4, 1)],
  head: { source: 10n, target: 5n },
};
const truth = { copies, from: 2, sourceEnd: 10, targetEnd: 6, kindOf: () => 'hole' };

describe('translations against both logs', () => {
  test('a right map is right in every offset, both ways', () => {
    const { kinds, inverse, firstProblem } = judgeEveryOffset(map, truth);
    assert.equal(firstProblem, undefined);
    const right = (count: number) => ({ asked: count, right: count, wrong: 0, unanswered: 0 });
    assert.deepEqual(kinds, { 'before copying began': right(2), copied: right(4), hole: right(4) });
    assert.deepEqual(inverse, { copied: right(4), others: right(2) });
  });

  test('a run that is shifted, missing, too long or lost is found', () => {
    const wrong = (changed: Partial<PartitionMap>): number => {
      const { kinds, inverse } = judgeEveryOffset({ ...map, ...changed }, truth);
      return [...Object.values(kinds), ...Object.values(inverse)].reduce(
        (sum, one) => sum + one.wrong + one.unanswered,
        0,
      );
    };
    assert.equal(wrong({}), 0);
    assert.ok(wrong({ runs: [run(2, 0, 2), run(5, 3, 1), run(8, 4, 1)] }) > 0);
    assert.ok(wrong({ runs: [run(2, 0, 2), run(8, 4, 1)] }) > 0);
    assert.ok(wrong({ runs: [run(2, 0, 2), run(5, 2, 2), run(8, 4, 1)] }) > 0);
    assert.ok(wrong({ runs: [run(2, 0, 2), run(5, 2, 1)] }) > 0);
    assert.ok(wrong({ head: { source: 10n, target: 9n } }) > 0);
    const lost = { source: { from: 4n, to: 8n }, target: { from: 2n, to: 4n }, reason: 'x' };
    assert.ok(wrong({ runs: [run(2, 0, 2), run(8, 4, 1)], lost: [lost] }) > 0);
  });

  test('logs are paired by value, and what is missing, twice, out of order, different or strange is told', () => {
    const source = [record(0, 'a'), record(2, 'b'), record(3, 'c')];
    const pair = (...target: AuditRecord[]) => pairedLogs(source, target, all);
    assert.deepEqual(
      [...pair(record(0, 'a'), record(1, 'b'), record(5, 'c'))],
      [
        [0, 0],
        [2, 1],
        [3, 5],
      ],
    );
    assert.throws(() => pair(record(0, 'a'), record(1, 'c')), /source offset 2 is not at the target/);
    assert.throws(() => pair(record(0, 'a'), record(1, 'b'), record(2, 'b')), /twice, or out of order/);
    assert.throws(() => pair(record(0, 'b'), record(1, 'a')), /twice, or out of order/);
    assert.throws(() => pair({ ...record(0, 'a'), timestamp: 5 }), /differs in timestamp/);
    assert.throws(() => pair(record(0, 'z')), /a copy of nothing/);
    assert.equal(pairedLogs(source, [record(0, 'a')], ({ offset }) => offset === 0).size, 1);
  });

  test('who goes on somewhere reads again what lies behind it though it was read, and misses what lies before it though it was not', () => {
    const target = [...copies].map(([source, offset]) => ({ offset, source }));
    assert.deepEqual(continuedAt(target, 5, 2), { rereads: 0, skips: 0 });
    assert.deepEqual(continuedAt(target, 5, 0), { rereads: 2, skips: 0 });
    assert.deepEqual(continuedAt(target, 3, 3), { rereads: 0, skips: 2 });
    assert.deepEqual(continuedAt([...target, { offset: 5, source: 3 }], 3, 3), { rereads: 0, skips: 1 });
    assert.deepEqual(continuedAt([{ offset: 0, source: -1 }, ...target], 0, 0), { rereads: 1, skips: 0 });
  });
});
