import type { Bench } from './bench.js';
import { askedCopies, runCopyCase } from './copy-bench.js';
import { copyRows } from './copy-rows.js';
import { withBenchHost } from './host.js';
import type { MirrorCase } from './mirror-cases.js';
import { reported } from './report.js';

const usualRecords = 400_000;
const quickRecords = 40_000;
const limits = { records: 10_000_000 };

export const tinyBench: Bench = {
  name: 'tiny',
  about: 'A backlog of batches of one 100 B record each, the least that a batch can hold.',
  minutes: 2.5,
  flags: {
    records: `how many (${usualRecords})`,
    rounds: 'copies by each mirror (2 to 3 as the time allows)',
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const test: MirrorCase = {
      name: '100B-single',
      recordBytes: 100,
      records: flags.integer('records', limits.records) ?? (flags.quick ? quickRecords : usualRecords),
      compression: 'none',
      partitions: 8,
      sourceBatchBytes: 0,
    };
    const copy = {
      ...askedCopies(flags),
      minRounds: 2,
      maxRounds: 3,
      caseBudgetMs: 200_000,
      log,
    };
    return reported('tiny', flags, log, () =>
      withBenchHost({}, async (host) => {
        const report = await runCopyCase(host, test, copy);
        return { rows: copyRows(test, report), details: [report] };
      }),
    );
  },
};
