import type { PartitionStatus } from '../../common/model/status.js';

/** What would be lost if the source were lost now, of one topic. */
export interface TopicRpo {
  readonly topic: string;
  /** Records that are not at the target yet; null: not known of some partition. */
  readonly records: number | null;
  /** Age of the oldest of them; null: not known. */
  readonly seconds: number | null;
  readonly partitions: number;
  /** Partitions whose lag nobody tells. */
  readonly unknown: number;
}

export interface RouteRpo {
  readonly topics: readonly TopicRpo[];
  /** Of the whole route; null where any part is unknown. */
  readonly records: number | null;
  readonly seconds: number | null;
}

/**
 * @param wanted partitions that should be copied, by topic; undefined: nobody can say which. Those that nobody reports on are unknown, not
 * zero: the sum of a part would pass for the whole.
 */
export function rpoOf(
  wanted: ReadonlyMap<string, ReadonlySet<number> | undefined>,
  statuses: readonly PartitionStatus[],
): RouteRpo {
  const byTopic = new Map<string, Map<number, PartitionStatus>>();
  for (const status of statuses) {
    const found = byTopic.get(status.topic) ?? new Map<number, PartitionStatus>();
    byTopic.set(status.topic, found.set(status.partition, status));
  }
  const topics = [...wanted].map(([topic, partitions]) => topicRpo(topic, partitions, byTopic.get(topic) ?? new Map()));
  return { topics, ...sumOf(topics) };
}

/** Of several topics together; null where any of them is unknown. */
export function sumOf(topics: readonly TopicRpo[]): Pick<RouteRpo, 'records' | 'seconds'> {
  return {
    records: total(topics.map(({ records }) => records)),
    seconds: worst(topics.map(({ seconds }) => seconds)),
  };
}

function topicRpo(
  topic: string,
  wanted: ReadonlySet<number> | undefined,
  statuses: ReadonlyMap<number, PartitionStatus>,
): TopicRpo {
  // Whose number nobody can say: one at least, and that one is not known.
  const all = new Set([...(wanted ?? []), ...statuses.keys()]);
  const known = [...statuses.values()].filter(
    ({ sourceEndOffset, lagRecords, lagSeconds }) => sourceEndOffset >= 0n && lagRecords >= 0 && lagSeconds >= 0,
  );
  const unknown = all.size - known.length + (wanted === undefined ? 1 : 0);
  const partitions = known.length + unknown;
  if (unknown > 0) return { topic, records: null, seconds: null, partitions, unknown };
  const records = known.reduce((sum, { lagRecords }) => sum + lagRecords, 0);
  const seconds = known.reduce((most, { lagSeconds }) => Math.max(most, lagSeconds), 0);
  return { topic, records, seconds, partitions, unknown };
}

function total(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((sum, value) => (sum === null || value === null ? null : sum + value), 0);
}

function worst(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (most, value) => (most === null || value === null ? null : Math.max(most, value)),
    0,
  );
}

/** The value that 99 of 100 samples do not exceed; null without samples. */
export function percentile99(samples: readonly number[]): number | null {
  if (samples.length === 0) return null;
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.99) - 1)] as number;
}
