import type { Bench } from './bench.js';
import { askedCopies, runCopyCase } from './copy-bench.js';
import { type CopyGoals, copyRows } from './copy-rows.js';
import type { Flags } from './flags.js';
import type { GoalRow } from './goal-rows.js';
import { withBenchHost } from './host.js';
import { type Codec, type MirrorCase, mirrorCases } from './mirror-cases.js';
import type { CaseReport } from './mirror-report.js';
import { reported } from './report.js';

const sizes = ['100B', '1KB', '100KB'] as const;
const codecs: readonly Codec[] = ['none', 'lz4', 'zstd'];
// What `mirror` does not have already.
const defaultNames = ['100B-none', '100B-lz4', '1KB-zstd', '100KB-none'];
const smallestMegabytes = 500;
const usualMegabytes = 1_000;
const quickMegabytes = 50;
const limits = { megabytes: 20_000 };
const budgetMs = 260_000;
const maxRounds = 3;

export const throughputBench: Bench = {
  name: 'throughput',
  about: 'A backlog of records of 100 B, 1 KB and 100 KB with codecs none, lz4 and zstd: throughput, CPU, memory.',
  minutes: 4.5,
  flags: {
    sizes: `which, separated by commas: ${sizes.join(',')}`,
    codecs: `with which, separated by commas: ${codecs.join(',')} (unless either is given: ${defaultNames.join(', ')})`,
    rounds: 'copies by each mirror and case (1 to 3 as the time allows)',
    megabytes: `values per case (${usualMegabytes}, for 100 B ${smallestMegabytes})`,
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const cases = chosenCases(flags);
    const copy = {
      ...askedCopies(flags),
      minRounds: 1,
      maxRounds,
      caseBudgetMs: budgetMs / cases.length,
      log,
    };
    return reported('throughput', flags, log, () =>
      withBenchHost({}, async (host) => {
        const details: CaseReport[] = [];
        const rows: GoalRow[] = [];
        for (const test of cases) {
          const report = await runCopyCase(host, test, copy);
          details.push(report);
          rows.push(...copyRows(test, report, goalsOf(test)));
        }
        return { rows, details };
      }),
    );
  },
};

function chosenCases(flags: Flags): MirrorCase[] {
  const wantedSizes = flags.list('sizes', sizes);
  const wantedCodecs = flags.list('codecs', codecs);
  const names =
    wantedSizes === undefined && wantedCodecs === undefined
      ? defaultNames
      : (wantedSizes ?? sizes).flatMap((size) => (wantedCodecs ?? codecs).map((codec) => `${size}-${codec}`));
  const megabytes = flags.integer('megabytes', limits.megabytes);
  return names.flatMap((name) => {
    const usual = name.startsWith('100B') ? smallestMegabytes : usualMegabytes;
    return mirrorCases([name], megabytes ?? (flags.quick ? quickMegabytes : usual));
  });
}

function goalsOf(test: MirrorCase): CopyGoals {
  if (test.recordBytes === 100) return { throughput: 8, cpu: 25 };
  if (test.recordBytes === 1_024 && test.compression !== 'zstd') return { throughput: 4, cpu: 10 };
  return {};
}
