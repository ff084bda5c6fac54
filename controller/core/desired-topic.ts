import type { AssignmentItem } from '../../common/model/assignment.js';
import type { PartitionBreak, ResolveOrder, TimelineOrigin } from '../../common/model/continuity.js';
import type { SkipOrder } from '../../common/model/gap.js';
import { targetPartitionsOf } from '../../common/model/record-rules.js';
import type { PartitionEnd, PartitionStart, RateLimits, Route, TopicEntry } from '../../common/model/route.js';
import { type TopicProgress, timelineOf } from '../../common/model/topic-progress.js';
import { type ContinuityVerdict, isOther, resolutionOf } from './continuity.js';
import type { Problem } from './problem.js';
import type { TopicFact, TopicFacts } from './topic-facts.js';

/** One topic that should be mirrored, with all a partition's assignment item needs. */
export interface DesiredTopic {
  readonly key: string;
  readonly route: Route;
  readonly topic: string;
  readonly targetTopic: string;
  readonly sourceTopicId: string | null;
  /** The target topic as it is there now; null or absent: not there, or not known. */
  readonly targetTopicId?: string | null;
  readonly timeline: number;
  readonly origin?: TimelineOrigin;
  readonly carried?: readonly number[];
  readonly formers?: readonly { readonly partition: number; readonly timeline: number }[];
  readonly breaks?: readonly PartitionBreak[];
  readonly started: ReadonlySet<number>;
  readonly initialPartitions: number;
  readonly paused: boolean;
  /** Why it is kept from being copied; `paused` then. */
  readonly hold?: { readonly code: string; readonly message: string };
  /** Partitions that nobody is to copy. */
  readonly excluded: ReadonlySet<number>;
  readonly skips: readonly SkipOrder[];
  readonly mapRebuildAt?: string;
  readonly resolutions?: readonly ResolveOrder[];
  readonly limits: RateLimits;
  readonly starts?: readonly PartitionStart[];
  readonly ends?: readonly PartitionEnd[];
  /** Partitions [0, assignable), and those that started once, may be given to a worker now; those assigned beyond stay up to `limit`. */
  readonly assignable: number;
  readonly limit: number;
  /** Brokers that lead its partitions at both ends, as far as they are known. */
  readonly leaders?: { readonly source?: readonly number[]; readonly target?: readonly number[] };
}

/** Why the source does not let the topic be mirrored. */
export function sourceProblems(place: { route: string; topic: string }, route: Route, source: TopicFact): Problem[] {
  if (source.state === 'unknown') {
    return [{ ...place, code: 'CLUSTER_UNREACHABLE', message: `cluster ${route.source} has not told its topics yet` }];
  }
  if (source.state === 'absent') {
    return [{ ...place, code: 'TOPIC_UNKNOWN_AT_SOURCE', message: `cluster ${route.source} has no such topic` }];
  }
  return [];
}

interface Described {
  readonly key: string;
  readonly route: Route;
  readonly entry: TopicEntry;
  readonly targetTopic: string;
  readonly excluded: ReadonlySet<number>;
  /** By a deny list, or because nothing selects it any more; undefined: it is not stopped. */
  readonly stop: { readonly code: string; readonly message: string } | undefined;
  readonly progress: TopicProgress;
  readonly facts: TopicFacts;
  readonly continuity: ContinuityVerdict;
  readonly problems: Problem[];
}

