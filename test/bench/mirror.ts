import { runCopyCase } from './copy-bench.js';
import { type Environment, environment } from './environment.js';
import { withBenchHost } from './host.js';
import { mirrorCases } from './mirror-cases.js';
import type { CaseReport } from './mirror-report.js';
import type { SubjectName } from './subject.js';

export interface MirrorBenchOptions {
  readonly cases: readonly string[];
  /** Unless given: 3 of each case, 2 where those already took long. */
  readonly rounds?: number;
  /** Values per case, in MB (10^6 bytes). */
  readonly megabytes: number;
  /** Only this subject. */
  readonly subject?: SubjectName;
  readonly log: (line: string) => void;
}

export interface MirrorReport {
  readonly cases: readonly CaseReport[];
  readonly environment: Environment;
  /** The whole benchmark, brokers' start included. */
  readonly seconds: number;
}

const usualRounds = 3;
const enoughRounds = 2;
// Two cases of this length, and the whole benchmark still takes less than five minutes.
const caseBudgetMs = 130_000;

/** Mirrors the same pre-filled topics with each subject in turn, on the same two brokers. */
export async function runMirrorBench(options: MirrorBenchOptions): Promise<MirrorReport> {
  const startedAt = performance.now();
  const cases = mirrorCases(options.cases, options.megabytes);
  const surroundings = await environment();
  options.log(JSON.stringify(surroundings));
  const copy = { minRounds: enoughRounds, maxRounds: usualRounds, caseBudgetMs, ...options };
  const reports = await withBenchHost({}, async (host) => {
    const done: CaseReport[] = [];
    for (const test of cases) done.push(await runCopyCase(host, test, copy));
    return done;
  });
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  options.log(`done in ${seconds} s`);
  return { cases: reports, environment: surroundings, seconds };
}
