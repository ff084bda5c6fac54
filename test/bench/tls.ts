import type { Bench } from './bench.js';
import { askedCopies, runCopyCase } from './copy-bench.js';
import { copyRows } from './copy-rows.js';
import { withBenchHost } from './host.js';
import { mirrorCases } from './mirror-cases.js';
import { reported } from './report.js';

const usualMegabytes = 1_000;
const quickMegabytes = 50;
const limits = { megabytes: 20_000 };

export const tlsBench: Bench = {
  name: 'tls',
  about: 'A backlog of uncompressed 1 KB records with TLS on both legs.',
  minutes: 2.5,
  needsOpenssl: true,
  flags: {
    megabytes: `values (${usualMegabytes})`,
    rounds: 'copies by each mirror (2 to 3 as the time allows)',
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const megabytes = flags.integer('megabytes', limits.megabytes) ?? (flags.quick ? quickMegabytes : usualMegabytes);
    const copy = {
      ...askedCopies(flags),
      minRounds: 2,
      maxRounds: 3,
      caseBudgetMs: 200_000,
      log,
    };
    return reported('tls', flags, log, () =>
      withBenchHost({ security: { protocol: 'SSL' } }, async (host) => {
        const [shape] = mirrorCases(['1KB-none'], megabytes);
        if (shape === undefined) throw new Error('there is no such case');
        const test = { ...shape, name: '1KB-none-tls' };
        const report = await runCopyCase(host, test, copy);
        return { rows: copyRows(test, report), details: [report] };
      }),
    );
  },
};
