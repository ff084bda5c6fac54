import type { MirrorCase } from './mirror-cases.js';
import type { MirrorProcess } from './subject.js';
import type { MeasuredWindow, Measurement } from './window.js';

/** More than this taken by others, and a round says little about either mirror. */
const disturbedCores = 0.2;

/** One subject's figures in one case: medians over the rounds. CPU and memory are those of all its counted processes. */
export interface SubjectFigures {
  readonly recordsPerS: number;
  readonly mbPerS: number;
  readonly cpuS: number;
  readonly rssMb: number;
  readonly cpuUsPerRecord: number;
  readonly secondHalf: Pace;
  readonly rounds: readonly RoundFigures[];
}

/** How fast and at which cost, whatever the number of records. */
export interface Pace {
  readonly recordsPerS: number;
  readonly cpuUsPerRecord: number;
}

export interface RoundFigures {
  readonly recordsPerS: number;
  readonly seconds: number;
  readonly cpuS: number;
  /** By role, processes that are not counted included. */
  readonly cpuSByRole: Readonly<Record<string, number>>;
  readonly rssMbByRole: Readonly<Record<string, number>>;
  readonly rssMb: number;
  readonly foreignCores: number;
  readonly cpuUsPerRecord: number;
  readonly secondHalf: Pace;
}

export interface CaseReport {
  readonly case: string;
  readonly records: number;
  readonly causeway?: SubjectFigures;
  readonly mm2?: SubjectFigures;
  /** throughput: Causeway's over MM2's; cpu: MM2's CPU per record over Causeway's. More is better for Causeway. */
  readonly ratio?: Ratio;
  /** The same of the second half of the records, where MM2's JVM is warm. */
  readonly secondHalfRatio?: Ratio;
}

export interface Ratio {
  readonly throughput: number;
  readonly cpu: number;
}

/** `processes`: those measured, in the order of the measurement. */
export function roundFigures(measured: Measurement, processes: readonly Omit<MirrorProcess, 'pid'>[]): RoundFigures {
  const { whole, secondHalf, peakRssMb } = measured;
  const counted = (values: readonly number[]) => sum(values.filter((_, index) => processes[index]?.isCounted === true));
  const byRole = (values: readonly number[]) =>
    Object.fromEntries(processes.map(({ role }, index) => [role, round(values[index] ?? 0, 2)]));
  const paceOf = (window: MeasuredWindow): Pace => ({
    recordsPerS: Math.round(window.records / window.seconds),
    cpuUsPerRecord: round((counted(window.cpuS) * 1e6) / window.records, 2),
  });
  return {
    ...paceOf(whole),
    seconds: round(whole.seconds, 2),
    cpuS: round(counted(whole.cpuS), 2),
    cpuSByRole: byRole(whole.cpuS),
    rssMb: Math.round(counted(peakRssMb)),
    rssMbByRole: byRole(peakRssMb.map(Math.round)),
    foreignCores: round(whole.foreignCores, 2),
    secondHalf: paceOf(secondHalf),
  };
}

function subjectFigures(test: MirrorCase, rounds: readonly RoundFigures[]): SubjectFigures | undefined {
  if (rounds.length === 0) return undefined;
  const middle = (pick: (figures: RoundFigures) => number) => median(rounds.map(pick));
  const recordsPerS = middle((figures) => figures.recordsPerS);
  return {
    recordsPerS: Math.round(recordsPerS),
    mbPerS: round((recordsPerS * test.recordBytes) / 1e6, 1),
    cpuS: round(
      middle((figures) => figures.cpuS),
      2,
    ),
    rssMb: Math.round(middle((figures) => figures.rssMb)),
    cpuUsPerRecord: round(
      middle((figures) => figures.cpuUsPerRecord),
      2,
    ),
    secondHalf: {
      recordsPerS: Math.round(middle((figures) => figures.secondHalf.recordsPerS)),
      cpuUsPerRecord: round(
        middle((figures) => figures.secondHalf.cpuUsPerRecord),
        2,
      ),
    },
    rounds,
  };
}

export function caseReport(
  test: MirrorCase,
  mm2Rounds: readonly RoundFigures[],
  causewayRounds: readonly RoundFigures[],
): CaseReport {
  const mm2 = subjectFigures(test, mm2Rounds);
  const causeway = subjectFigures(test, causewayRounds);
  const head = { case: test.name, records: test.records };
  if (mm2 === undefined) return causeway === undefined ? head : { ...head, causeway };
  if (causeway === undefined) return { ...head, mm2 };
  const secondHalfRatio = ratioOf(causeway.secondHalf, mm2.secondHalf);
  return { ...head, causeway, mm2, ratio: ratioOf(causeway, mm2), secondHalfRatio };
}

function ratioOf(causeway: Pace, mm2: Pace): Ratio {
  return {
    throughput: round(causeway.recordsPerS / mm2.recordsPerS, 2),
    cpu: round(mm2.cpuUsPerRecord / causeway.cpuUsPerRecord, 2),
  };
}

/** The case as lines of a table for people: median (min-max). */
export function caseTable(report: CaseReport): string {
  const lines = [`${report.case}: ${report.records} records`];
  for (const name of ['mm2', 'causeway'] as const) {
    const figures = report[name];
    if (figures === undefined) continue;
    const range = (pick: (round: RoundFigures) => number) => {
      const values = figures.rounds.map(pick);
      return `${Math.min(...values)}-${Math.max(...values)}`;
    };
    const { secondHalf } = figures;
    lines.push(
      `  ${name.padEnd(9)} ${figures.recordsPerS} records/s (${range((round) => round.recordsPerS)}), ${figures.mbPerS} MB/s`,
      `            CPU ${figures.cpuS} s (${range((round) => round.cpuS)}), ${figures.cpuUsPerRecord} us a record`,
      `            second half: ${secondHalf.recordsPerS} records/s, ${secondHalf.cpuUsPerRecord} us a record`,
      `            peak RSS ${figures.rssMb} MiB, cores used by others meanwhile ${range((round) => round.foreignCores)}`,
    );
    const disturbed = figures.rounds.filter((round) => round.foreignCores > disturbedCores).length;
    if (disturbed > 0)
      lines.push(`            DISTURBED: in ${disturbed} rounds others used over ${disturbedCores} cores`);
  }
  for (const [title, ratio] of [
    ['ratio', report.ratio],
    ['ratio of the second half', report.secondHalfRatio],
  ] as const) {
    if (ratio !== undefined)
      lines.push(`  ${title}: ${ratio.throughput} x the throughput, ${ratio.cpu} x less CPU per record`);
  }
  return lines.join('\n');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
