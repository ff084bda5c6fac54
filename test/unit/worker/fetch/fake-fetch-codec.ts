import { Reader } from '../../../../common/kafka/wire/reader.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';

export interface AskedPartition {
  /** '' where topics go by id. */
  readonly topic: string;
  readonly topicId: string | null;
  readonly partition: number;
  readonly currentLeaderEpoch: number;
  readonly fetchOffset: number;
  readonly maxBytes: number;
}

export interface FetchAsked {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly sessionId: number;
  readonly sessionEpoch: number;
  readonly byId: boolean;
  readonly partitions: readonly AskedPartition[];
  readonly forgotten: readonly Pick<AskedPartition, 'topic' | 'topicId' | 'partition'>[];
  readonly rack: string;
}

export interface PartitionAnswer {
  readonly topic: string;
  readonly topicId: string | null;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly records: Buffer;
  readonly preferredReadReplica: number;
}

/** Fetch v11 to v15, written against https://kafka.apache.org/protocol and not against our encoder. */
export function readFetch(version: number, body: Buffer): FetchAsked {
  const reader = new Reader(body, version >= 12);
  const byId = version >= 13;
  if (version <= 14) reader.int32();
  const maxWaitMs = reader.int32();
  reader.int32();
  const maxBytes = reader.int32();
  reader.int8();
  const sessionId = reader.int32();
  const sessionEpoch = reader.int32();
  const topicOf = () => (byId ? { topic: '', topicId: reader.uuid() } : { topic: reader.string(), topicId: null });
  const partitions = reader.array(1, () => {
    const topic = topicOf();
    const items = reader.array(1, () => {
      const partition = reader.int32();
      const currentLeaderEpoch = reader.int32();
      const fetchOffset = reader.int64AsNumber();
      if (version >= 12) reader.int32();
      reader.int64();
      const item = { ...topic, partition, currentLeaderEpoch, fetchOffset, maxBytes: reader.int32() };
      reader.tags();
      return item;
    });
    reader.tags();
    return items;
  });
  const forgotten = reader.array(1, () => {
    const topic = topicOf();
    const items = reader.array(1, () => ({ ...topic, partition: reader.int32() }));
    reader.tags();
    return items;
  });
  const rack = reader.string();
  reader.tags();
  reader.end();
  return {
    maxWaitMs,
    maxBytes,
    sessionId,
    sessionEpoch,
    byId,
    partitions: partitions.flat(),
    forgotten: forgotten.flat(),
    rack,
  };
}

export function writeFetchAnswer(
  version: number,
  answer: { throttleMs: number; errorCode: number; sessionId: number; answers: readonly PartitionAnswer[] },
): Buffer {
  const writer = new Writer(version >= 12).int32(answer.throttleMs).int16(answer.errorCode).int32(answer.sessionId);
  writer.array(answer.answers, (item) => {
    if (version >= 13) writer.uuid(item.topicId);
    else writer.string(item.topic);
    writer.array([item], () => {
      writer.int32(item.partition).int16(item.errorCode).int64FromNumber(item.highWatermark);
      writer.int64FromNumber(item.highWatermark).int64FromNumber(0);
      writer.arrayLength(-1).int32(item.preferredReadReplica).bytes(item.records).tags();
    });
    writer.tags();
  });
  writer.tags();
  return Buffer.concat([...(version >= 12 ? [Buffer.of(0)] : []), ...writer.toBuffers()]);
}

/** Metadata v10 to v12. */
export function readMetadataTopics(body: Buffer): string[] {
  const reader = new Reader(body, true);
  return reader.array(1, () => {
    reader.uuid();
    const name = reader.nullableString() ?? '';
    reader.tags();
    return name;
  });
}

/** OffsetForLeaderEpoch v4. */
export function readEpochRequest(body: Buffer): {
  topic: string;
  partitions: { partition: number; currentLeaderEpoch: number; leaderEpoch: number }[];
}[] {
  const reader = new Reader(body, true);
  reader.int32();
  return reader.array(1, () => {
    const topic = reader.string();
    const partitions = reader.array(1, () => {
      const item = { partition: reader.int32(), currentLeaderEpoch: reader.int32(), leaderEpoch: reader.int32() };
      reader.tags();
      return item;
    });
    reader.tags();
    return { topic, partitions };
  });
}

/** ListOffsets v7. */
export function readListRequest(body: Buffer): {
  topic: string;
  partitions: { partition: number; currentLeaderEpoch: number; timestamp: bigint }[];
}[] {
  const reader = new Reader(body, true);
  reader.int32();
  reader.int8();
  return reader.array(1, () => {
    const topic = reader.string();
    const partitions = reader.array(1, () => {
      const item = { partition: reader.int32(), currentLeaderEpoch: reader.int32(), timestamp: reader.int64() };
      reader.tags();
      return item;
    });
    reader.tags();
    return { topic, partitions };
  });
}
