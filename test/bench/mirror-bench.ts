import type { Bench } from './bench.js';
import { askedCopies } from './copy-bench.js';
import { type Flags, UsageError } from './flags.js';
import { runMirrorBench } from './mirror.js';
import { defaultCases, mirrorCases } from './mirror-cases.js';

const limits = { megabytes: 20_000 };
const quickMegabytes = 100;

export const mirrorBench: Bench = {
  name: 'mirror',
  about: 'A backlog of 1 KB records, uncompressed and lz4: throughput and CPU, and the ratios.',
  minutes: 3,
  flags: {
    cases: `which, separated by commas (${defaultCases.join(',')})`,
    rounds: 'copies by each mirror and case (3, or 2 where they take long)',
    megabytes: 'values per case (1000)',
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const cases = casesOf(flags, 'cases', 1);
    return runMirrorBench({
      cases,
      megabytes: flags.integer('megabytes', limits.megabytes) ?? (flags.quick ? quickMegabytes : 1_000),
      ...askedCopies(flags),
      log,
    });
  },
};

function casesOf(flags: Flags, name: string, megabytes: number): readonly string[] {
  const text = flags.text(name);
  const names = text === undefined ? defaultCases : text.split(',');
  try {
    mirrorCases(names, megabytes);
  } catch (error) {
    throw new UsageError(`--${name}: ${(error as Error).message}`);
  }
  return names;
}
