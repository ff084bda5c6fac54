import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { JobClient, type JobOrder } from '../../common/api/job-client.js';
import type { JobList, JobSummary, JobView, JobWish } from '../../common/api/job-shapes.js';
import { CausewayError, messageOf } from '../../common/errors/error.js';
import type { CliDeps } from '../deps.js';
import { forEachTopic } from '../each.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { addLimitOptions, changedLimits, checkLimitOptions, type LimitOptions } from '../limits.js';
import { counted, seconds } from '../numbers.js';
import { confirm, printResult, type Result } from '../output.js';
import { type RangeOptions, topicsOf } from './job-range.js';
import { summaryResult } from './job-table.js';
import { addJobWait } from './job-wait.js';

const PAGE_SIZE = 500;
/** More pages than that are a server that never ends. */
const MAX_PAGES = 1_000;
const ORDERS: readonly (readonly [JobOrder, string])[] = [
  ['pause', 'stop copying; partitions stay where they are'],
  ['resume', 'go on with jobs that were paused or cancelled'],
  ['cancel', 'take jobs off the workers; what was copied stays'],
];

interface CreateOptions extends RestOptions, LimitOptions, RangeOptions {
  readonly id?: string;
  readonly source?: string;
  readonly target?: string;
  readonly file?: string;
  readonly freshTimestamps?: boolean;
  readonly delivery?: 'exactly-once' | 'transactional' | 'at-least-once';
}

/** `causeway job create | list | describe | limit | pause | resume | cancel | delete | wait` */
export function addJobCommands(program: Command, deps: CliDeps): void {
  const job = program.command('job').description('copy ranges of topics, to their ends');
  addCreate(job, deps);
  addRestOptions(job.command('list').description('list jobs and how far they are')).action(
    async (options: RestOptions) => {
      printResult(deps.terminal, options.output, summaryResult(await allJobs(jobsOf(deps, options))));
    },
  );
  addRestOptions(job.command('describe').argument('<job>').description('show a job, partition by partition')).action(
    async (id: string, options: RestOptions) => {
      printResult(deps.terminal, options.output, viewResult(await jobsOf(deps, options).get(id)));
    },
  );
  addLimit(job, deps);
  for (const [order, description] of ORDERS) {
    addRestOptions(job.command(order).argument('<jobs...>').description(description)).action(
      async (ids: string[], options: RestOptions) => {
        const client = jobsOf(deps, options);
        const done = await forEachTopic(deps, ids, (id) => client.order(id, order));
        printResult(deps.terminal, options.output, summaryResult(done));
      },
    );
  }
  addRestOptions(job.command('delete').argument('<jobs...>').description('forget jobs that are done or cancelled'))
    .option('-y, --yes', 'do not ask', false)
    .action(async (ids: string[], options: RestOptions & { readonly yes: boolean }) => {
      const client = jobsOf(deps, options);
      await confirm(deps.terminal, `Forget ${ids.join(', ')}?`, options.yes);
      await forEachTopic(deps, ids, (id) => client.delete(id));
    });
  addJobWait(job, deps);
}

function jobsOf(deps: CliDeps, options: RestOptions): JobClient {
  return new JobClient(clientOf(deps, options).transport);
}

function addCreate(job: Command, deps: CliDeps): void {
  const command = job
    .command('create')
    .argument('[topics...]', 'topic=target topic; partitions behind a colon: orders:0,2=replay.orders')
    .description('copy a range of each topic into a topic of its own')
    .option('--id <id>', 'name the job; one is made up otherwise')
    .option('--source <cluster>', 'cluster to read')
    .option('--target <cluster>', 'cluster to write; may be the same')
    .option('--from <place>', 'beginning, an offset, or a time (2026-01-31T10:00:00Z)', 'beginning')
    .option('--to <place>', 'end, an offset, or a time; the first record not to copy', 'end')
    .option('--fresh-timestamps', 'let the target topics give their own append time')
    .option('--delivery <how>', 'exactly-once, transactional or at-least-once')
    .option('-f, --file <file>', 'the whole job as JSON, instead of the above');
  addRestOptions(addLimitOptions(command)).action(async (topics: string[], options: CreateOptions) => {
    const wish = options.file === undefined ? wishOf(topics, options) : readWish(options.file);
    printResult(deps.terminal, options.output, summaryResult([await jobsOf(deps, options).create(wish)]));
  });
}

function addLimit(job: Command, deps: CliDeps): void {
  const command = job.command('limit').argument('<jobs...>').description('bound what jobs copy, over all workers');
  addRestOptions(addLimitOptions(command)).action(async (ids: string[], options: RestOptions & LimitOptions) => {
    checkLimitOptions(options);
    const client = jobsOf(deps, options);
    const changed = await forEachTopic(deps, ids, async (id) =>
      client.patch(id, { limits: changedLimits((await client.get(id)).limits, options) }),
    );
    printResult(deps.terminal, options.output, summaryResult(changed));
  });
}

/** @throws USAGE */
function wishOf(topics: readonly string[], options: CreateOptions): JobWish {
  const { id, source, target, freshTimestamps, delivery } = options;
  if (source === undefined || target === undefined || topics.length === 0) {
    throw new CausewayError('USAGE', 'what is to be copied from where to where?', {
      fix: 'Give --source, --target and topics (orders=replay.orders), or --file.',
    });
  }
  return {
    ...(id === undefined ? {} : { id }),
    source,
    target,
    topics: topicsOf(topics, options),
    ...(freshTimestamps === true ? { timestamps: 'fresh' } : {}),
    ...(delivery === undefined ? {} : { delivery }),
    limits: changedLimits({}, options),
  };
}

/** The server checks what is in it. @throws USAGE */
function readWish(file: string): JobWish {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JobWish;
  } catch (error) {
    throw new CausewayError('USAGE', `cannot read the job: ${messageOf(error)}`, { cause: error });
  }
}

async function allJobs(client: JobClient): Promise<JobSummary[]> {
  const jobs: JobSummary[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const more: JobList = await client.list({ limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) });
    jobs.push(...more.jobs);
    if (more.next === null) break;
    cursor = more.next;
  }
  return jobs;
}

function viewResult(job: JobView): Result {
  const rows = job.topics.flatMap(({ topic, targetTopic, partitions }) =>
    partitions.map((one) => [
      `${topic}-${one.partition}`,
      targetTopic,
      one.from,
      one.until,
      one.position,
      one.state,
      one.worker ?? '-',
      counted(one.records),
      counted(one.gapRecords),
      seconds(one.etaSeconds),
      one.reason === null ? '' : `${one.reason.code}: ${one.reason.message}`,
    ]),
  );
  const waiting = (job.problems ?? []).map(({ topic, code, message }) => [
    topic,
    ...Array<string>(9).fill('-'),
    `${code}: ${message}`,
  ]);
  const columns = [
    'PARTITION',
    'INTO',
    'FROM',
    'UNTIL',
    'POSITION',
    'STATE',
    'WORKER',
    'RECORDS',
    'GAPS',
    'ETA S',
    'WHY',
  ];
  return { value: job, columns, rows: [...rows, ...waiting] };
}
