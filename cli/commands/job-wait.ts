import type { Command } from 'commander';
import { JobClient } from '../../common/api/job-client.js';
import type { JobView } from '../../common/api/job-shapes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { EXIT } from '../../common/process/exit-codes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { integer } from '../options.js';
import { printResult } from '../output.js';
import { summaryResult } from './job-table.js';

const POLL_MS = 500;
const MAX_TIMEOUT_S = 7 * 86_400;
const MS_PER_S = 1_000;

interface WaitOptions extends RestOptions {
  readonly timeout: number;
}

/** `causeway job wait`: exit code 0 when the job is done, 3 when it is not in time, or was cancelled. */
export function addJobWait(job: Command, deps: CliDeps): void {
  const command = job
    .command('wait')
    .argument('<job>')
    .description('wait until a job is done; exit code 3 when it is not in time, or was cancelled')
    .option('--timeout <seconds>', 'how long to wait', integer(0, MAX_TIMEOUT_S), 3_600);
  addRestOptions(command).action(async (id: string, options: WaitOptions) => {
    const client = new JobClient(clientOf(deps, options).transport);
    const last = await ended(deps, client, id, options.timeout);
    if (last !== undefined) printResult(deps.terminal, options.output, summaryResult([last]));
    if (last?.state === 'done') return;
    const why = last?.state === 'cancelled' ? 'it was cancelled' : `not done within ${options.timeout} s`;
    deps.terminal.err(`${why}\n`);
    deps.exit(EXIT.conditionNotMet);
  });
}

/** The job when it has ended or the time is up; undefined: no controller could tell. */
async function ended(deps: CliDeps, client: JobClient, id: string, timeoutS: number): Promise<JobView | undefined> {
  const untilMs = deps.pace.monotonicMs() + timeoutS * MS_PER_S;
  for (;;) {
    const job = await present(client, id);
    const isOver = job?.state === 'done' || job?.state === 'cancelled';
    if (isOver || deps.pace.monotonicMs() >= untilMs) return job;
    await deps.pace.sleep(Math.min(POLL_MS, Math.max(0, untilMs - deps.pace.monotonicMs())));
  }
}

/** Undefined: the controllers are between two leaders. */
async function present(client: JobClient, id: string): Promise<JobView | undefined> {
  try {
    return await client.get(id);
  } catch (error) {
    if (isCausewayError(error) && error.info.retryable) return undefined;
    throw error;
  }
}
