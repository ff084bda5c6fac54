import type { PartitionBreak, TimelineOrigin } from './continuity.js';

export const FIRST_TIMELINE = 1;

/**
 * What the leader remembers of one mirrored topic beyond the checkpoints: which partitions ever started and on which timeline.
 * Survives the topic's removal and re-adding, so that re-adding resumes (exactly-once.md 4.2, 4.4).
 */
export interface TopicProgress {
  readonly route: string;
  readonly topic: string;
  /** The incarnation of the source topic this is about (canonical UUID text), null where the source has no topic ids. */
  readonly sourceTopicId: string | null;
  readonly targetTopic: string;
  /** Positions are those of a transactional route. */
  readonly transactional?: true;
  /** The incarnation of the target topic that was copied into; null while nothing was, or where the target has no topic ids. */
  readonly targetTopicId?: string | null;
  /** Timeline of every partition but those in `breaks`; FIRST_TIMELINE at first. */
  readonly timeline: number;
  /** How that timeline began, where it is not the first. */
  readonly origin?: TimelineOrigin;
  /** With an origin at the position: the partitions that had one; others begin as partitions that were added. */
  readonly carried?: readonly number[];
  /** With an origin: partitions whose former timeline was another than its `former`. */
  readonly formers?: readonly { readonly partition: number; readonly timeline: number }[];
  /** Partitions with a timeline of their own, one entry each, ascending. */
  readonly breaks?: readonly PartitionBreak[];
  /** Partitions whose first checkpoint was reported committed, ascending. */
  readonly started: readonly number[];
  /** Partitions of the topic when it was first mirrored: those beyond begin at offset 0 whatever the route's start says (4.5). */
  readonly initialPartitions: number;
}

export function timelineOf(
  { timeline, breaks }: Pick<TopicProgress, 'timeline' | 'breaks'>,
  partition: number,
): number {
  return breaks?.find((one) => one.partition === partition)?.timeline ?? timeline;
}
