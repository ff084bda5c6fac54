import { type Command, InvalidArgumentError } from 'commander';
import type { CausewayClient } from '../../common/api/client.js';
import type { TopicView } from '../../common/api/desired-shapes.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import type { CliDeps } from '../deps.js';
import { forEachTopic } from '../each.js';
import { addRestOptions, allRoutes, allTopics, clientOf, type RestOptions, routeOf } from '../fleet.js';
import { addLimitOptions, changedLimits, checkLimitOptions, type LimitOptions, limitsText } from '../limits.js';
import { integer } from '../options.js';
import { confirm, printResult, type Result } from '../output.js';
import { describeResult } from './topic-detail.js';
import { addTopicExclusions } from './topic-exclusions.js';
import { addTopicResolve } from './topic-resolve.js';
import { addTopicSkip } from './topic-skip.js';
import { addTopicWait } from './topic-wait.js';

interface TopicOptions extends RestOptions {
  readonly route?: string;
}

type Partitions = number | 'all';

interface Start {
  readonly partition: number;
  readonly from: string;
}

interface AddOptions extends TopicOptions {
  readonly partitions: Partitions;
  readonly paused: boolean;
  readonly startAt?: Start[];
}

/** `causeway topic ...` */
export function addTopicCommands(program: Command, deps: CliDeps): void {
  const topic = program.command('topic').description('what is mirrored');
  addAdd(topic, deps);
  addList(topic, deps);
  addDescribe(topic, deps);
  addRemove(topic, deps);
  addPatch(topic, deps, { name: 'pause', description: 'keep topics, but stop copying them', paused: true });
  addPatch(topic, deps, {
    name: 'resume',
    description: 'copy paused topics again, from where they stopped',
    paused: false,
  });
  addExpand(topic, deps);
  addTopicSkip(topic, deps);
  addTopicResolve(topic, deps);
  addTopicExclusions(topic, deps);
  addLimit(topic, deps);
  addTopicWait(topic, deps);
}

function addAdd(topic: Command, deps: CliDeps): void {
  routed(topic.command('add').argument('<topics...>').description('mirror topics'))
    .option(
      '--partitions <count>',
      'mirror this many partitions, or "all" and follow the source',
      partitionCount,
      'all',
    )
    .option('--paused', 'do not copy before "topic resume"', false)
    .option(
      '--start-at <partition=offset...>',
      'begin single partitions at a source offset, "earliest" or "latest" (0=1500 1=latest)',
      partitionStart,
    )
    .action(async (topics: string[], options: AddOptions) => {
      const { client, route } = await target(deps, options);
      const { partitions, paused, startAt } = options;
      const starts = startAt === undefined ? {} : { starts: startAt };
      const added = await forEachTopic(
        deps,
        topics,
        async (name) => (await client.addTopic(route, { topic: name, partitions, paused, ...starts })).value,
      );
      printResult(deps.terminal, options.output, topicResult(added));
    });
}

function addList(topic: Command, deps: CliDeps): void {
  routed(topic.command('list').description('the topics that are to be mirrored'), 'of this route only').action(
    async (options: TopicOptions) => {
      const client = clientOf(deps, options);
      const routes = options.route === undefined ? (await allRoutes(client)).map(({ name }) => name) : [options.route];
      const topics: TopicView[] = [];
      for (const route of routes) topics.push(...(await allTopics(client, route)));
      printResult(deps.terminal, options.output, { ...topicResult(topics), empty: 'no topics' });
    },
  );
}

function addDescribe(topic: Command, deps: CliDeps): void {
  routed(topic.command('describe').argument('<topic>').description('a topic, partition by partition')).action(
    async (name: string, options: TopicOptions) => {
      const { client, route } = await target(deps, options);
      printResult(deps.terminal, options.output, describeResult(await client.describeTopic(route, name)));
    },
  );
}