/** The topic as its entry, its progress and the clusters have it; says what is wrong with it. */
export function describeTopic({
  key,
  route,
  entry,
  targetTopic,
  excluded,
  stop,
  progress,
  facts,
  continuity,
  problems,
}: Described): DesiredTopic {
  const { source, target } = facts;
  const place = { route: route.name, topic: entry.topic };
  const hold = continuity.hold ?? stop;
  const { timeline, origin, carried, formers, breaks } = progress;
  if (!continuity.isSourceGone) problems.push(...sourceProblems(place, route, source));
  const limit = continuity.isOver ? 0 : limitOf(entry, progress, source);
  const isSame = !isOther(progress.sourceTopicId, source);
  const wanted = source.state === 'present' && isSame ? Math.min(limit, source.partitions) : 0;
  const existing = target.state === 'present' ? target.partitions : 0;
  const needed = targetPartitionsOf(route.partitionMapping, wanted);
  // Where numbers are folded, all of them lead into the first ones.
  const ready = existing >= needed ? wanted : Math.min(wanted, existing);
  if (existing < needed && !continuity.leavesTarget) {
    const message = `target topic ${targetTopic} has ${existing} of ${needed} partitions`;
    problems.push({ ...place, code: 'TARGET_NOT_READY', message });
  }
  return {
    key,
    route,
    topic: entry.topic,
    targetTopic,
    sourceTopicId: progress.sourceTopicId,
    targetTopicId: target.state === 'present' ? target.topicId : null,
    timeline,
    ...(origin === undefined ? {} : { origin }),
    ...(carried === undefined ? {} : { carried }),
    ...(formers === undefined ? {} : { formers }),
    ...(breaks === undefined ? {} : { breaks }),
    started: new Set(progress.started),
    initialPartitions: progress.initialPartitions,
    paused: entry.paused || hold !== undefined,
    ...(hold === undefined ? {} : { hold }),
    excluded,
    skips: entry.skips,
    ...(entry.resolutions === undefined ? {} : { resolutions: entry.resolutions }),
    limits: entry.limits,
    ...(entry.starts === undefined ? {} : { starts: entry.starts }),
    ...(entry.mapRebuildAt === undefined ? {} : { mapRebuildAt: entry.mapRebuildAt }),
    ...(entry.ends === undefined ? {} : { ends: entry.ends }),
    assignable: facts.unproven === undefined ? ready : 0,
    limit,
    leaders: { ...leadersOf('source', source), ...leadersOf('target', target) },
  };
}

function leadersOf(end: 'source' | 'target', fact: TopicFact): DesiredTopic['leaders'] {
  return fact.state === 'present' && fact.leaders !== undefined ? { [end]: fact.leaders } : {};
}

/** A topic that was made anew may have fewer partitions than before; within one incarnation they are never fewer. */
function limitOf(entry: TopicEntry, { origin, started }: TopicProgress, source: TopicFact): number {
  const limit = entry.partitions === 'all' ? Number.POSITIVE_INFINITY : entry.partitions;
  if (origin?.cause !== 'source-recreated' || source.state !== 'present') return limit;
  return Math.min(limit, Math.max(source.partitions, (started.at(-1) ?? -1) + 1));
}

/** How the partition's present timeline began; undefined: it is the first. */
function originOf({ breaks, origin, carried, formers }: DesiredTopic, partition: number): AssignmentItem['origin'] {
  const own = breaks?.find((one) => one.partition === partition);
  if (own !== undefined) return { cause: own.cause, from: own.from, former: own.former };
  if (origin === undefined || (origin.from === 'position' && carried?.includes(partition) !== true)) return undefined;
  const former = formers?.find((one) => one.partition === partition)?.timeline;
  return former === undefined ? origin : { ...origin, former };
}

/** An order about one partition holds for what was there when the topic was added: not for offsets of a topic that was made anew. */
function startOf(topic: DesiredTopic, partition: number): Pick<AssignmentItem, 'start' | 'startOffset'> {
  const own = topic.starts?.find((one) => one.partition === partition)?.from;
  if (partition >= topic.initialPartitions && own === undefined) return { start: 'beginning' };
  if (typeof own !== 'bigint') return { start: own ?? topic.route.start };
  return { start: topic.route.start, ...(topic.started.has(partition) ? {} : { startOffset: own }) };
}

/** The assignment item of one partition of the topic. */
export function itemOf(topic: DesiredTopic, partition: number, state: AssignmentItem['state']): AssignmentItem {
  const { hold } = topic;
  const skip = topic.skips.find((order) => order.partition === partition);
  const origin = originOf(topic, partition);
  const resolve = resolutionOf(topic, partition);
  const until = topic.ends?.find((end) => end.partition === partition)?.until;
  return {
    route: topic.route.name,
    topic: topic.topic,
    partition,
    state,
    paused: topic.paused,
    sourceTopicId: topic.sourceTopicId,
    targetTopic: topic.targetTopic,
    timeline: timelineOf(topic, partition),
    started: topic.started.has(partition),
    ...startOf(topic, partition),
    ...(until === undefined ? {} : { until }),
    ...(skip === undefined ? {} : { skip }),
    ...(origin === undefined ? {} : { origin }),
    ...(resolve === undefined ? {} : { resolve: { action: resolve.action, at: resolve.at } }),
    ...(topic.mapRebuildAt === undefined ? {} : { mapRebuildAt: topic.mapRebuildAt }),
    ...(hold === undefined ? {} : { hold }),
  };
}
