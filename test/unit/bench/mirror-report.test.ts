import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mirrorCases } from '../../bench/mirror-cases.js';
import { caseReport, caseTable, type RoundFigures, roundFigures } from '../../bench/mirror-report.js';
import type { Measurement } from '../../bench/window.js';

const roles = [
  { role: 'worker', isCounted: true },
  { role: 'controller', isCounted: true },
  { role: 'zookeeper', isCounted: false },
];
const [oneKb] = mirrorCases(['1KB-none'], 1_024);

function measurement(seconds: number, cpuS: readonly number[]): Measurement {
  const whole = { records: 1_000_000, seconds, cpuS, foreignCores: 0.02 };
  const half = { records: 500_000, seconds: seconds / 2, cpuS: cpuS.map((value) => value / 4), foreignCores: 0 };
  return { whole, secondHalf: half, peakRssMb: cpuS.map(() => 100) };
}

function rounds(...values: readonly (readonly [seconds: number, ...cpuS: number[]])[]): RoundFigures[] {
  return values.map(([seconds, ...cpuS]) => roundFigures(measurement(seconds, cpuS), roles));
}

test('a round adds up the counted processes of a mirror and shows the share of every role', () => {
  const [figures] = rounds([2.5, 1.5, 0.25, 0.1]);
  assert.deepEqual(figures, {
    recordsPerS: 400_000,
    cpuUsPerRecord: 1.75,
    seconds: 2.5,
    cpuS: 1.75,
    cpuSByRole: { worker: 1.5, controller: 0.25, zookeeper: 0.1 },
    rssMb: 200,
    rssMbByRole: { worker: 100, controller: 100, zookeeper: 100 },
    foreignCores: 0.02,
    secondHalf: { recordsPerS: 400_000, cpuUsPerRecord: 0.88 },
  });
});

test('a case compares medians over the rounds: more throughput and less CPU per record are both ratios above 1', () => {
  assert.ok(oneKb !== undefined);
  const report = caseReport(oneKb, rounds([10, 12], [8, 14], [20, 13]), rounds([2, 2], [2.5, 1.3], [2.5, 1.3]));
  assert.equal(report.mm2?.recordsPerS, 100_000);
  assert.equal(report.mm2?.cpuS, 13);
  assert.equal(report.causeway?.recordsPerS, 400_000);
  assert.equal(report.causeway?.mbPerS, 409.6);
  assert.deepEqual(report.ratio, { throughput: 4, cpu: 10 });
  assert.match(caseTable(report), /ratio: 4 x the throughput, 10 x less CPU per record/);
});

test('a case with one subject alone has no ratio', () => {
  assert.ok(oneKb !== undefined);
  const report = caseReport(oneKb, rounds([10, 12]), []);
  assert.equal(report.ratio, undefined);
  assert.equal(report.causeway, undefined);
});

test('an unknown case is refused with the known ones', () => {
  assert.throws(() => mirrorCases(['2KB-zip'], 1), /no case "2KB-zip"; known: 1KB-none, 1KB-lz4, 100B-none/);
});
