import { CausewayError } from '../../common/errors/error.js';
import type { KnownEnd, LegFacts } from '../../common/model/recovery.js';
import { type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Stored } from './fleet-lens.js';
import type { StepContext } from './ports.js';

/** A leg: the route that a step leads away from, and its topics. */
export interface LegSide {
  readonly from: Route;
  /** As they are called at the source of `from`. */
  readonly topics: readonly string[];
  /** Name of the route of the other direction. */
  readonly to: string | undefined;
  readonly facts: LegFacts;
}

/** @throws ROUTE_UNKNOWN: a route that the program works on was removed */
export async function sideOf({ recovery, step, world }: StepContext): Promise<LegSide> {
  const facts = recovery.facts[step.leg];
  const main = await routeOf(world, recovery.route);
  if (step.leg === 'out') return { from: main, topics: recovery.topics, to: recovery.reverse, facts };
  const reverse = await routeOf(world, recovery.reverse ?? '');
  const topics = recovery.topics.map((topic) => targetTopicOf(main, topic));
  return { from: reverse, topics, to: main.name, facts };
}

export async function routeOf(world: StepContext['world'], name: string): Promise<Route> {
  const stored = await world.fleet.route(name);
  if (stored !== undefined) return stored.value;
  throw new CausewayError('ROUTE_UNKNOWN', `route ${name} does not exist any more`, {
    place: { route: name },
    fix: 'Abort the program, or make the route again.',
  });
}

/** The entries of the leg's topics. @throws TOPIC_UNKNOWN: one was removed */
export async function entriesOf(
  context: Pick<StepContext, 'world'>,
  { from, topics }: Pick<LegSide, 'from' | 'topics'>,
): Promise<readonly Stored<TopicEntry>[]> {
  const entries = await entriesLeft(context, { from, topics });
  return topics.map((topic) => {
    const entry = entries.get(topic);
    if (entry !== undefined) return entry;
    throw new CausewayError('TOPIC_UNKNOWN', 'the topic was removed from the route while the program ran', {
      place: { route: from.name, topic },
      fix: 'Abort the program, and begin another one.',
    });
  });
}

/** Entries of those of the leg's topics that nobody removed meanwhile, by topic. */
export async function entriesLeft(
  { world }: Pick<StepContext, 'world'>,
  { from, topics }: Pick<LegSide, 'from' | 'topics'>,
): Promise<ReadonlyMap<string, Stored<TopicEntry>>> {
  const left = new Map<string, Stored<TopicEntry>>();
  for (const topic of topics) {
    const entry = await world.fleet.entry(from.name, topic);
    if (entry !== undefined) left.set(topic, entry);
  }
  return left;
}

/** One of the leg's topics as one of the clusters has it. */
export interface TopicThere {
  /** As it is called at the source. */
  readonly sourceTopic: string;
  /** As it is called at this cluster. */
  readonly topic: string;
  readonly topicId: string | null;
  /** That the cluster has. */
  readonly partitions: number;
  /** Whether this partition of the source is to be copied, if it is there. */
  isWanted(partition: number): boolean;
}

/** @throws CLUSTER_UNREACHABLE, TOPIC_UNKNOWN */
export async function topicsAt(
  context: Pick<StepContext, 'world'>,
  side: Pick<LegSide, 'from' | 'topics'>,
  end: 'source' | 'target',
): Promise<readonly TopicThere[]> {
  const { world } = context;
  const { from } = side;
  const names = side.topics.map((topic) => (end === 'source' ? topic : targetTopicOf(from, topic)));
  const cluster = end === 'source' ? from.source : from.target;
  const snapshot = await world.metadata.describe(cluster, names);
  const entries = await entriesOf(context, side);
  return await Promise.all(
    side.topics.map(async (sourceTopic, i) => {
      const topic = names[i] as string;
      const info = snapshot.topics.get(topic);
      if (info === undefined || info === 'absent' || info === 'unknown') {
        throw new CausewayError('CLUSTER_UNREACHABLE', `the cluster does not describe topic ${topic}`, {
          place: { cluster, topic },
          fix: 'Check that it is there, has leaders, and that Causeway may describe it.',
        });
      }
      const wanted = entries[i]?.value.partitions ?? 'all';
      const excluded = await world.fleet.excluded(from.name, sourceTopic);
      const { topicId, partitions } = info;
      const isWanted = (partition: number): boolean =>
        (wanted === 'all' || partition < wanted) && !excluded.has(partition);
      return { sourceTopic, topic, topicId, partitions, isWanted };
    }),
  );
}

/** The source's log ends now, markers and open transactions included. */
export async function sourceEnds(context: Pick<StepContext, 'world'>, side: LegSide): Promise<readonly KnownEnd[]> {
  const topics = await topicsAt(context, side, 'source');
  const places = topics.flatMap(({ topic, partitions, isWanted }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })).filter((one) =>
      isWanted(one.partition),
    ),
  );
  const ends = await context.world.lens.ends(side.from.source, places, 'read_uncommitted');
  return places.map(({ topic, partition }) => ({
    topic,
    partition,
    end: ends.get(partitionKey(topic, partition)) ?? 0n,
  }));
}
