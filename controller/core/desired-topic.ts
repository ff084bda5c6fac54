import type { AssignmentItem } from '../../common/model/assignment.js';
import type { SkipOrder } from '../../common/model/gap.js';
import type { RateLimits, Route, TopicEntry } from '../../common/model/route.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import type { Problem } from './problem.js';
import type { TopicFact, TopicFacts } from './topic-facts.js';

/** One topic that should be mirrored, with all a partition's assignment item needs. */
export interface DesiredTopic {
  readonly key: string;
  readonly route: Route;
  readonly topic: string;
  readonly targetTopic: string;
  readonly sourceTopicId: string | null;
  readonly timeline: number;
  readonly started: ReadonlySet<number>;
  readonly initialPartitions: number;
  readonly paused: boolean;
  /** Partitions that nobody is to copy. */
  readonly excluded: ReadonlySet<number>;
  readonly skips: readonly SkipOrder[];
  readonly limits: RateLimits;
  /** Partitions [0, assignable), and those that started once, may be given to a worker now; those assigned beyond stay up to `limit`. */
  readonly assignable: number;
  readonly limit: number;
}

/** Another topic of the same name is at the source now. */
export function isRecreated(progress: TopicProgress | undefined, source: TopicFact): boolean {
  return (
    source.state === 'present' &&
    source.topicId !== null &&
    progress !== undefined &&
    progress.sourceTopicId !== null &&
    source.topicId !== progress.sourceTopicId
  );
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
  readonly progress: TopicProgress;
  readonly facts: TopicFacts;
  readonly problems: Problem[];
}

/** The topic as its entry, its progress and the clusters have it; says what is wrong with it. */
export function describeTopic({
  key,
  route,
  entry,
  targetTopic,
  excluded,
  progress,
  facts,
  problems,
}: Described): DesiredTopic {
  const { source, target } = facts;
  const place = { route: route.name, topic: entry.topic };
  problems.push(...sourceProblems(place, route, source));
  const recreated = isRecreated(progress, source);
  if (recreated && source.state === 'present')
    problems.push({ ...place, code: 'SOURCE_RECREATED', message: recreatedMessage(progress, source) });
  const limit = entry.partitions === 'all' ? Number.POSITIVE_INFINITY : entry.partitions;
  const wanted = source.state === 'present' && !recreated ? Math.min(limit, source.partitions) : 0;
  const ready = target.state === 'present' ? target.partitions : 0;
  if (wanted > ready) {
    const message = `target topic ${targetTopic} has ${ready} of ${wanted} partitions`;
    problems.push({ ...place, code: 'TARGET_NOT_READY', message });
  }
  return {
    key,
    route,
    topic: entry.topic,
    targetTopic,
    sourceTopicId: progress.sourceTopicId,
    timeline: progress.timeline,
    started: new Set(progress.started),
    initialPartitions: progress.initialPartitions,
    paused: entry.paused || recreated,
    excluded,
    skips: entry.skips,
    limits: entry.limits,
    assignable: facts.unproven === undefined ? Math.min(wanted, ready) : 0,
    limit,
  };
}

function recreatedMessage(progress: TopicProgress, source: { readonly topicId: string | null }): string {
  return `the source topic was deleted and created again (topic id ${progress.sourceTopicId} before, ${source.topicId} now); its partitions are paused so that two topics are not mixed`;
}

/** The assignment item of one partition of the topic. */
export function itemOf(topic: DesiredTopic, partition: number, state: AssignmentItem['state']): AssignmentItem {
  const skip = topic.skips.find((order) => order.partition === partition);
  return {
    route: topic.route.name,
    topic: topic.topic,
    partition,
    state,
    paused: topic.paused,
    sourceTopicId: topic.sourceTopicId,
    targetTopic: topic.targetTopic,
    timeline: topic.timeline,
    started: topic.started.has(partition),
    start: partition < topic.initialPartitions ? topic.route.start : 'beginning',
    ...(skip === undefined ? {} : { skip }),
  };
}
