import { type BreakCause, DEFAULT_CONTINUITY, type ResolveOrder } from '../../common/model/continuity.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import { type TopicProgress, timelineOf } from '../../common/model/topic-progress.js';
import type { Problem } from './problem.js';
import type { TopicFact, TopicFacts } from './topic-facts.js';

/** Is the topic still the one whose copying is recorded? What follows from it (design.md 5.3, exactly-once.md 4.2). */
export interface ContinuityVerdict {
  /** To be written before anything else: a new timeline, or more that is known of the present one. */
  readonly progress?: TopicProgress;
  /** Why its partitions are kept from being copied. */
  readonly hold?: Pick<Problem, 'code' | 'message'>;
  readonly problems: readonly Pick<Problem, 'code' | 'message'>[];
  /** Its target topic is gone, and is not to be made anew. */
  readonly leavesTarget: boolean;
  /** Its source topic was mirrored and is gone; its problem says so. */
  readonly isSourceGone: boolean;
  /** And its partitions are to be taken off their workers. */
  readonly isOver: boolean;
}

export interface ContinuityQuestion {
  readonly route: Route;
  readonly entry: Pick<TopicEntry, 'resolutions'>;
  readonly progress: TopicProgress;
  readonly facts: Pick<TopicFacts, 'source' | 'target'>;
}

const FINE: ContinuityVerdict = { problems: [], leavesTarget: false, isSourceGone: false, isOver: false };

/** What an operator ordered about the partition in its present timeline; a word on the partition itself goes first. */
export function resolutionOf(
  topic: Pick<TopicEntry, 'resolutions'> & Pick<TopicProgress, 'timeline' | 'breaks'>,
  partition: number,
): ResolveOrder | undefined {
  const { resolutions } = topic;
  if (resolutions === undefined) return undefined;
  const timeline = timelineOf(topic, partition);
  return (
    resolutions.find((order) => order.partition === partition && order.timeline === timeline) ??
    resolutions.find((order) => order.partition === null && order.timeline === timeline)
  );
}

export function judgeContinuity(question: ContinuityQuestion): ContinuityVerdict {
  const { entry, progress, facts } = question;
  const order = orderOfTopic(entry, progress);
  if (order?.action === 'restart' && facts.source.state === 'present') {
    return { ...FINE, progress: restarted(question, restartCause(question)) };
  }
  const restarts = restartedPartitions(entry, progress);
  if (restarts !== undefined) return { ...FINE, progress: restarts };
  if (isOther(progress.sourceTopicId, facts.source)) return sourceRecreated(question);
  const target = targetVerdict(question, order);
  if (facts.source.state !== 'absent' || progress.started.length === 0) return target;
  const code = 'SOURCE_TOPIC_DELETED';
  const message = `cluster ${question.route.source} does not have the topic any more; the target keeps what was copied`;
  const isOver = policyOf(question.route).sourceDeleted === 'stop';
  return { ...target, problems: [...target.problems, { code, message }], isSourceGone: true, isOver };
}

/** The next number that no partition of the topic ever had. */
export function nextTimeline({ timeline, breaks = [] }: TopicProgress): number {
  return Math.max(timeline, ...breaks.map((one) => one.timeline)) + 1;
}

function sourceRecreated(question: ContinuityQuestion): ContinuityVerdict {
  const { route, progress, facts } = question;
  if (policyOf(route).sourceRecreated === 'restart') {
    return { ...FINE, progress: restarted(question, 'source-recreated') };
  }
  const hold = {
    code: 'SOURCE_RECREATED',
    message: `the source topic was deleted and created again (topic id ${progress.sourceTopicId} before, ${idOf(facts.source)} now); its partitions are paused so that two topics are not mixed`,
  } as const;
  return { ...FINE, hold, problems: [hold] };
}

function targetVerdict(question: ContinuityQuestion, order: ResolveOrder | undefined): ContinuityVerdict {
  const { route, progress, facts } = question;
  const { target } = facts;
  const known = progress.targetTopicId ?? null;
  const hasCopies = progress.started.length > 0;
  const action = order?.action ?? policyOf(route).targetRecreated;
  if (isOther(known, target)) {
    // What was made anew before anything was copied lost nothing.
    if (!hasCopies) return { ...FINE, progress: { ...progress, targetTopicId: idOf(target) } };
    if (action !== 'pause') return { ...FINE, progress: renewedTarget(question, action) };
    const message = `target topic ${progress.targetTopic} was deleted and created again (topic id ${known} before, ${idOf(target)} now): what was copied is gone; its partitions are paused`;
    const hold = { code: 'TARGET_TOPIC_RECREATED', message } as const;
    return { ...FINE, hold, problems: [hold] };
  }
  if (target.state === 'absent' && hasCopies && action === 'pause') {
    const message = `target topic ${progress.targetTopic} was deleted with what was copied, and is not made anew: continuity.targetRecreated is pause`;
    return { ...FINE, leavesTarget: true, problems: [{ code: 'TARGET_TOPIC_DELETED', message }] };
  }
  if (known === null && hasCopies && idOf(target) !== null) {
    return { ...FINE, progress: { ...progress, targetTopicId: idOf(target) } };
  }
  return FINE;
}

