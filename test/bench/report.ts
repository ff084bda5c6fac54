import type { BenchReport } from './bench.js';
import { environment } from './environment.js';
import type { Flags } from './flags.js';
import { type GoalRow, goalTable } from './goal-rows.js';

/** Runs the measuring part of a benchmark, prints its table and makes its report. */
export async function reported(
  bench: string,
  flags: Flags,
  log: (line: string) => void,
  measure: () => Promise<{ readonly rows: readonly GoalRow[]; readonly details: unknown }>,
): Promise<BenchReport> {
  const startedAt = performance.now();
  const surroundings = await environment();
  log(JSON.stringify(surroundings));
  const { rows, details } = await measure();
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  log(goalTable(rows));
  log(`done in ${seconds} s${flags.quick ? '; quick: the figures mean nothing' : ''}`);
  return { bench, quick: flags.quick, rows, details, environment: surroundings, seconds };
}
