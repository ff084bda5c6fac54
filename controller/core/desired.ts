import { targetPartitionsOf } from '../../common/model/record-rules.js';
import { type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import type { ClusterIdentity } from './cluster-identity.js';
import { findConflicts, type PlacedEntry } from './conflicts.js';
import { isOther, judgeContinuity, nextTimeline } from './continuity.js';
import { type DesiredTopic, describeTopic, sourceProblems } from './desired-topic.js';
import type { HeldTargets } from './held-targets.js';
import type { Problem } from './problem.js';
import type { Standing } from './selection.js';
import type { TopicFact, TopicFacts } from './topic-facts.js';

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
  /** Mirrored topics (`route/topic`) that selections and deny lists speak against. */
  readonly standings: ReadonlyMap<string, Standing>;
  readonly facts: (route: Route, topic: string, targetTopic: string) => TopicFacts;
  /** Absent: every name is a cluster of its own. */
  readonly identity?: ClusterIdentity;
  /** Who writes where by the nodes of workers; asked when something is to begin. Absent: nobody. */
  readonly held?: () => HeldTargets;
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
  const conflicts = findConflicts(placed, input.identity);
  for (const { route, entry } of placed) {
    const key = `${route.name}/${entry.topic}`;
    const place = { route: route.name, topic: entry.topic };
    const conflict = conflicts.get(key);
    if (conflict !== undefined) {
      problems.push({ ...place, code: 'TARGET_CONFLICT', message: conflict.message });
      continue;
    }
    const standing = input.standings.get(key);
    if (standing !== undefined) problems.push({ ...place, code: standing.code, message: standing.message });
    const unreadable = unreadablePart(input, key);
    if (unreadable !== undefined) {
      problems.push({ ...place, code: 'NODE_CORRUPT', message: `${unreadable} cannot be read` });
      untouchable.add(key);
      continue;
    }
    const targetTopic = targetTopicOf(route, entry.topic);
    const facts = input.facts(route, entry.topic, targetTopic);
    const same = selfCopy(route, targetTopic, facts);
    if (same !== undefined) {
      problems.push({ ...place, code: 'TARGET_CONFLICT', message: same });
      continue;
    }
    const progress = input.progress.get(key);
    const fresh = firstProgress(route, entry, targetTopic, progress, facts.source);
    const isBeginning = fresh !== undefined && fresh.timeline !== progress?.timeline;
    const ending = isBeginning ? input.held?.().before(key, route, targetTopic) : undefined;
    if (ending !== undefined) problems.push({ ...place, code: 'TARGET_NOT_READY', message: ending });
    else if (fresh !== undefined) newProgress.push(fresh);
    if (progress === undefined || !isContinued(progress, route, targetTopic)) {
      const need = targetNeed(route, entry, targetTopic, facts);
      if (need !== undefined) needs.push(need);
      if (fresh === undefined) problems.push(...sourceProblems(place, route, facts.source));
      continue;
    }
    const continuity = judgeContinuity({ route, entry, progress, facts });
    if (continuity.progress !== undefined && fresh === undefined) newProgress.push(continuity.progress);
    problems.push(...continuity.problems.map((problem) => ({ ...place, ...problem })));
    if (!continuity.leavesTarget && !isOther(progress.sourceTopicId, facts.source)) {
      const need = targetNeed(route, entry, targetTopic, facts);
      if (need !== undefined) needs.push(need);
    }
    const excluded = new Set(input.exclusions.get(key));
    const stop = standing?.stops === true ? { code: standing.code, message: standing.message } : undefined;
    const described = { key, route, entry, targetTopic, excluded, stop, progress, facts, continuity, problems };
    topics.set(key, describeTopic(described));
  }
  return { topics, untouchable, problems, newProgress, needs };
}

/** Ids of topics are unique over all clusters: whatever the clusters are called, this would be written into itself. */
function selfCopy({ source, target }: Route, targetTopic: string, facts: TopicFacts): string | undefined {
  if (facts.source.state !== 'present' || facts.target.state !== 'present') return undefined;
  if (facts.source.topicId === null || facts.source.topicId !== facts.target.topicId) return undefined;
  return `topic ${targetTopic} of cluster ${target} is the very topic of cluster ${source} (topic id ${facts.source.topicId}): it would be written into itself`;
}

function unreadablePart(input: DesiredInput, key: string): string | undefined {
  if (input.unreadableProgress.has(key)) return 'its progress node';
  return input.unreadableExclusions.has(key) ? 'the list of its excluded partitions' : undefined;
}

function placeEntries(input: DesiredInput, untouchable: Set<string>, problems: Problem[]): PlacedEntry[] {
  const placed: PlacedEntry[] = [];
  for (const { entry, order } of input.entries) {
    // As if it were not there: its partitions are taken off their workers, and it is in nobody's way.
    if (entry.retired !== undefined) continue;
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
  if (before !== undefined && isContinued(before, route, targetTopic)) {
    const identified = before.sourceTopicId === null && source.topicId !== null;
    return identified ? { ...before, sourceTopicId: source.topicId } : undefined;
  }
  return {
    route: route.name,
    topic: entry.topic,
    sourceTopicId: source.topicId,
    targetTopic,
    ...(route.delivery === 'transactional' ? { transactional: true } : {}),
    timeline: before === undefined ? 1 : nextTimeline(before),
    started: [],
    // What came to be under the route's eyes is copied from its first record.
    initialPartitions: entry.origin === 'appeared' ? 0 : source.partitions,
  };
}

/** Another target topic is another continuity, and so is the other way to keep positions: those of before must not count (exactly-once.md 4.2, 6.5). */
function isContinued(progress: TopicProgress, { delivery }: Route, targetTopic: string): boolean {
  return progress.targetTopic === targetTopic && (progress.transactional === true) === (delivery === 'transactional');
}

/** Where numbers are folded the target has as many as they are folded into, whatever the source has now. */
export function neededPartitions({ partitionMapping, targetTopics }: Route, asked: number): number {
  const isMade = targetTopics.create && partitionMapping?.to === 'modulo';
  return isMade ? partitionMapping.partitions : targetPartitionsOf(partitionMapping, asked);
}

function targetNeed(
  route: Route,
  entry: TopicEntry,
  targetTopic: string,
  { source, target }: TopicFacts,
): TargetNeed | undefined {
  if (source.state !== 'present' || target.state === 'unknown') return undefined;
  const existing = target.state === 'present' ? target.partitions : 0;
  // The whole source topic, not only the partitions asked for: keys hash over all of them at both ends alike.
  const asked = entry.partitions === 'all' ? source.partitions : Math.min(entry.partitions, source.partitions);
  const partitions = neededPartitions(route, route.targetTopics.create ? source.partitions : asked);
  return existing >= partitions ? undefined : { route, topic: entry.topic, targetTopic, partitions, existing };
}
