import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyRows } from '../../bench/copy-rows.js';
import { atLeast, atMost, belowMm2, goalTable, shown } from '../../bench/goal-rows.js';
import { mirrorCases } from '../../bench/mirror-cases.js';
import { caseReport, type RoundFigures } from '../../bench/mirror-report.js';

test('a goal is met at its bound, not beyond; without a figure nothing is judged', () => {
  assert.equal(atLeast('x', 4, 4).met, true);
  assert.equal(atLeast('x', 3.99, 4).met, false);
  assert.equal(atMost('x', 4, 4).met, true);
  assert.equal(atMost('x', 4.01, 4).met, false);
  assert.deepEqual(atLeast('x', undefined, 4), { what: 'x', goal: '>= 4', measured: null, mm2: null, met: null });
});

test('a goal against MirrorMaker 2 needs its figure and is not met by a draw', () => {
  assert.equal(belowMm2('p50 ms', 1, 1.1).met, true);
  assert.equal(belowMm2('p50 ms', 1.1, 1.1).met, false);
  assert.equal(belowMm2('p50 ms', 1, undefined).met, null);
  assert.equal(shown('x', 1, 2).met, null);
});

test('the table lines up its columns and says NO aloud', () => {
  assert.equal(
    goalTable([atLeast('throughput', 3, 4, 1.5), shown('RSS', undefined)]),
    [
      '|            | goal | Causeway | MM2 | met |',
      '| throughput | >= 4 |        3 | 1.5 |  NO |',
      '| RSS        |      |        - |   - |     |',
    ].join('\n'),
  );
});

function round(recordsPerS: number, cpuUsPerRecord: number): RoundFigures {
  const pace = { recordsPerS, cpuUsPerRecord };
  const figures = { seconds: 1, cpuS: 1, cpuSByRole: {}, rssMbByRole: {}, rssMb: 100, foreignCores: 0 };
  return { ...figures, ...pace, secondHalf: pace };
}

test('a copied case tells CPU seconds per GB of values, and judges its ratios by the goals given', () => {
  const [hundred] = mirrorCases(['100B-none'], 1);
  assert.ok(hundred !== undefined);
  const report = caseReport(hundred, [round(100_000, 5)], [round(700_000, 0.2)]);
  const rows = copyRows(hundred, report, { throughput: 8, cpu: 25 });
  const row = (what: string) => rows.find((candidate) => candidate.what === `100B-none: ${what}`);
  assert.deepEqual(row('CPU s per GB'), {
    what: '100B-none: CPU s per GB',
    goal: null,
    measured: 2,
    mm2: 50,
    met: null,
  });
  assert.equal(row("throughput, times MM2's")?.measured, 7);
  assert.equal(row("throughput, times MM2's")?.met, false);
  assert.equal(row('CPU per record, times less')?.met, true);
});
