import type { AssignmentItem } from '../../common/model/assignment.js';
import type { SkipOrder } from '../../common/model/gap.js';
import { type RateLimits, type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import { findConflicts, type PlacedEntry } from './conflicts.js';
import type { Problem } from './problem.js';

/** A topic as its cluster shows it. `unknown`: the cluster has not answered (yet), which is not the same as absent. */
export type TopicFact =
  | { readonly state: 'unknown' }
  | { readonly state: 'absent' }
  | { readonly state: 'present'; readonly topicId: string | null; readonly partitions: number };

/**
 * The target of an exactly-once route has not shown that it refuses what a fenced lane still sends (exactly-once.md 5.7). `pending`: it
 * has not been asked to the end; `failed`: it cannot.
 */
export interface Unproven {
  readonly state: 'pending' | 'failed';
  /** For people; absent while there is nothing to say. */
  readonly message?: string;
}

export interface TopicFacts {
  readonly source: TopicFact;
  readonly target: TopicFact;
  readonly unproven?: Unproven;
}

export interface DesiredInput {
  readonly routes: ReadonlyMap<string, Route>;
  /** Routes whose node cannot be read: what they have assigned stays as it is. */
  readonly unreadableRoutes: ReadonlySet<string>;
  readonly entries: readonly { readonly entry: TopicEntry; readonly order: bigint }[];
  /** Entries (`route/topic`) whose node cannot be read. */
  readonly unreadableEntries: ReadonlySet<string>;
  /** Partitions that are not to be copied, by `route/topic`. */
  readonly exclusions: ReadonlyMap<string, readonly number[]>;
  readonly unreadableExclusions: ReadonlySet<string>;
  readonly progress: ReadonlyMap<string, TopicProgress>;
  readonly unreadableProgress: ReadonlySet<string>;
  readonly facts: (route: Route, topic: string, targetTopic: string) => TopicFacts;
}

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

/** A target topic that has to be made or to grow before the topic's partitions can be assigned. */
export interface TargetNeed {
  readonly route: Route;
  readonly topic: string;
  readonly targetTopic: string;
  /** Partitions it must have. */
  readonly partitions: number;
  /** 0: it does not exist. */
  readonly existing: number;
  /** Of a topic of Causeway's own; absent: the source topic's. */
  readonly configs?: Readonly<Record<string, string>>;
}

export interface Desired {
  readonly topics: ReadonlyMap<string, DesiredTopic>;
  /** Topics about which too little is known: what is assigned stays exactly as it is. */
  readonly untouchable: ReadonlySet<string>;
  readonly problems: readonly Problem[];
  /** Progress nodes to make (or to begin anew) before their topics can be assigned. */
  readonly newProgress: readonly TopicProgress[];
  readonly needs: readonly TargetNeed[];
}

/** What should be mirrored, as far as it can be known. Absence of metadata never takes anything away. */
export function desiredTopics(input: DesiredInput): Desired {
  const topics = new Map<string, DesiredTopic>();
  const untouchable = new Set<string>(input.unreadableEntries);
  const problems: Problem[] = [];
  const newProgress: TopicProgress[] = [];
  const needs: TargetNeed[] = [];
  const placed = placeEntries(input, untouchable, problems);
  const conflicts = findConflicts(placed);
  for (const { route, entry } of placed) {
    const key = `${route.name}/${entry.topic}`;
    const place = { route: route.name, topic: entry.topic };
    const conflict = conflicts.get(key);
    if (conflict !== undefined) {
      problems.push({ ...place, code: 'TARGET_CONFLICT', message: conflict.message });
      continue;
    }
    const unreadable = unreadablePart(input, key);
    if (unreadable !== undefined) {
      problems.push({ ...place, code: 'NODE_CORRUPT', message: `${unreadable} cannot be read` });
      untouchable.add(key);
      continue;
    }
    const targetTopic = targetTopicOf(route, entry.topic);
    const facts = input.facts(route, entry.topic, targetTopic);
    const { unproven } = facts;
    if (unproven?.message !== undefined) {
      problems.push({ ...place, code: 'DELIVERY_UNPROVEN', message: unproven.message });
    }
    if (unproven?.state === 'failed') {
      // What was begun when it could, goes on; nothing is begun.
      untouchable.add(key);
      continue;
    }
    const progress = input.progress.get(key);
    const fresh = firstProgress(route, entry, targetTopic, progress, facts.source);
    if (fresh !== undefined) newProgress.push(fresh);
    const need = targetNeed(route, entry, targetTopic, progress, facts);
    if (need !== undefined) needs.push(need);
    if (progress === undefined || progress.targetTopic !== targetTopic) {
      if (fresh === undefined) problems.push(...sourceProblems(place, route, facts.source));
      continue;
    }
    const excluded = new Set(input.exclusions.get(key));
    topics.set(key, describeTopic({ key, route, entry, targetTopic, excluded, progress, facts, problems }));
  }
  return { topics, untouchable, problems, newProgress, needs };
}

function unreadablePart(input: DesiredInput, key: string): string | undefined {
  if (input.unreadableProgress.has(key)) return 'its progress node';
  return input.unreadableExclusions.has(key) ? 'the list of its excluded partitions' : undefined;
}

function placeEntries(input: DesiredInput, untouchable: Set<string>, problems: Problem[]): PlacedEntry[] {
  const placed: PlacedEntry[] = [];
  for (const { entry, order } of input.entries) {
    const route = input.routes.get(entry.route);
    if (route !== undefined) {
      placed.push({ route, entry, order });
      continue;
    }
    const place = { route: entry.route, topic: entry.topic };
    if (input.unreadableRoutes.has(entry.route)) {
      untouchable.add(`${entry.route}/${entry.topic}`);
      problems.push({ ...place, code: 'NODE_CORRUPT', message: 'the node of its route cannot be read' });
    } else {
      problems.push({ ...place, code: 'ROUTE_UNKNOWN', message: 'its route does not exist' });
    }
  }
  return placed;
}

/** The progress node to write before this topic can be assigned, where one is due and the source has told enough. */
function firstProgress(
  route: Route,
  entry: TopicEntry,
  targetTopic: string,
  before: TopicProgress | undefined,
  source: TopicFact,
): TopicProgress | undefined {
  if (source.state !== 'present') return undefined;
  const renamed = before !== undefined && before.targetTopic !== targetTopic;
  if (before !== undefined && !renamed) {
    const identified = before.sourceTopicId === null && source.topicId !== null;
    return identified ? { ...before, sourceTopicId: source.topicId } : undefined;
  }
  return {
    route: route.name,
    topic: entry.topic,
    sourceTopicId: source.topicId,
    targetTopic,
    // Another target topic is another continuity: checkpoints of the old one must not count (exactly-once.md 4.2, 6.5).
    timeline: before === undefined ? 1 : before.timeline + 1,
    started: [],
    initialPartitions: source.partitions,
  };
}

function isRecreated(progress: TopicProgress | undefined, source: TopicFact): boolean {
  return (
    source.state === 'present' &&
    source.topicId !== null &&
    progress !== undefined &&
    progress.sourceTopicId !== null &&
    source.topicId !== progress.sourceTopicId
  );
}

function targetNeed(
  route: Route,
  entry: TopicEntry,
  targetTopic: string,
  progress: TopicProgress | undefined,
  { source, target }: TopicFacts,
): TargetNeed | undefined {
  if (source.state !== 'present' || target.state === 'unknown' || isRecreated(progress, source)) return undefined;
  const existing = target.state === 'present' ? target.partitions : 0;
  // The whole source topic, not only the partitions asked for: keys hash over all of them at both ends alike.
  const asked = entry.partitions === 'all' ? source.partitions : Math.min(entry.partitions, source.partitions);
  const partitions = route.targetTopics.create ? source.partitions : asked;
  return existing >= partitions ? undefined : { route, topic: entry.topic, targetTopic, partitions, existing };
}

function sourceProblems(place: { route: string; topic: string }, route: Route, source: TopicFact): Problem[] {
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

function describeTopic({
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
