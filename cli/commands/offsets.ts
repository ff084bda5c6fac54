import type { Command } from 'commander';
import { OffsetClient, type TranslateQuery } from '../../common/api/offset-client.js';
import type { LocationView, MapSummaries, MapView, TranslationList } from '../../common/api/offset-shapes.js';
import { CausewayError } from '../../common/errors/error.js';
import { timeText } from '../../common/model/time-text.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { integer } from '../options.js';
import { confirm, printResult, type Result } from '../output.js';

interface TranslateOptions extends RestOptions {
  readonly partition?: number;
  readonly offset?: string;
  readonly group?: string;
  readonly timestamp?: string;
  readonly inverse?: boolean;
}

interface MapOptions extends RestOptions {
  readonly partition?: number;
  readonly limit?: number;
  readonly cursor?: string;
}

const MAX_PAGE = 500;
const partitionNumber = integer(0, MAX_PARTITIONS_PER_TOPIC - 1);

/** `causeway offsets`: where copies of records lie. */
export function addOffsetCommands(program: Command, deps: CliDeps): void {
  const offsets = program.command('offsets').description('where copies of records lie at a route’s target');
  addTranslate(offsets, deps);
  addRebuild(offsets, deps);
  const locate = offsets
    .command('locate')
    .argument('<route>')
    .argument('<topic>')
    .argument('<partition>', 'its number', partitionNumber)
    .argument('<offset>', 'of the source')
    .description('where a source record is now');
  addRestOptions(locate).action(
    async (route: string, topic: string, partition: number, offset: string, options: RestOptions) => {
      const view = await clientFor(deps, options).locate(route, topic, partition, offset);
      printResult(deps.terminal, options.output, locationResult(view));
    },
  );
  const map = offsets
    .command('map')
    .argument('<route>')
    .argument('<topic>')
    .description('what is known of a topic’s offsets; with --partition its runs')
    .option('--partition <number>', 'the runs of this one', partitionNumber)
    .option('--limit <runs>', `at most so many, 1 to ${MAX_PAGE}`, integer(1, MAX_PAGE))
    .option('--cursor <cursor>', 'where the page before ended');
  addRestOptions(map).action(async (route: string, topic: string, options: MapOptions) => {
    const client = clientFor(deps, options);
    const { partition, limit, cursor } = options;
    if (partition === undefined) {
      printResult(deps.terminal, options.output, summaryResult(await client.maps(route, topic)));
      return;
    }
    const page = { ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) };
    printResult(deps.terminal, options.output, mapResult(await client.map(route, topic, partition, page)));
  });
}

function addRebuild(offsets: Command, deps: CliDeps): void {
  const rebuild = offsets
    .command('rebuild')
    .argument('<route>')
    .argument('<topic>')
    .description('find what is missing of a topic’s offset maps in both logs')
    .option('-y, --yes', 'do not ask');
  addRestOptions(rebuild).action(async (route: string, topic: string, options: RestOptions & { yes?: boolean }) => {
    const question = `Read the logs of ${topic} at both ends of ${route}, wherever its map has gaps?`;
    await confirm(deps.terminal, question, options.yes === true);
    const view = await clientFor(deps, options).rebuild(route, topic);
    printResult(deps.terminal, options.output, {
      value: view,
      columns: ['ROUTE', 'TOPIC', 'ORDERED'],
      rows: [[view.route, view.topic, view.orderedAt]],
      notes: ['Workers carry it out; `causeway offsets map` shows what is still lost.'],
    });
  });
}

function addTranslate(offsets: Command, deps: CliDeps): void {
  const translate = offsets
    .command('translate')
    .argument('<route>')
    .argument('<topic>')
    .description('where source positions are at the target')
    .option('--partition <number>', 'of the position', partitionNumber)
    .option('--offset <offset>', 'the position: the next offset to read')
    .option('--group <group>', 'everything that this group has committed at the source')
    .option('--timestamp <ms>', 'the first records that are not older, ms since 1970')
    .option('--inverse', 'the other way: of the target, at the source');
  addRestOptions(translate).action(async (route: string, topic: string, options: TranslateOptions) => {
    const client = clientFor(deps, options);
    const list = await (options.inverse === true
      ? client.inverse(route, topic, ...positionOf(options))
      : client.translate(route, topic, queryOf(options)));
    printResult(deps.terminal, options.output, translationResult(list));
  });
}

