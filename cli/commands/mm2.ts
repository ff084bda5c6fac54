import type { Command } from 'commander';
import { Mm2Client } from '../../common/api/mm2-client.js';
import { MAX_MM2_TOPICS, type Mm2ImportView, type Mm2ImportWish } from '../../common/api/mm2-shapes.js';
import { EXIT } from '../../common/process/exit-codes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { printResult, type Result } from '../output.js';

/** More answers than that are a server that never ends. */
const MAX_ROUNDS = 1_000;

interface ImportOptions extends RestOptions {
  readonly dryRun?: boolean;
  readonly alias?: string;
  readonly offsetsTopic?: string;
  readonly cluster?: string;
  readonly connector?: string;
  readonly paused?: boolean;
}

/** `causeway import-mm2`: exit code 3 when a topic was refused. */
export function addMm2Commands(program: Command, deps: CliDeps): void {
  const command = program
    .command('import-mm2')
    .argument('<route>')
    .argument('[topics...]', 'source names; all that MirrorMaker 2 copied otherwise')
    .description('go on where MirrorMaker 2 stood: adds its topics, each partition behind the last record it copied')
    .option('--dry-run', 'only tell what would become of each topic')
    .option('--alias <name>', 'what MirrorMaker 2 calls the source; as Causeway does otherwise')
    .option('--offsets-topic <topic>', 'offset.storage.topic of Connect; mm2-offsets.<alias>.internal otherwise')
    .option('--cluster <name>', 'where that topic is; the target of the route otherwise')
    .option('--connector <name>', 'the MirrorSourceConnector, where several copied from the alias')
    .option('--paused', 'add the topics paused');
  addRestOptions(command).action(async (route: string, topics: string[], options: ImportOptions) => {
    const client = new Mm2Client(clientOf(deps, options).transport);
    const found = await imported(client, route, wishOf(topics, options));
    printResult(deps.terminal, options.output, importResult(found));
    if (found.isRunning) deps.terminal.err('MirrorMaker 2 is still running: stop it before the import\n');
    const isCut = found.more > 0 && !found.dryRun;
    if (isCut) deps.terminal.err(`${found.more} topics were not tried yet: order it again\n`);
    if (isCut || found.topics.some(({ outcome }) => outcome === 'refused')) deps.exit(EXIT.conditionNotMet);
  });
}

function wishOf(topics: readonly string[], options: ImportOptions): Mm2ImportWish {
  const { dryRun = false, paused = false, alias, offsetsTopic, cluster, connector } = options;
  return {
    dryRun,
    paused,
    ...(topics.length === 0 ? {} : { topics: [...topics] }),
    ...(alias === undefined ? {} : { alias }),
    ...(offsetsTopic === undefined ? {} : { offsetsTopic }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(connector === undefined ? {} : { connector }),
  };
}

/** Part by part: one request adds some, and those that it refused must not keep the others from being asked for. */
async function imported(client: Mm2Client, route: string, wish: Mm2ImportWish): Promise<Mm2ImportView> {
  const view = await client.import(route, wish);
  const found = new Map(view.topics.map((one) => [one.topic, one]));
  const untried = (): string[] =>
    [...found.values()].filter(({ outcome }) => outcome === 'add').map(({ topic }) => topic);
  for (let round = 2; !view.dryRun && untried().length > 0 && round <= MAX_ROUNDS; round++) {
    const topics = untried().slice(0, MAX_MM2_TOPICS);
    for (const one of (await client.import(route, { ...wish, topics })).topics) found.set(one.topic, one);
  }
  return { ...view, topics: [...found.values()], more: untried().length };
}

function importResult(view: Mm2ImportView): Result {
  const rows = view.topics.map(({ topic, targetTopic, outcome, starts, lost, reason }) => [
    topic,
    targetTopic,
    outcome,
    starts.map(({ partition, from }) => `${partition}:${from}`).join(' '),
    String(lost.reduce((sum, { from, to }) => sum + BigInt(to) - BigInt(from), 0n)),
    reason === null ? '' : `${reason.code}: ${reason.message}`,
  ]);
  return { value: view, columns: ['TOPIC', 'INTO', 'OUTCOME', 'STARTS', 'LOST', 'WHY'], rows };
}
