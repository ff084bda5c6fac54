// npm test: installs what it needs, then checks and tests everything. Its last line is `N passed, N failed`.
//   npm test [-- --checks | --unit | --integration] [--only <part of a path>] [--demo]
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bootstrap } from './lib/bootstrap.mjs';
import { kafkaVersions } from './lib/kafka-jars.mjs';
import { runTestFiles } from './lib/node-test.mjs';
import { projectRoot, SetupError } from './lib/project.mjs';
import { run } from './lib/run.mjs';
import { batchesOf, compiled, longestFirst, needsQuiet, selectTestFiles } from './lib/test-files.mjs';

const wholeRunMs = 1_500_000;
const fastLanes = 2;
const realLanes = 3;
const fastBatchMs = 300_000;
const realFileMs = 300_000;
const demoMs = 420_000;

const startedAt = Date.now();
const total = { passed: 0, failed: 0 };

function report(title, { passed, failed, output = '' }, since) {
  total.passed += passed;
  total.failed += failed;
  const seconds = ((Date.now() - since) / 1_000).toFixed(1);
  console.log(`${failed === 0 ? 'ok    ' : 'FAILED'} ${title}: ${passed} passed, ${failed} failed in ${seconds} s`);
  if (failed > 0) console.log(output.trimEnd().replace(/^/gm, '    '));
}

async function check(title, command, args, timeoutMs = 300_000) {
  const since = Date.now();
  const { code, output } = await run(command, args, { cwd: projectRoot, timeoutMs });
  report(title, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, output }, since);
}

function bin(name) {
  return join(projectRoot, 'node_modules', '.bin', name);
}

async function runChecks() {
  const rooms = ['common', 'controller', 'worker', 'cli', 'ui', 'test'].filter((room) =>
    existsSync(join(projectRoot, room)),
  );
  const checks = [
    ['import directions', bin('depcruise'), ['--config', '.dependency-cruiser.cjs', ...rooms]],
    ['lint and format', bin('biome'), ['check', '.']],
    ['dead code', bin('knip'), ['--no-progress']],
  ];
  await inLanes(fastLanes, checks, (args) => check(...args));
}

async function runFast(files) {
  if (files.length === 0) return;
  const since = Date.now();
  const sum = { passed: 0, failed: 0, output: '' };
  await inLanes(fastLanes, batchesOf(files), async (batch) => {
    const { passed, failed, output } = await runTestFiles(batch.map(compiled), { timeoutMs: fastBatchMs });
    sum.passed += passed;
    sum.failed += failed;
    if (failed > 0) sum.output += output;
  });
  report(`unit and property tests (${files.length} files)`, sum, since);
}

/** So many at a time, begun in their order. */
async function inLanes(count, jobs, work) {
  const queue = [...jobs];
  const lane = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await work(job);
  };
  await Promise.all(Array.from({ length: count }, lane));
}

/** Each has brokers and ports of its own, and waits half of its time: three keep two cores busy. Those that measure run alone afterwards. */
async function runReal(files) {
  const alone = files.filter(needsQuiet);
  const others = files.filter((file) => !needsQuiet(file));
  await inLanes(realLanes, longestFirst(others), runRealFile);
  for (const file of alone) await runRealFile(file);
}

async function runRealFile(file) {
  const since = Date.now();
  const leftMs = startedAt + wholeRunMs - since;
  if (leftMs > 0) {
    report(file, await runTestFiles([compiled(file)], { timeoutMs: Math.min(realFileMs, leftMs) }), since);
    return;
  }
  const output = `not run: the ${wholeRunMs / 60_000} minutes of a whole run are over`;
  report(file, { passed: 0, failed: 1, output }, since);
}

async function buildAndPrepare(real) {
  const since = Date.now();
  const needsBrokers = real.length > 0;
  const registry = real.some((file) => file.includes('integration/schemas'));
  await bootstrap({ kafka: needsBrokers ? kafkaVersions : [], openssl: needsBrokers, registry });
  report('types and build', { passed: 1, failed: 0 }, since);
}

async function main() {
  const { values } = parseArgs({
    options: {
      checks: { type: 'boolean', default: false },
      unit: { type: 'boolean', default: false },
      integration: { type: 'boolean', default: false },
      only: { type: 'string' },
      demo: { type: 'boolean', default: false },
    },
  });
  const isPart = values.checks || values.unit || values.integration || values.only !== undefined;
  const { fast, real } = selectTestFiles({ only: values.only });
  const wantsFast = values.unit || !(values.checks || values.integration);
  const wantsReal = values.integration || !(values.checks || values.unit);
  await buildAndPrepare(wantsReal ? real : []);
  if (!isPart || values.checks) await runChecks();
  if (wantsFast) await runFast(fast);
  if (wantsReal) await runReal(real);
  if (values.demo && existsSync(join(projectRoot, 'scripts', 'demo.mjs'))) {
    await check('demo', process.execPath, ['scripts/demo.mjs', '--check'], demoMs);
  }
}

try {
  await main();
} catch (error) {
  total.failed += 1;
  console.log(error instanceof SetupError ? error.message : (error?.stack ?? String(error)));
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