function clientFor(deps: CliDeps, options: RestOptions): OffsetClient {
  return new OffsetClient(clientOf(deps, options).transport);
}

function queryOf(options: TranslateOptions): TranslateQuery {
  const { group, timestamp, partition } = options;
  const given = [group, timestamp, options.offset].filter((one) => one !== undefined).length;
  if (given > 1) throw new CausewayError('USAGE', 'give one of --offset, --group and --timestamp');
  if (group !== undefined) return { group };
  if (timestamp !== undefined) {
    if (!/^\d{1,15}$/.test(timestamp)) throw new CausewayError('USAGE', '--timestamp takes ms since 1970');
    return { timestamp: Number(timestamp), ...(partition === undefined ? {} : { partition }) };
  }
  const [number, offset] = positionOf(options);
  return { partition: number, offset };
}

function positionOf({ partition, offset }: TranslateOptions): [number, string] {
  if (partition !== undefined && offset !== undefined) return [partition, offset];
  throw new CausewayError('USAGE', 'a position is a --partition and an --offset', {
    fix: 'Or ask for a --group, or a --timestamp.',
  });
}

function translationResult(view: TranslationList): Result {
  return {
    value: view,
    columns: ['PARTITION', 'OFFSET', 'KIND', 'TRANSLATED', 'REMARK'],
    rows: view.translations.map(({ partition, offset, kind, translated, next, behind, first, reason }) => {
      const remarks = [
        next === null ? '' : `the next copied record has offset ${next}`,
        behind === null || behind === '0' ? '' : `copying is ${behind} offsets short of it`,
        first === null ? '' : `copying began at ${first.source} -> ${first.target}`,
        reason ?? '',
      ];
      return [String(partition), offset, kind, translated ?? '-', remarks.filter((one) => one !== '').join('; ')];
    }),
    empty: 'there is nothing to translate',
  };
}

function locationResult(view: LocationView): Result {
  const { topic, partition, sourceOffset, targetTopic, targetPartition, targetOffset, isCopied, kind, reason } = view;
  const when = timeText(view.timestampMs ?? -1) ?? '-';
  const run = view.run === null ? '-' : `${view.run.source} -> ${view.run.target}, ${view.run.length} offsets`;
  return {
    value: view,
    columns: ['SOURCE', 'OFFSET', 'COPIED', 'KIND', 'TARGET', 'AT', 'TIMESTAMP', 'RUN'],
    rows: [
      [
        `${topic}-${partition}`,
        sourceOffset,
        isCopied ? 'yes' : 'no',
        kind,
        `${targetTopic}-${targetPartition}`,
        targetOffset ?? '-',
        when,
        run,
      ],
    ],
    notes: reason === null ? [] : [reason],
  };
}

function summaryResult(view: MapSummaries): Result {
  return {
    value: view,
    columns: ['PARTITION', 'TIMELINE', 'IDENTICAL', 'RUNS', 'LOST', 'FIRST', 'HEAD'],
    rows: view.partitions.map(({ partition, timeline, isIdentical, runs, lost, first, head }) => [
      String(partition),
      String(timeline),
      isIdentical ? 'yes' : 'no',
      String(runs),
      String(lost),
      first === null ? '-' : `${first.source} -> ${first.target}`,
      `${head.source} -> ${head.target}`,
    ]),
    empty: 'nothing is copied yet',
  };
}

function mapResult(view: MapView): Result {
  return {
    value: view,
    columns: ['SOURCE', 'TARGET', 'LENGTH'],
    rows: view.entries.map(({ source, target, length }) => [source, target, length]),
    notes: [
      ...view.lostStretches.map(({ source, reason }) => `source offsets ${source.from} to ${source.to}: ${reason}`),
      ...(view.next === null ? [] : [`more: --cursor ${view.next}`]),
    ],
    empty: 'no runs are known',
  };
}
