// npm run bench -- mirror: Causeway against MirrorMaker 2 on the same topics, in one run, in turn.
//   npm run bench -- mirror [--json FILE] [--cases 1KB-none,1KB-lz4,100B-none] [--rounds 3] [--megabytes 1000] [--only mm2|causeway]
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { bootstrap } from './lib/bootstrap.mjs';
import { distRoot, runMain, SetupError } from './lib/project.mjs';

const usage =
  'usage: npm run bench -- mirror [--json FILE] [--cases A,B] [--rounds N] [--megabytes N] [--only mm2|causeway]';

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        cases: { type: 'string', default: '1KB-none,1KB-lz4' },
        rounds: { type: 'string', default: '3' },
        megabytes: { type: 'string', default: '1000' },
        only: { type: 'string' },
      },
    });
    const numbers = { rounds: Number(values.rounds), megabytes: Number(values.megabytes) };
    const isValid = Number.isInteger(numbers.rounds) && numbers.rounds > 0 && numbers.megabytes > 0;
    if (positionals.length > 1 || (positionals[0] ?? 'mirror') !== 'mirror' || !isValid)
      throw new Error('not understood');
    return { ...values, ...numbers };
  } catch (error) {
    throw new SetupError(`${error.message}; ${usage}`);
  }
}

await runMain(async () => {
  const { json, cases, rounds, megabytes, only } = options();
  if (process.platform !== 'linux')
    throw new SetupError('The benchmark reads CPU times and memory from /proc: run it on Linux.');
  await bootstrap({ kafka: ['3.9.1'] });
  const { runMirrorBench } = await import(pathToFileURL(join(distRoot, 'test', 'bench', 'mirror.js')).href);
  const report = await runMirrorBench({
    cases: cases.split(','),
    rounds,
    megabytes,
    ...(only === undefined ? {} : { subject: only }),
    log: (line) => console.log(line),
  });
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
});
