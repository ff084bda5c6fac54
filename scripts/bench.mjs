// npm run bench -- mirror: Causeway against MirrorMaker 2 on the same topics, in one run, in turn.
//   npm run bench -- mirror [--json FILE] [--cases 1KB-none,1KB-lz4,100B-none] [--rounds 1-20] [--megabytes 1000] [--only mm2|causeway]
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { bootstrap } from './lib/bootstrap.mjs';
import { distRoot, runMain, SetupError } from './lib/project.mjs';

const usage =
  'usage: npm run bench -- mirror [--json FILE] [--cases A,B] [--rounds N] [--megabytes N] [--only mm2|causeway]';
const limits = { rounds: 20, megabytes: 20_000 };

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        cases: { type: 'string' },
        rounds: { type: 'string' },
        megabytes: { type: 'string', default: '1000' },
        only: { type: 'string' },
      },
    });
    const [bench = 'mirror', ...more] = positionals;
    if (bench !== 'mirror') throw new Error(`no bench "${bench}"; there is: mirror`);
    if (more.length > 0) throw new Error(`"${more.join(' ')}" is one too many`);
    if (values.only !== undefined && !['mm2', 'causeway'].includes(values.only))
      throw new Error(`--only: mm2 or causeway, not "${values.only}"`);
    if (values.json !== undefined && !existsSync(dirname(resolve(values.json))))
      throw new Error(`--json: there is no folder for ${values.json}`);
    const megabytes = count('megabytes', values.megabytes);
    return { ...values, megabytes, ...(values.rounds === undefined ? {} : { rounds: count('rounds', values.rounds) }) };
  } catch (error) {
    throw new SetupError(`${error.message}\n${usage}`);
  }
}

function count(name, text) {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= limits[name]) return value;
  throw new Error(`--${name}: a whole number from 1 to ${limits[name]}, not "${text}"`);
}

function compiled(name) {
  return import(pathToFileURL(join(distRoot, 'test', 'bench', name)).href);
}

/** The names of `--cases`, known only to the compiled code. */
async function chosenCases(cases) {
  const { defaultCases, mirrorCases } = await compiled('mirror-cases.js');
  const names = cases === undefined ? defaultCases : cases.split(',');
  try {
    mirrorCases(names, 1);
  } catch (error) {
    throw new SetupError(`--cases: ${error.message}\n${usage}`);
  }
  return names;
}

await runMain(async () => {
  const { json, cases, rounds, megabytes, only } = options();
  if (process.platform !== 'linux')
    throw new SetupError('The benchmark reads CPU times and memory from /proc: run it on Linux.');
  await bootstrap({ kafka: ['3.9.1'] });
  const names = await chosenCases(cases);
  const { runMirrorBench } = await compiled('mirror.js');
  const report = await runMirrorBench({
    cases: names,
    megabytes,
    ...(rounds === undefined ? {} : { rounds }),
    ...(only === undefined ? {} : { subject: only }),
    log: (line) => console.log(line),
  });
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
});
