import type { KafkaRecord, RecordHeader } from '../../common/kafka/wire/records/record-codec.js';
import { type BrokenTimeline, type GapReason, MAX_GAP_DETAIL_LENGTH } from '../../common/model/gap.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { DeadLetter, PendingGap } from '../core/partition-queue.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

/** Version of the JSON form; grows with incompatible changes. */
const GAP_FORMAT = 1;

/**
 * The gap topic's record: JSON, keyed by what is left out (route, source topic incarnation, partition, first offset; or the timeline that
 * ended), so that a repetition replaces itself. Offsets are of the source, `lastOffset` inclusive; those of copies and `targetOffset`, from
 * which on the next timeline's copies lie, are of the target.
 */
export function gapRecord(
  { item, sourceTopicId, targetTopicId }: MirroredPartition,
  { gap, deadLetters }: PendingGap,
  worker: string,
  wallMs: number,
): KafkaRecord {
  const { route, topic, partition, targetTopic } = item;
  const { firstOffset, lastOffset, reason, detail, bound = 'exact', breaks } = gap;
  const { timeline } = breaks ?? item;
  const value = {
    v: GAP_FORMAT,
    kind: breaks?.kind ?? 'gap',
    route,
    topic,
    topicId: breaks === undefined ? sourceTopicId : breaks.sourceTopicId,
    partition,
    targetTopic,
    targetTopicId: breaks === undefined ? targetTopicId : breaks.targetTopicId,
    timeline,
    firstOffset: String(firstOffset),
    lastOffset: String(lastOffset),
    records: lastOffset - firstOffset + 1,
    bound,
    ...(breaks === undefined ? {} : breakFields(breaks, item.timeline)),
    reason,
    detail: detail.slice(0, MAX_GAP_DETAIL_LENGTH),
    deadLetters: deadLetters.length,
    worker,
    at: new Date(wallMs).toISOString(),
  };
  const what = breaks === undefined ? String(firstOffset) : `end-of-timeline-${timeline}`;
  return {
    key: Buffer.from(`${route}/${value.topicId ?? ''}/${partitionKey(topic, partition)}/${what}`),
    value: Buffer.from(JSON.stringify(value)),
    headers: [],
    timestamp: BigInt(Math.floor(wallMs)),
  };
}

function breakFields({ copies, targetOffset }: BrokenTimeline, nextTimeline: number): Record<string, unknown> {
  return {
    nextTimeline,
    targetOffset: String(targetOffset),
    ...(copies === undefined
      ? {}
      : { copiesFirstOffset: String(copies.firstOffset), copiesLastOffset: String(copies.lastOffset) }),
  };
}

/** The refused record with its own key, value and headers, and where it came from; its timestamp may be why it was refused. */
export function deadLetterRecord(
  { item }: MirroredPartition,
  { offset, record }: DeadLetter,
  reason: GapReason,
  wallMs: number,
): KafkaRecord {
  const header = (name: string, value: string | number | bigint): RecordHeader => [
    Buffer.from(`causeway.${name}`),
    Buffer.from(String(value)),
  ];
  return {
    key: record.key,
    value: record.value,
    headers: [
      ...record.headers,
      header('route', item.route),
      header('topic', item.topic),
      header('partition', item.partition),
      header('offset', offset),
      header('timestamp', record.timestamp),
      header('reason', reason),
    ],
    timestamp: BigInt(Math.floor(wallMs)),
  };
}
