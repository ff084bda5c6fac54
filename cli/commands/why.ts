import type { Command } from 'commander';
import type { WhyView } from '../../common/api/why-shapes.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { integer } from '../options.js';
import { printResult, type Result } from '../output.js';

/** `causeway why`: everything that has to be right for a partition to be copied, in order, with evidence and what to do. */
export function addWhyCommand(program: Command, deps: CliDeps): void {
  const command = program
    .command('why')
    .argument('<route>')
    .argument('<topic>')
    .argument('<partition>', 'its number', integer(0, MAX_PARTITIONS_PER_TOPIC - 1))
    .description('why a partition is, or is not, being copied: checks, evidence, what to do');
  addRestOptions(command).action(async (route: string, topic: string, partition: number, options: RestOptions) => {
    const client = clientOf(deps, options);
    printResult(deps.terminal, options.output, whyResult(await client.why(route, topic, partition)));
  });
}

function whyResult(view: WhyView): Result {
  const { route, topic, partition, verdict, summary, checks } = view;
  const fixes = checks.flatMap(({ check, fix }) => (fix === null ? [] : [`${check}: ${fix}`]));
  return {
    value: view,
    preface: [`Partition ${partition} of ${topic} on route ${route}: ${verdict}: ${summary}`, ''],
    columns: ['CHECK', 'VERDICT', 'EVIDENCE'],
    rows: checks.map(({ check, verdict: found, evidence }) => [check, found, evidence]),
    notes: fixes,
  };
}
