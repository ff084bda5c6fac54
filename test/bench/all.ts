import type { Bench } from './bench.js';
import { environment } from './environment.js';
import type { Flags } from './flags.js';

/** Runs them one after the other. One that fails does not stop the rest; the report is written after each. */
export async function runAll(
  benches: readonly Bench[],
  flags: Flags,
  write: (report: object) => void,
  log: (line: string) => void,
): Promise<void> {
  const startedAt = performance.now();
  const surroundings = await environment();
  const reports: Record<string, object> = {};
  const failures: Record<string, string> = {};
  for (const { name, minutes, run } of benches) {
    log(`\n===== ${name}: about ${minutes} minutes`);
    try {
      reports[name] = await run(flags, log);
    } catch (error) {
      failures[name] = String(error);
      log(`${name} FAILED: ${String(error)}`);
    }
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    write({ bench: 'all', benches: reports, failures, environment: surroundings, seconds });
  }
  const failed = Object.keys(failures);
  if (failed.length > 0) throw new Error(`failed: ${failed.join(', ')}`);
}
