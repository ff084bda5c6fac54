import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../bed/kafka-set.js';
import { type AuditFinding, type Catcher, compiledPath } from './mutant.js';

/** Longer than any test that passes needs; a fault may well make one wait in vain. */
const CATCHER_TIMEOUT_MS = 300_000;
const OUTPUT_LIMIT = 1_048_576;

export type Outcome =
  /** Everything went as if there were no fault. */
  | { readonly kind: 'passed' }
  /** The test, or a seed, failed by it. */
  | { readonly kind: 'failed'; readonly by: string }
  /** It failed in another way than it should: the mutant does not even start, or there is no such test. */
  | { readonly kind: 'unclear'; readonly output: string };

/** Runs the catcher in a build; the fault is not in the product but in that build. */
export async function runCatcher(build: string, catcher: Catcher): Promise<Outcome> {
  switch (catcher.kind) {
    case 'test':
      return testOutcome(await run(testArguments(build, catcher)), catcher.title);
    case 'demo':
      return auditOutcome(await run(demoArguments(build, catcher)), catcher.finds);
    case 'simulation':
      return simulationOutcome(await run([join(build, 'test', 'sim', 'main.js'), '--seeds', String(catcher.seeds)]));
  }
}

function testArguments(build: string, { file, title }: Extract<Catcher, { kind: 'test' }>): string[] {
  const pattern = title.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return ['--test-reporter=tap', `--test-name-pattern=${pattern}`, join(build, compiledPath(file))];
}

/** @param title part of the title of the test that was chosen */
export function testOutcome({ output, timedOut }: Ended, title: string): Outcome {
  const lines = output.split('\n').filter((line) => line.includes(title.replaceAll('#', '\\#')));
  const failed = lines.find((line) => /^\s*not ok \d+ - /.test(line) && !line.includes('# SKIP'));
  if (failed !== undefined) return { kind: 'failed', by: failed.replace(/^\s*not ok \d+ - /, '').trim() };
  if (timedOut) return { kind: 'failed', by: `${title}: not done within ${CATCHER_TIMEOUT_MS / 1_000} s` };
  const passed = lines.some((line) => /^\s*ok \d+ - /.test(line) && !line.includes('# SKIP'));
  return passed ? { kind: 'passed' } : { kind: 'unclear', output: tail(output) };
}

type DemoCatcher = Extract<Catcher, { kind: 'demo' }>;

function demoArguments(build: string, { args }: DemoCatcher): string[] {
  const module = pathToFileURL(join(build, 'test', 'demo', 'main.js')).href;
  const script = `const { runDemo } = await import('${module}'); process.exit(await runDemo(process.argv.slice(1)));`;
  return ['--input-type=module', '--eval', script, '--', '--check', ...args];
}

/** @param ended the demo's: its last line is the comparison as JSON */
export function auditOutcome({ status, output }: Ended, finds: DemoCatcher['finds']): Outcome {
  const line = output
    .trimEnd()
    .split('\n')
    .findLast((candidate) => candidate.startsWith('{'));
  if (line === undefined) return { kind: 'unclear', output: tail(output) };
  if (status === CLEAN) return { kind: 'passed' };
  const comparison = JSON.parse(line) as Partial<Record<AuditFinding, number>> & {
    readonly faults?: readonly string[];
  };
  const by = typeof finds === 'string' ? counted(comparison[finds], finds) : named(comparison.faults, finds.fault);
  return by === undefined ? { kind: 'unclear', output: tail(output) } : { kind: 'failed', by };
}

function counted(count: number | undefined, finding: AuditFinding): string | undefined {
  return count !== undefined && count > 0 ? `the audit: ${count} ${finding}` : undefined;
}

function named(faults: readonly string[] | undefined, start: string): string | undefined {
  return faults?.find((fault) => fault.startsWith(start));
}

const CLEAN = 0;
const VIOLATED = 1;

/** @param ended the simulation's: status 1 says that an invariant was broken, and the output begins that line with "violation" */
export function simulationOutcome({ status, output }: Ended): Outcome {
  if (status === CLEAN) return { kind: 'passed' };
  const violation = output.split('\n').find((line) => line.includes('violation'));
  if (status === VIOLATED && violation !== undefined) return { kind: 'failed', by: violation.trim() };
  return { kind: 'unclear', output: tail(output) };
}

function tail(output: string): string {
  return output.slice(-2_000);
}

interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly timedOut: boolean;
}

function run(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // A node:test that is itself run by one would report to its parent.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(process.execPath, args, { cwd: projectRoot(), env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGTERM');
    }, CATCHER_TIMEOUT_MS);
    const take = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-OUTPUT_LIMIT);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, output, timedOut });
    });
  });
}
