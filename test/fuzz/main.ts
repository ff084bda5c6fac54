import { parseArgs } from 'node:util';
import { fuzzTargets } from './catalogue.js';
import { Fuzzer, type FuzzFailure } from './runner.js';
import { superviseFuzzing } from './supervise.js';

const DEFAULT_COUNT = 1_000_000;
const EXIT_USAGE = 64;
const MAX_HEX_SHOWN = 4_000;

export const FUZZ_HELP = `npm run fuzz -- [options]

Attacks everything that reads a stranger's bytes: responses of every API and version, the frame assembler, record batches of every
format and codec, the transaction filter, the intake of a partition, SASL, ZooKeeper's answers, the records of the store.
The last line is one line of JSON; the exit status is 0 when nothing failed.

  --count N      cases (default ${DEFAULT_COUNT})
  --seed S       everything follows from it (default: the time)
  --replay WHAT  one case again: its number (with the run's --seed and --count), or <target>:<hex>`;

/** @returns the exit status */
export async function runFuzz(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      count: { type: 'string' },
      seed: { type: 'string' },
      replay: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const count = Number(values.count ?? DEFAULT_COUNT);
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  if (values.help || !Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
    process.stdout.write(`${FUZZ_HELP}\n`);
    return values.help ? 0 : EXIT_USAGE;
  }
  if (values.replay !== undefined) return replay(values.replay, count, seed);
  process.stderr.write(`seed ${seed}, ${count} cases\n`);
  try {
    const report = await superviseFuzzing({ count, seed, onFailure: (failure) => show(failure, seed, count) });
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return report.failures === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.stdout.write(`${JSON.stringify({ cases: 0, failures: 1, seed })}\n`);
    return 1;
  }
}

function show({ target, index, what, hex }: FuzzFailure, seed: number, count: number): void {
  const again = index < 0 ? `--replay ${target}:<hex>` : `--seed ${seed} --count ${count} --replay ${index}`;
  const bytes = hex.length > MAX_HEX_SHOWN ? `${hex.slice(0, MAX_HEX_SHOWN)}... (${hex.length / 2} bytes)` : hex;
  process.stderr.write(`FAILED ${target}, case ${index}: ${what}\n  ${again}\n  ${bytes}\n`);
}

async function replay(what: string, count: number, seed: number): Promise<number> {
  const targets = fuzzTargets();
  const fuzzer = new Fuzzer(targets);
  const colon = what.lastIndexOf(':');
  const target = targets.find(({ name }) => name === what.slice(0, colon));
  const made =
    colon < 0
      ? fuzzer.caseOf(Number(what), { seed, count })
      : target && { target, input: Buffer.from(what.slice(colon + 1), 'hex') };
  if (made === undefined) {
    process.stderr.write(`no target is called ${what.slice(0, colon)}; they are\n`);
    for (const { name } of targets) process.stderr.write(`  ${name}\n`);
    return EXIT_USAGE;
  }
  const fault = await fuzzer.judge(made);
  process.stdout.write(`${made.target.name}: ${fault ?? 'in order'}\n${made.input.toString('hex')}\n`);
  return fault === undefined ? 0 : 1;
}