function addRemove(topic: Command, deps: CliDeps): void {
  routed(
    topic.command('remove').argument('<topics...>').description('stop mirroring topics; the target keeps what it has'),
  )
    .option('-y, --yes', 'do not ask', false)
    .action(async (topics: string[], options: TopicOptions & { yes: boolean }) => {
      const { client, route } = await target(deps, options);
      await confirm(deps.terminal, `Stop mirroring ${topics.join(', ')} on route ${route}?`, options.yes);
      const removed = await forEachTopic(deps, topics, async (name) => {
        await client.deleteTopic(route, name);
        return { route, topic: name };
      });
      const rows = removed.map((entry) => [entry.topic, entry.route]);
      printResult(deps.terminal, options.output, { value: { removed }, columns: ['REMOVED', 'ROUTE'], rows });
    });
}

function addPatch(
  topic: Command,
  deps: CliDeps,
  verb: { readonly name: string; readonly description: string; readonly paused: boolean },
): void {
  routed(topic.command(verb.name).argument('<topics...>').description(verb.description)).action(
    async (topics: string[], options: TopicOptions) => {
      const { client, route } = await target(deps, options);
      const changed = await forEachTopic(
        deps,
        topics,
        async (name) => (await client.patchTopic(route, name, { paused: verb.paused })).value,
      );
      printResult(deps.terminal, options.output, topicResult(changed));
    },
  );
}

function addExpand(topic: Command, deps: CliDeps): void {
  routed(topic.command('expand').argument('<topic>').description('mirror more partitions of a topic'))
    .requiredOption('--partitions <count>', 'how many, or "all"', partitionCount)
    .action(async (name: string, options: TopicOptions & { partitions: Partitions }) => {
      const { client, route } = await target(deps, options);
      const { value } = await client.patchTopic(route, name, { partitions: options.partitions });
      printResult(deps.terminal, options.output, topicResult([value]));
    });
}

function addLimit(topic: Command, deps: CliDeps): void {
  const command = topic.command('limit').argument('<topics...>');
  addLimitOptions(routed(command.description('bound what is copied of topics, over all workers'))).action(
    async (topics: string[], options: TopicOptions & LimitOptions) => {
      checkLimitOptions(options);
      const { client, route } = await target(deps, options);
      const changed = await forEachTopic(deps, topics, async (name) => {
        const { value, etag } = await client.getTopic(route, name);
        return (await client.patchTopic(route, name, { limits: changedLimits(value.limits, options) }, etag)).value;
      });
      printResult(deps.terminal, options.output, topicResult(changed));
    },
  );
}

function routed(command: Command, help = 'the route; not needed while there is only one'): Command {
  return addRestOptions(command.option('-r, --route <name>', help));
}

async function target(
  deps: CliDeps,
  options: TopicOptions,
): Promise<{ readonly client: CausewayClient; readonly route: string }> {
  const client = clientOf(deps, options);
  return { client, route: await routeOf(client, options.route) };
}

function partitionStart(text: string, before: Start[] = []): Start[] {
  const match = /^(\d{1,6})=(earliest|latest|\d{1,16})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write it as 3=1500, 3=earliest or 3=latest.');
  return [...before, { partition: Number(match[1]), from: match[2] as string }];
}

function partitionCount(text: string): Partitions {
  if (text === 'all') return 'all';
  try {
    return integer(1, MAX_PARTITIONS_PER_TOPIC)(text);
  } catch {
    throw new InvalidArgumentError(`It must be "all" or a whole number from 1 to ${MAX_PARTITIONS_PER_TOPIC}.`);
  }
}

function topicResult(topics: readonly TopicView[]): Result {
  return {
    value: { topics },
    columns: ['TOPIC', 'ROUTE', 'TARGET', 'PARTITIONS', 'PAUSED', 'LIMITS', 'ADDED'],
    rows: topics.map(({ topic, route, targetTopic, partitions, paused, retired = null, limits, addedAt }) => [
      topic,
      route,
      targetTopic,
      String(partitions),
      retired === null ? (paused ? 'yes' : 'no') : 'retired',
      limitsText(limits),
      addedAt,
    ]),
  };
}
