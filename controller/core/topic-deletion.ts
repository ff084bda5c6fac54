import { divertedTopics } from '../../common/model/record-rules.js';
import { isRetired, type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import type { DeletionPolicy } from '../../common/model/topic-sync.js';
import type { ClusterIdentity } from './cluster-identity.js';
import { compareText } from './text-order.js';
import type { DriftFact } from './topic-drift.js';

/** A target topic that might be deleted because its source topic is gone. */
export interface DeletionQuestion {
  readonly route: Route;
  readonly topic: string;
  readonly target: DriftFact;
  /** What the leader remembers of its copying. */
  readonly progress: TopicProgress | undefined;
  readonly routes: readonly Route[];
  /** Of all routes into the same cluster. */
  readonly entries: readonly TopicEntry[];
  readonly identity: ClusterIdentity;
}

/** Why the target topic is not this route's alone to delete; undefined: it is. */
export function deletionFault(question: DeletionQuestion): string | undefined {
  const { route, topic, target, progress } = question;
  const targetTopic = targetTopicOf(route, topic);
  if (route.targetTopics.shared === true) return 'targetTopics.shared says that others write into it';
  if (progress === undefined || progress.started.length === 0) return 'nothing is known to have been copied into it';
  if (progress.targetTopic !== targetTopic) return `what was copied went into ${progress.targetTopic}`;
  const copied = progress.targetTopicId ?? null;
  const present = typeof target === 'object' ? target.topicId : null;
  if (copied === null || copied !== present) return 'it is not known to be the topic that was copied into';
  return writerBeside(question, targetTopic);
}

/** Who else may put records there. */
function writerBeside(
  { route, topic, routes, entries, identity }: DeletionQuestion,
  targetTopic: string,
): string | undefined {
  for (const other of routes) {
    if (identity(other.target) !== identity(route.target)) continue;
    if (other.deadLetterTopic === targetTopic) return `it takes the dead letters of route ${other.name}`;
    if (divertedTopics(other).has(targetTopic)) return `the rules of route ${other.name} send records there`;
    const rival = entries.find(
      (entry) =>
        entry.route === other.name &&
        !(other.name === route.name && entry.topic === topic) &&
        !isRetired(entry) &&
        targetTopicOf(other, entry.topic) === targetTopic,
    );
    if (rival !== undefined) return `topic ${rival.topic} of route ${other.name} is mirrored into it as well`;
  }
  return undefined;
}

export interface Sweep {
  /** Gone for long enough. */
  readonly due: readonly string[];
  /** Why none is deleted by itself although some are due. */
  readonly held?: string;
}

/** A single topic is somebody's decision; many at once may be an accident. */
const ALWAYS_FEW = 1;

/**
 * Which of a route's topics are to be deleted now.
 * @param gone since when each source topic is gone, in ms of the wall clock
 * @param total topics of the route, those that are gone included
 */
export function deletionSweep(
  { delayMs, maxTopics, maxPercent }: DeletionPolicy,
  gone: ReadonlyMap<string, number>,
  { total, nowMs }: { readonly total: number; readonly nowMs: number },
): Sweep {
  const due = [...gone].filter(([, sinceMs]) => nowMs - sinceMs >= delayMs).map(([topic]) => topic);
  if (due.length === 0) return { due };
  const percent = (100 * gone.size) / Math.max(1, total);
  if (gone.size > maxTopics)
    return { due: [], held: `${gone.size} source topics are gone, more than maxTopics (${maxTopics})` };
  if (gone.size > ALWAYS_FEW && percent > maxPercent) {
    const share = `${gone.size} of ${total} source topics are gone`;
    return { due: [], held: `${share}, more than maxPercent (${maxPercent} %)` };
  }
  return { due: due.sort(compareText) };
}
