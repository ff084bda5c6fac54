import { parseArgs } from 'node:util';
import { ALL_MUTANTS } from './catalogue.js';
import { type Outcome, runCatcher } from './catching.js';
import type { Mutant } from './mutant.js';
import { MutantBuild, ownBuild } from './mutant-build.js';

const EXIT_USAGE = 64;

const MUTANTS_HELP = `npm run mutants -- [options]

Puts one fault at a time into a copy of the compiled product (a rule of the ownership protocol switched off, or a seeded bug) and runs what
has to notice it: a test on real servers or without, or seeds of the simulation. The same runs first without the fault, and has to pass.
The last line is JSON; the exit status is 0 when every fault was caught.

  --only TEXT  mutants whose name contains it, or whose rule is it
  --list       what there is, and nothing run
  --fast       without those that need real servers`;

interface Counts {
  caught: number;
  readonly missed: string[];
  readonly unclear: string[];
}

/** @returns the exit status */
export async function runMutants(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      fast: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(MUTANTS_HELP);
    return 0;
  }
  const wanted = ALL_MUTANTS.filter(
    (mutant) =>
      (mutant.name.includes(values.only) || mutant.rule === values.only) && !(values.fast && needsServers(mutant)),
  );
  if (wanted.length === 0) {
    console.log(`no mutant is called that; --list shows them\n\n${MUTANTS_HELP}`);
    return EXIT_USAGE;
  }
  if (values.list) {
    for (const mutant of wanted) console.log(`${title(mutant)}: ${mutant.does}`);
    return 0;
  }
  const counts: Counts = { caught: 0, missed: [], unclear: [] };
  for (const mutant of wanted) await hunt(mutant, counts);
  const { caught, missed, unclear } = counts;
  console.log(JSON.stringify({ mutants: wanted.length, caught, missed, unclear }));
  return caught === wanted.length ? 0 : 1;
}

function needsServers({ caughtBy }: Mutant): boolean {
  return caughtBy.kind === 'demo' || (caughtBy.kind === 'test' && /^test\/(integration|e2e)\//.test(caughtBy.file));
}

function title({ name, rule }: Mutant): string {
  return rule === undefined ? name : `${rule} ${name}`;
}

/** Catchers that passed in this build as it is. */
const sound = new Set<string>();

async function hunt(mutant: Mutant, counts: Counts): Promise<void> {
  const { caughtBy } = mutant;
  const startedAt = performance.now();
  const say = (text: string): void => {
    console.log(`${title(mutant)}: ${text} (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`);
  };
  const key = JSON.stringify(caughtBy);
  if (!sound.has(key)) {
    const without = await runCatcher(ownBuild(), caughtBy);
    if (without.kind !== 'passed') {
      counts.unclear.push(mutant.name);
      say(`without the fault it does not pass: ${explained(without)}`);
      return;
    }
    sound.add(key);
  }
  const build = new MutantBuild(mutant);
  try {
    const outcome = await runCatcher(build.folder, caughtBy);
    if (outcome.kind === 'failed') counts.caught += 1;
    else if (outcome.kind === 'passed') counts.missed.push(mutant.name);
    else counts.unclear.push(mutant.name);
    say(explained(outcome));
  } finally {
    build.remove();
  }
}

function explained(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'passed':
      return 'MISSED';
    case 'failed':
      return `caught: ${outcome.by}`;
    case 'unclear':
      return `UNCLEAR\n${outcome.output}`;
  }
}
