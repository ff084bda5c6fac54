import type { Checkpoint } from '../../common/model/checkpoint.js';
import { mergesPartitions, targetPartitionsOf } from '../../common/model/record-rules.js';
import type { CommonPoint, EvidenceRow, KnownEnd } from '../../common/model/recovery.js';
import type { Route } from '../../common/model/route.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';

/** One partition after its workers let go of it. */
export interface SettledPartition {
  readonly topic: string;
  readonly targetTopic: string;
  readonly partition: number;
  /** Of its present timeline; undefined: it never began. */
  readonly checkpoint: Checkpoint | undefined;
  readonly targetEnd: bigint;
  readonly sourceTopicId: string | null;
  readonly targetTopicId: string | null;
}

/**
 * Where what both logs have in common ends. Where its last lane let go the pair is exact: what lies behind it is nothing of ours, but markers
 * or records that others wrote there meanwhile, and those are to be copied back. Where a lane was fenced instead, more than the checkpoint
 * says may have been copied.
 */
export function commonPoint(settled: SettledPartition): CommonPoint {
  const { topic, targetTopic, partition, checkpoint, targetEnd, sourceTopicId, targetTopicId } = settled;
  const place = { topic, targetTopic, partition, target: targetEnd, sourceTopicId, targetTopicId };
  // Nothing of it was copied: whatever the target has is its own.
  if (checkpoint === undefined) return { ...place, source: 0n, pairTarget: targetEnd, exact: false };
  const exact = checkpoint.released || targetEnd === checkpoint.targetOffset;
  const target = exact ? checkpoint.targetOffset : targetEnd;
  return { ...place, target, source: checkpoint.sourceOffset, pairTarget: checkpoint.targetOffset, exact };
}

/**
 * Source partitions that are known though the source is not asked: those that were there at first, those that have begun since, and those
 * whose end was seen. Where several are copied into one target partition the target does not tell them.
 */
export function rememberedPartitions(
  progress: Pick<TopicProgress, 'started' | 'initialPartitions'> | undefined,
  seen: readonly Pick<KnownEnd, 'partition'>[],
): readonly number[] {
  const first = Array.from({ length: progress?.initialPartitions ?? 0 }, (_, partition) => partition);
  const numbers = new Set([...first, ...(progress?.started ?? []), ...seen.map(({ partition }) => partition)]);
  return [...numbers].sort((a, b) => a - b);
}

/** The target topic has the partitions that it should; where several share one, topics of different sizes may meet there. */
export function isInStep(
  { partitionMapping }: Pick<Route, 'partitionMapping'>,
  { source, target }: { readonly source: number; readonly target: number },
): boolean {
  if (!mergesPartitions(partitionMapping)) return source === target;
  return target >= targetPartitionsOf(partitionMapping, source);
}

/** The inverse of a stop: partitions whose copies do not reach the source's end. */
export function notDrained(points: readonly CommonPoint[], ends: readonly KnownEnd[]): readonly EvidenceRow[] {
  const reached = new Map(points.map((point) => [partitionKey(point.topic, point.partition), point]));
  return ends.flatMap(({ topic, partition, end }) => {
    const point = reached.get(partitionKey(topic, partition));
    // An empty partition that never began has nothing to lose.
    if (end === 0n || (point !== undefined && point.source >= end)) return [];
    return [{ topic, partition, copied: String(point?.source ?? 0n), end: String(end) }];
  });
}

/** Log ends that are not what they were. */
export function movedEnds(before: readonly KnownEnd[], now: readonly KnownEnd[]): readonly EvidenceRow[] {
  const known = new Map(before.map(({ topic, partition, end }) => [partitionKey(topic, partition), end]));
  return now.flatMap(({ topic, partition, end }) => {
    const was = known.get(partitionKey(topic, partition));
    return was === end ? [] : [{ topic, partition, was: was === undefined ? null : String(was), is: String(end) }];
  });
}

/** What is lost where the source never comes back, by the ends as they were seen last; `records` counts offsets, markers included. */
export interface LostRecords {
  readonly topic: string;
  /** Null: the source's end of some partition was never seen. */
  readonly records: number | null;
  readonly partitions: number;
  /** Partitions whose source's end was never seen: any number may be lost of them. */
  readonly unknown: number;
}

export function lostRecords(points: readonly CommonPoint[], known: readonly KnownEnd[]): readonly LostRecords[] {
  const ends = new Map(known.map(({ topic, partition, end }) => [partitionKey(topic, partition), end]));
  const topics = new Map<string, LostRecords>();
  for (const { topic, partition, source } of points) {
    const end = ends.get(partitionKey(topic, partition));
    const before = topics.get(topic) ?? { topic, records: 0, partitions: 0, unknown: 0 };
    const lost = end === undefined ? null : end > source ? Number(end - source) : 0;
    topics.set(topic, {
      topic,
      records: lost === null || before.records === null ? null : before.records + lost,
      partitions: before.partitions + 1,
      unknown: before.unknown + (lost === null ? 1 : 0),
    });
  }
  return [...topics.values()];
}

/** The later of two sights of each partition's end: a log only grows. */
export function latestEnds(...sights: readonly (readonly KnownEnd[])[]): readonly KnownEnd[] {
  const found = new Map<string, KnownEnd>();
  for (const sight of sights.flat()) {
    const key = partitionKey(sight.topic, sight.partition);
    const before = found.get(key);
    if (before === undefined || sight.end > before.end) found.set(key, sight);
  }
  return [...found.values()];
}
