import type { KafkaRecord, RecordHeader } from '../../common/kafka/wire/records/record-codec.js';
import { type GapReason, MAX_GAP_DETAIL_LENGTH } from '../../common/model/gap.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { DeadLetter, PendingGap } from '../core/partition-queue.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

/** Version of the JSON form; grows with incompatible changes. */
const GAP_FORMAT = 1;

/**
 * The gap topic's record: JSON, keyed by what is left out (route, source topic incarnation, partition, first offset), so that a
 * repetition replaces itself. Offsets are of the source, `lastOffset` inclusive.
 */
export function gapRecord(
  { item, sourceTopicId, targetTopicId }: MirroredPartition,
  { gap, deadLetters }: PendingGap,
  worker: string,
  wallMs: number,
): KafkaRecord {
  const { route, topic, partition, targetTopic, timeline } = item;
  const { firstOffset, lastOffset, reason, detail } = gap;
  const value = {
    v: GAP_FORMAT,
    route,
    topic,
    topicId: sourceTopicId,
    partition,
    targetTopic,
    targetTopicId,
    timeline,
    firstOffset: String(firstOffset),
    lastOffset: String(lastOffset),
    records: lastOffset - firstOffset + 1,
    reason,
    detail: detail.slice(0, MAX_GAP_DETAIL_LENGTH),
    deadLetters: deadLetters.length,
    worker,
    at: new Date(wallMs).toISOString(),
  };
  return {
    key: Buffer.from(`${route}/${sourceTopicId ?? ''}/${partitionKey(topic, partition)}/${firstOffset}`),
    value: Buffer.from(JSON.stringify(value)),
    headers: [],
    timestamp: BigInt(Math.floor(wallMs)),
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
