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

/** @param expected partitions that should be copied, by topic: those nobody reports on are unknown, not zero */
export function rpoOf(expected: ReadonlyMap<string, number>, statuses: readonly PartitionStatus[]): RouteRpo {
  const byTopic = new Map<string, PartitionStatus[]>();
  for (const status of statuses) {
    const list = byTopic.get(status.topic);
    if (list === undefined) byTopic.set(status.topic, [status]);
    else list.push(status);
  }
  const topics = [...expected].map(([topic, partitions]) => topicRpo(topic, partitions, byTopic.get(topic) ?? []));
  return {
    topics,
    records: total(topics.map(({ records }) => records)),
    seconds: worst(topics.map(({ seconds }) => seconds)),
  };
}

function topicRpo(topic: string, partitions: number, statuses: readonly PartitionStatus[]): TopicRpo {
  const known = statuses.filter(({ lagRecords, lagSeconds }) => lagRecords >= 0 && lagSeconds >= 0);
  const unknown = Math.max(0, partitions - known.length);
  const records = known.reduce((sum, { lagRecords }) => sum + lagRecords, 0);
  const seconds = known.reduce((most, { lagSeconds }) => Math.max(most, lagSeconds), 0);
  return { topic, records: unknown > 0 ? null : records, seconds: unknown > 0 ? null : seconds, partitions, unknown };
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
