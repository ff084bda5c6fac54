import { type Command, Option } from 'commander';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions, routeOf } from '../fleet.js';
import { integer } from '../options.js';
import { confirm, printResult } from '../output.js';

interface ResolveOptions extends RestOptions {
  readonly route?: string;
  readonly action: 'continue' | 'restart';
  readonly partition?: number;
  readonly reason: string;
  readonly yes: boolean;
}

/** `causeway topic resolve`: an operator's word on a topic that is not what it was. */
export function addTopicResolve(topic: Command, deps: CliDeps): void {
  const command = topic
    .command('resolve')
    .argument('<topic>')
    .description('let partitions go on that stopped because a topic is not what it was; what that costs is declared')
    .option('-r, --route <name>', 'the route; not needed while there is only one')
    .addOption(
      new Option(
        '--action <action>',
        'continue: on from where the logs part, or from the position; restart: copied anew from the start',
      )
        .choices(['continue', 'restart'])
        .makeOptionMandatory(),
    )
    .option('--partition <number>', 'only this one; else the whole topic', integer(0, MAX_PARTITIONS_PER_TOPIC - 1))
    .requiredOption('--reason <text>', 'why; kept with the topic and in the log')
    .option('-y, --yes', 'do not ask', false);
  addRestOptions(command).action(async (name: string, options: ResolveOptions) => {
    const client = clientOf(deps, options);
    const route = await routeOf(client, options.route);
    const { action, partition, reason } = options;
    const what = partition === undefined ? name : `${name}-${partition}`;
    const question = action === 'restart' ? `Copy ${what} anew` : `Let ${what} go on`;
    await confirm(deps.terminal, `${question} on route ${route}?`, options.yes);
    const order = await client.resolve(route, name, { partition: partition ?? null, action, reason });
    printResult(deps.terminal, options.output, {
      value: order,
      columns: ['TOPIC', 'PARTITION', 'ACTION', 'TIMELINE', 'REASON', 'AT'],
      rows: [
        [
          name,
          order.partition === null ? 'all' : String(order.partition),
          order.action,
          String(order.timeline),
          order.reason,
          order.at,
        ],
      ],
    });
  });
}