function renewedTarget(question: ContinuityQuestion, action: 'restart' | 'continue'): TopicProgress {
  const { progress, facts } = question;
  if (action === 'restart') return restarted(question, 'target-recreated');
  const { route, topic, sourceTopicId, targetTopic, initialPartitions, started } = progress;
  return {
    ...{ route, topic, sourceTopicId, targetTopic, initialPartitions },
    ...keptOf(progress),
    targetTopicId: idOf(facts.target),
    timeline: nextTimeline(progress),
    origin: { cause: 'target-recreated', from: 'position', former: progress.timeline },
    ...formersOf(progress),
    carried: started,
    started: [],
  };
}

/** Copied anew from its start; what the target has of it stays where it is. */
function restarted({ progress, facts }: ContinuityQuestion, cause: BreakCause): TopicProgress {
  const { route, topic, sourceTopicId, targetTopic, initialPartitions } = progress;
  return {
    ...{ route, topic, targetTopic },
    ...keptOf(progress),
    sourceTopicId: idOf(facts.source) ?? sourceTopicId,
    targetTopicId: idOf(facts.target),
    timeline: nextTimeline(progress),
    origin: { cause, from: 'start', former: progress.timeline },
    ...formersOf(progress),
    started: [],
    // Nothing of a new topic has been seen: all of it is new, whatever the route's start says of topics that were there before.
    initialPartitions: cause === 'source-recreated' ? 0 : initialPartitions,
  };
}

/** How positions are kept: no break changes that. */
function keptOf({ transactional }: TopicProgress): Pick<TopicProgress, 'transactional'> {
  return transactional === undefined ? {} : { transactional };
}

function formersOf({ breaks = [] }: TopicProgress): Pick<TopicProgress, 'formers'> {
  if (breaks.length === 0) return {};
  return { formers: breaks.map(({ partition, timeline }) => ({ partition, timeline })) };
}

function restartCause({ progress, facts }: ContinuityQuestion): BreakCause {
  if (isOther(progress.sourceTopicId, facts.source)) return 'source-recreated';
  return isOther(progress.targetTopicId ?? null, facts.target) ? 'target-recreated' : 'operator';
}

/** Single partitions that an operator has copied anew; undefined: none. */
function restartedPartitions(
  { resolutions = [] }: Pick<TopicEntry, 'resolutions'>,
  progress: TopicProgress,
): TopicProgress | undefined {
  let next: TopicProgress | undefined;
  for (const { partition, action, timeline } of resolutions) {
    if (partition === null || action !== 'restart' || timelineOf(progress, partition) !== timeline) continue;
    next = withBreak(next ?? progress, { partition, cause: 'operator', from: 'start' });
  }
  return next;
}

/** The partition begins a timeline of its own. */
export function withBreak(
  progress: TopicProgress,
  {
    partition,
    cause,
    from,
  }: { readonly partition: number; readonly cause: BreakCause; readonly from: 'start' | bigint },
): TopicProgress {
  const others = (progress.breaks ?? []).filter((one) => one.partition !== partition);
  const former = timelineOf(progress, partition);
  const own = { partition, timeline: former + 1, cause, from, former };
  return {
    ...progress,
    breaks: [...others, own].sort((a, b) => a.partition - b.partition),
    started: progress.started.filter((started) => started !== partition),
  };
}

function orderOfTopic(
  { resolutions = [] }: Pick<TopicEntry, 'resolutions'>,
  { timeline }: TopicProgress,
): ResolveOrder | undefined {
  return resolutions.find((order) => order.partition === null && order.timeline === timeline);
}

function policyOf({ continuity }: Route): NonNullable<Route['continuity']> {
  return continuity ?? DEFAULT_CONTINUITY;
}

function idOf(fact: TopicFact): string | null {
  return fact.state === 'present' ? fact.topicId : null;
}

/** Known to be another incarnation than the recorded one. */
export function isOther(recorded: string | null, fact: TopicFact): boolean {
  const id = idOf(fact);
  return recorded !== null && id !== null && id !== recorded;
}
