import { type Command, InvalidArgumentError } from 'commander';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions, routeOf } from '../fleet.js';
import { integer } from '../options.js';
import { confirm, printResult } from '../output.js';

interface SkipOptions extends RestOptions {
  readonly route?: string;
  readonly partition: number;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly yes: boolean;
}

/** `causeway topic skip`: an operator's decision that records are lost. */
export function addTopicSkip(topic: Command, deps: CliDeps): void {
  const command = topic
    .command('skip')
    .argument('<topic>')
    .description('leave source records of one partition out for good; declared as a gap at the target')
    .option('-r, --route <name>', 'the route; not needed while there is only one')
    .requiredOption('--partition <number>', 'which partition', integer(0, MAX_PARTITIONS_PER_TOPIC - 1))
    .requiredOption('--from <offset>', 'first source offset to leave out; what is copied already stays', offset)
    .requiredOption('--to <offset>', 'first source offset to copy again', offset)
    .requiredOption('--reason <text>', 'why; kept in the gap record')
    .option('-y, --yes', 'do not ask', false);
  addRestOptions(command).action(async (name: string, options: SkipOptions) => {
    const client = clientOf(deps, options);
    const route = await routeOf(client, options.route);
    const { partition, from, to, reason } = options;
    await confirm(deps.terminal, `Leave out [${from}, ${to}) of ${name}-${partition} on route ${route}?`, options.yes);
    const order = await client.skip(route, name, { partition, from, to, reason });
    printResult(deps.terminal, options.output, {
      value: order,
      columns: ['TOPIC', 'PARTITION', 'FROM', 'TO', 'REASON', 'AT'],
      rows: [[name, String(order.partition), order.from, order.to, order.reason, order.at]],
    });
  });
}

function offset(text: string): string {
  if (/^\d{1,16}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be an offset: a whole number of at most 16 digits.');
}
