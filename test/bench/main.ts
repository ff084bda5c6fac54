import { existsSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runAll } from './all.js';
import type { Bench } from './bench.js';
import { benches } from './catalogue.js';
import { Flags, UsageError } from './flags.js';

type Log = (line: string) => void;

/** A checked command line, ready to run. */
export interface BenchCommand {
  readonly needsOpenssl: boolean;
  run(log: Log): Promise<void>;
}

/** @throws UsageError whose message tells what there is. */
export function benchCommand(argv: readonly string[]): BenchCommand {
  const [name = 'mirror', ...rest] = argv[0]?.startsWith('-') === true ? ['mirror', ...argv] : argv;
  if (name === 'help' || rest.includes('--help')) throw new UsageError(usage());
  const isAll = name === 'all';
  const chosen = benches.filter((bench) => isAll || bench.name === name);
  const [only] = chosen;
  if (only === undefined) throw new UsageError(`no bench "${name}"\n${usage()}`);
  const { json, values } = parse(rest, isAll ? {} : only.flags, name);
  const flags = new Flags(values);
  const write = (report: object) => {
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  };
  return {
    needsOpenssl: chosen.some((bench) => bench.needsOpenssl === true),
    run: async (log) => {
      if (isAll) return await runAll(chosen, flags, write, log);
      log(`${name}: about ${only.minutes} minutes`);
      write(await only.run(flags, log));
    },
  };
}

function parse(argv: readonly string[], known: Bench['flags'], name: string) {
  const named = Object.fromEntries(Object.keys(known).map((flag) => [flag, { type: 'string' as const }]));
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { json: { type: 'string' }, quick: { type: 'boolean' }, ...named },
    });
    const { json, ...others } = values as Record<string, string | boolean | undefined>;
    if (typeof json === 'string' && !existsSync(dirname(resolve(json))))
      throw new UsageError(`--json: there is no folder for ${json}`);
    return { json: json as string | undefined, values: others };
  } catch (error) {
    const lines = Object.entries(known).map(([flag, meaning]) => `  --${flag}: ${meaning}`);
    const flags = ['  --json FILE: the figures as JSON', '  --quick: short windows, to see that it runs', ...lines];
    throw new UsageError(`${(error as Error).message}\nnpm run bench -- ${name}\n${flags.join('\n')}`);
  }
}

function usage(): string {
  const lines = benches.map(({ name, about, minutes, flags }) => {
    const names = Object.keys(flags).map((flag) => ` [--${flag} ...]`);
    return `  ${name}${names.join('')}\n      ${about} About ${minutes} minutes.`;
  });
  const total = benches.reduce((sum, { minutes }) => sum + minutes, 0);
  return [
    'usage: npm run bench -- NAME [--json FILE] [--quick]',
    ...lines,
    `  all\n      All of these, one after the other. About ${Math.ceil(total)} minutes.`,
  ].join('\n');
}
