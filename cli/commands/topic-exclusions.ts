import { type Command, InvalidArgumentError } from 'commander';
import { formatPartitions, parsePartitions } from '../../common/model/partition-set.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions, routeOf } from '../fleet.js';
import { printResult } from '../output.js';

interface ExclusionOptions extends RestOptions {
  readonly route?: string;
  readonly partitions: number[];
  readonly reason: string;
}

/** `causeway topic exclude` and `causeway topic include`: single partitions that nobody is to copy. */
export function addTopicExclusions(topic: Command, deps: CliDeps): void {
  const commands = [
    [
      'exclude',
      'add',
      'stop copying single partitions, whatever happens to workers and the topic, until they are included again',
    ],
    ['include', 'remove', 'copy excluded partitions again, from where they stopped'],
  ] as const;
  for (const [name, list, description] of commands) {
    const command = topic
      .command(name)
      .argument('<topic>')
      .description(description)
      .option('-r, --route <name>', 'the route; not needed while there is only one')
      .requiredOption('--partitions <set>', 'which, as in 0-5,7', partitionSet)
      .option('--reason <text>', 'why; kept with the order', '');
    addRestOptions(command).action(async (topicName: string, options: ExclusionOptions) => {
      const client = clientOf(deps, options);
      const route = await routeOf(client, options.route);
      const { partitions, reason } = options;
      const view = await client.exclude(route, topicName, { [list]: partitions, reason });
      printResult(deps.terminal, options.output, {
        value: view,
        columns: ['TOPIC', 'ROUTE', 'EXCLUDED', 'REASON'],
        rows: [[view.topic, view.route, formatPartitions(view.partitions), view.reason]],
      });
    });
  }
}

function partitionSet(text: string): number[] {
  try {
    const partitions = parsePartitions(text);
    if (partitions.length > 0) return partitions;
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('It must be partitions in ascending order, such as 0-5,7.');
}
