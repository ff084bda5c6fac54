import type { Command } from 'commander';
import type { CausewayClient } from '../../common/api/client.js';
import type { TopicDetail } from '../../common/api/fleet-shapes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { EXIT } from '../../common/process/exit-codes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions, routeOf } from '../fleet.js';
import { integer } from '../options.js';
import { printResult } from '../output.js';

const POLL_MS = 500;
const MAX_TIMEOUT_S = 86_400;
const MS_PER_S = 1_000;

interface WaitOptions extends RestOptions {
  readonly route?: string;
  readonly lagBelow: number;
  readonly timeout: number;
}

/** `causeway topic wait`: exit code 0 when the topics have caught up, 3 when they have not in time. */
export function addTopicWait(topic: Command, deps: CliDeps): void {
  const command = topic
    .command('wait')
    .argument('<topics...>')
    .description('wait until topics have caught up; exit code 3 when they have not in time')
    .option('-r, --route <name>', 'the route; not needed while there is only one')
    .option(
      '--lag-below <records>',
      'each topic’s lag in records is to be less than this',
      integer(1, Number.MAX_SAFE_INTEGER),
      1,
    )
    .option('--timeout <seconds>', 'how long to wait', integer(0, MAX_TIMEOUT_S), 60);
  addRestOptions(command).action(async (topics: string[], options: WaitOptions) => {
    const client = clientOf(deps, options);
    const route = await routeOf(client, options.route);
    const outcome = await waitFor(deps, client, { topics, route, options });
    printResult(deps.terminal, options.output, {
      value: { caughtUp: outcome.caughtUp, topics: outcome.lags },
      columns: ['TOPIC', 'LAG'],
      rows: outcome.lags.map(({ topic: name, lagRecords }) => [name, lagRecords === null ? '-' : String(lagRecords)]),
    });
    if (!outcome.caughtUp) {
      deps.terminal.err(`not caught up within ${options.timeout} s\n`);
      deps.exit(EXIT.conditionNotMet);
    }
  });
}

interface Waiting {
  readonly topics: readonly string[];
  readonly route: string;
  readonly options: WaitOptions;
}

interface Lag {
  readonly topic: string;
  readonly lagRecords: number | null;
}

async function waitFor(
  deps: CliDeps,
  client: CausewayClient,
  { topics, route, options }: Waiting,
): Promise<{ readonly caughtUp: boolean; readonly lags: readonly Lag[] }> {
  const untilMs = deps.pace.monotonicMs() + options.timeout * MS_PER_S;
  for (;;) {
    const lags: Lag[] = [];
    for (const topic of topics) lags.push({ topic, lagRecords: await lagNow(client, route, topic) });
    const caughtUp = lags.every(({ lagRecords }) => lagRecords !== null && lagRecords < options.lagBelow);
    if (caughtUp || deps.pace.monotonicMs() >= untilMs) return { caughtUp, lags };
    await deps.pace.sleep(Math.min(POLL_MS, Math.max(0, untilMs - deps.pace.monotonicMs())));
  }
}

/** The topic's lag; null while any of its partitions does not run or is not known, or the controller is between two leaders. */
async function lagNow(client: CausewayClient, route: string, topic: string): Promise<number | null> {
  try {
    return wholeLag(await client.describeTopic(route, topic));
  } catch (error) {
    if (isCausewayError(error) && error.info.retryable) return null;
    throw error;
  }
}

function wholeLag({ partitions }: TopicDetail): number | null {
  if (partitions.length === 0) return null;
  let sum = 0;
  for (const { lagRecords, state } of partitions) {
    // The lag of a partition that is not being copied is the last one known, and the source goes on.
    if (lagRecords === null || state !== 'running') return null;
    sum += lagRecords;
  }
  return sum;
}
