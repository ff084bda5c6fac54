import type { Bench } from './bench.js';
import { askedCopies, runCopyCase } from './copy-bench.js';
import { copyRows } from './copy-rows.js';
import type { GoalRow } from './goal-rows.js';
import { withBenchHost } from './host.js';
import { mirrorCases } from './mirror-cases.js';
import type { CaseReport } from './mirror-report.js';
import { reported } from './report.js';

const usualCounts: readonly number[] = [1, 8, 64, 1_000];
const quickCounts: readonly number[] = [1, 64];
const usualMegabytes = 400;
const quickMegabytes = 50;
const limits = { megabytes: 20_000, count: 5_000 };
const budgetMs = 265_000;

export const partitionsBench: Bench = {
  name: 'partitions',
  about: 'A backlog of uncompressed 1 KB records in 1, 8, 64 and 1,000 partitions.',
  minutes: 4.5,
  flags: {
    counts: `how many partitions, separated by commas (${usualCounts.join(',')})`,
    megabytes: `values per case (${usualMegabytes})`,
    rounds: 'copies by each mirror and case (1 to 3 as the time allows)',
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const counts = flags.integers('counts', limits.count) ?? (flags.quick ? quickCounts : usualCounts);
    const megabytes = flags.integer('megabytes', limits.megabytes) ?? (flags.quick ? quickMegabytes : usualMegabytes);
    const copy = {
      ...askedCopies(flags),
      minRounds: 1,
      maxRounds: 3,
      caseBudgetMs: budgetMs / counts.length,
      log,
    };
    return reported('partitions', flags, log, () =>
      withBenchHost({}, async (host) => {
        const details: CaseReport[] = [];
        const rows: GoalRow[] = [];
        for (const partitions of counts) {
          const [shape] = mirrorCases(['1KB-none'], megabytes);
          if (shape === undefined) throw new Error('there is no such case');
          const test = { ...shape, name: `${partitions}-partitions`, partitions };
          const report = await runCopyCase(host, test, copy);
          details.push(report);
          rows.push(...copyRows(test, report));
        }
        return { rows, details };
      }),
    );
  },
};
