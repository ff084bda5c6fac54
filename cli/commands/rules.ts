import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { parse } from 'yaml';
import type { RoutePatch } from '../../common/api/desired-shapes.js';
import { RulesClient } from '../../common/api/rules-client.js';
import { MAX_TESTED_RECORDS, type RulesTestView, type RulesView } from '../../common/api/rules-shapes.js';
import { CausewayError, messageOf } from '../../common/errors/error.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions, routeOf } from '../fleet.js';
import { integer } from '../options.js';
import { printResult, type Result, warningNotes } from '../output.js';

/** An argument that is a file rather than a route, whose names have no dots. */
const FILE = /\.(ya?ml|json)$/;

interface TestOptions extends RestOptions {
  readonly route?: string;
  readonly topic: string;
  readonly partition?: number;
  readonly from?: string;
  readonly limit: number;
  readonly show?: boolean;
}

/** `causeway rules show | set | clear | test` */
export function addRulesCommands(program: Command, deps: CliDeps): void {
  const rules = program.command('rules').description('what routes do to single records (docs/rules.md)');
  const command = (usage: string, description: string): Command =>
    addRestOptions(rules.command(usage).description(description));
  command('show [route]', 'a route’s rules and what they have done').action(
    async (name: string | undefined, options: RestOptions) => {
      const client = clientOf(deps, options);
      const view = await new RulesClient(client.transport).get(await routeOf(client, name));
      printResult(deps.terminal, options.output, shown(view));
    },
  );
  command('set <route> <file>', 'give a route the rules of a file; they begin where the ones before end').action(
    async (name: string, file: string, options: RestOptions) => {
      const client = clientOf(deps, options);
      const { warnings = [] } = (await client.patchRoute(name, { rules: rulesOf(file) })).value;
      const result = shown(await new RulesClient(client.transport).get(name));
      printResult(deps.terminal, options.output, { ...result, notes: warningNotes(warnings) });
    },
  );
  command('clear <route>', 'let a route copy records as they are').action(
    async (name: string, options: RestOptions) => {
      const client = clientOf(deps, options);
      await client.patchRoute(name, { rules: null });
      printResult(deps.terminal, options.output, shown(await new RulesClient(client.transport).get(name)));
    },
  );
  command('test <route|file>', 'what rules would do to real records of the source; nothing is written')
    .requiredOption('--topic <topic>', 'the source topic')
    .option('--route <route>', 'with a file: the route to try its rules on; not needed while there is only one')
    .option('--partition <number>', 'one partition; all unless given', integer(0, MAX_PARTITIONS_PER_TOPIC - 1))
    .option('--from <offset>', 'source offset to begin at; the newest records unless given', offset)
    .option('--limit <records>', 'how many to look at', integer(1, MAX_TESTED_RECORDS), 100)
    .option('--show', 'show keys, values and headers, before and after')
    .action(async (what: string, options: TestOptions) => {
      const client = clientOf(deps, options);
      const isFile = FILE.test(what);
      const route = isFile ? await routeOf(client, options.route) : what;
      const { topic, partition, from, limit, show = false } = options;
      const view = await new RulesClient(client.transport).test(route, {
        ...{ topic, limit, show },
        ...(partition === undefined ? {} : { partition }),
        ...(from === undefined ? {} : { from }),
        ...(isFile ? { rules: rulesOf(what) } : {}),
      });
      printResult(deps.terminal, options.output, tested(view));
    });
}

type Rules = NonNullable<RoutePatch['rules']>;

/** The file has the rules themselves, or a section `rules` with them; what is wrong with them REST tells. @throws USAGE */
function rulesOf(file: string): Rules {
  try {
    const read: unknown = parse(readFileSync(file, 'utf8'));
    const isSection = typeof read === 'object' && read !== null && 'rules' in read;
    return (isSection ? read.rules : read) as Rules;
  } catch (error) {
    throw new CausewayError('USAGE', `cannot read the rules: ${messageOf(error)}`, { cause: error });
  }
}

function offset(text: string): string {
  if (/^\d{1,16}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be an offset: a whole number of at most 16 digits.');
}

function shown(view: RulesView): Result {
  const { route, version, rules, counts, workers } = view;
  const of = (name: string): string =>
    counts
      .filter(({ rule }) => rule === name)
      .map(({ outcome, records }) => `${records} ${outcome}`)
      .join(', ') || '-';
  return {
    value: view,
    preface: [`Route ${route}, version ${version}, as ${workers} workers have counted since they started`, ''],
    columns: ['RULE', 'DOES', 'RECORDS'],
    rows: (rules?.list ?? []).map(({ name, action }) => [name, action.do, of(name)]),
    empty: 'The route copies records as they are.',
  };
}

function tested(view: RulesTestView): Result {
  const { records, counts, isCutOff } = view;
  return {
    value: view,
    columns: ['OFFSET', 'PARTITION', 'TIME', 'KEY', 'VALUE', 'FATE', 'RULES', 'TARGET'],
    rows: records.map(({ partition, offset, timestamp, keyBytes, valueBytes, fate, rules, target, before, after }) => [
      offset,
      String(partition),
      timestamp ?? '-',
      changeOf(before?.key, after?.key) ?? `${keyBytes} bytes`,
      changeOf(before?.value, after?.value) ?? `${valueBytes} bytes`,
      fate,
      rules.join(', ') || '-',
      target === null ? '-' : `${target.topic}${target.partition === null ? '' : `-${target.partition}`}`,
    ]),
    notes: [
      '',
      ...counts.map(({ rule, outcome, records: count }) => `${rule === '' ? 'provenance' : rule}: ${count} ${outcome}`),
      `${records.length} records looked at${isCutOff ? '; more lie behind them' : ''}. Nothing was written.`,
    ],
    empty: 'There are no records to look at.',
  };
}

function changeOf(before: string | null | undefined, after: string | null | undefined): string | undefined {
  if (before === undefined) return undefined;
  const text = before ?? 'null';
  return after === undefined || after === before ? text : `${text} -> ${after ?? 'null'}`;
}
