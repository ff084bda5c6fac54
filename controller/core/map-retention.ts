import type { MapPlace } from '../../common/model/offset-map-record.js';

/** Maps that nobody can ask about any more stay for this long after each of their records was written. */
export const MAP_RETENTION_MS = 7 * 24 * 3_600_000;
/** Of a partition, the maps of so many timelines stay for good: the present one and the one before. */
export const KEPT_TIMELINES = 2;

/** What the target says of a topic. `unsure`: it does not say. */
export type TargetTopicFact =
  | { readonly kind: 'there'; readonly topicId: string | null }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unsure' };

/**
 * Whether the map of a partition and timeline answers no question ever again: its target topic is gone, or another by the same name, or its
 * timeline lies far behind the present one, or its job was deleted: nobody can name that any more. A map of an existing topic that no route
 * copies into any more stays.
 * @param presentTimeline undefined: the store does not know the partition; 'forsaken': nor the job that copied it
 */
export function isMapDead(
  { targetTopicId, timeline }: Pick<MapPlace, 'targetTopicId' | 'timeline'>,
  topic: TargetTopicFact,
  presentTimeline: number | 'forsaken' | undefined,
): boolean {
  if (topic.kind === 'missing') return true;
  const isAnother = topic.kind === 'there' && topic.topicId !== null && targetTopicId !== null;
  if (isAnother && topic.topicId !== targetTopicId) return true;
  if (presentTimeline === 'forsaken') return true;
  return presentTimeline !== undefined && timeline <= presentTimeline - KEPT_TIMELINES;
}
