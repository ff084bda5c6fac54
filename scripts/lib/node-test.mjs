// Runs node:test files and counts what they report: a readable report for people, TAP's closing lines for the numbers.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './project.mjs';
import { run } from './run.mjs';

const batchScript = join(projectRoot, 'scripts', 'lib', 'test-batch.mjs');

function readCounts(tapFile) {
  const tap = existsSync(tapFile) ? readFileSync(tapFile, 'utf8') : '';
  const last = (name) => [...tap.matchAll(new RegExp(`^# ${name} (\\d+)$`, 'gm'))].at(-1)?.[1];
  if (last('pass') === undefined) return undefined;
  return { passed: Number(last('pass')), failed: Number(last('fail')) + Number(last('cancelled')) };
}

const failuresTitle = /^✖ failing tests:$/m;

/** What failed and why, where the report says so; all of it where it broke off before. */
function failuresOf(output) {
  const at = output.search(failuresTitle);
  return at < 0 ? output : output.slice(at);
}

/**
 * Runs compiled test files in one process: a single one as it is, several one after the other (test-batch.mjs).
 * @returns {Promise<{passed: number, failed: number, output: string}>} a run that dies or times out counts as one failure.
 */
export async function runTestFiles(files, { timeoutMs }) {
  const scratch = mkdtempSync(join(tmpdir(), 'causeway-test-'));
  const tapFile = join(scratch, 'tap');
  const reporters = ['spec', 'stdout', 'tap', tapFile].map((value, index) =>
    index % 2 === 0 ? `--test-reporter=${value}` : `--test-reporter-destination=${value}`,
  );
  const args = ['--enable-source-maps', ...reporters, ...(files.length > 1 ? [batchScript] : []), ...files];
  try {
    const result = await run(process.execPath, args, { cwd: projectRoot, timeoutMs });
    const counts = readCounts(tapFile);
    const why = result.timedOut ? `\nstopped: not done within ${timeoutMs / 1_000} s` : '';
    const output = failuresOf(result.output) + why;
    if (result.timedOut || counts === undefined)
      return { passed: counts?.passed ?? 0, failed: (counts?.failed ?? 0) + 1, output };
    // A process that ends badly after its tests passed has not passed.
    const died = result.code !== 0 && counts.failed === 0;
    return { passed: counts.passed, failed: counts.failed + (died ? 1 : 0), output };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
