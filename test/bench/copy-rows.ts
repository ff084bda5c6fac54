import { atLeast, type GoalRow, shown } from './goal-rows.js';
import type { MirrorCase } from './mirror-cases.js';
import type { CaseReport } from './mirror-report.js';

/** What design's figures ask of a case; a ratio without a goal is shown. */
export interface CopyGoals {
  readonly throughput?: number;
  readonly cpu?: number;
}

/** The rows of one copied case: throughput, CPU per record and per GB of values, memory, and the ratios. */
export function copyRows(test: MirrorCase, report: CaseReport, goals: CopyGoals = {}): GoalRow[] {
  const { causeway, mm2, ratio, secondHalfRatio } = report;
  const name = test.name;
  const perGb = (cpuUsPerRecord: number | undefined) =>
    cpuUsPerRecord === undefined ? undefined : Number(((cpuUsPerRecord * 1e3) / test.recordBytes).toFixed(2));
  const against = (what: string, value: number | undefined, goal: number | undefined) =>
    goal === undefined ? shown(what, value) : atLeast(what, value, goal);
  return [
    shown(`${name}: records/s`, causeway?.recordsPerS, mm2?.recordsPerS),
    shown(`${name}: MB/s`, causeway?.mbPerS, mm2?.mbPerS),
    shown(`${name}: CPU us per record`, causeway?.cpuUsPerRecord, mm2?.cpuUsPerRecord),
    shown(`${name}: CPU s per GB`, perGb(causeway?.cpuUsPerRecord), perGb(mm2?.cpuUsPerRecord)),
    shown(`${name}: peak RSS MiB`, causeway?.rssMb, mm2?.rssMb),
    against(`${name}: throughput, times MM2's`, ratio?.throughput, goals.throughput),
    against(`${name}: CPU per record, times less`, ratio?.cpu, goals.cpu),
    ...(secondHalfRatio === undefined
      ? []
      : [
          against(`${name}: throughput, second half`, secondHalfRatio.throughput, goals.throughput),
          against(`${name}: CPU per record, second half`, secondHalfRatio.cpu, goals.cpu),
        ]),
  ];
}
