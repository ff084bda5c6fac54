import type { TopicPartition } from '../../../model/topic-partition.js';
import type { Reader } from '../reader.js';
import type { Writer } from '../writer.js';
import { groupByTopic } from './group-by-topic.js';

/** A partition and what Kafka answered for it. */
export interface PartitionCode extends TopicPartition {
  readonly errorCode: number;
}

const MIN_TOPIC_BYTES = 3;
const MIN_INDEX_BYTES = 4;
const MIN_CODE_BYTES = 6;

/** topics [name STRING, partitions [INT32], TAGS] */
export function writePartitionLists(writer: Writer, partitions: readonly TopicPartition[]): void {
  writer.array(groupByTopic(partitions), (ofTopic) => {
    writer.string((ofTopic[0] as TopicPartition).topic);
    writer.array(ofTopic, (item) => writer.int32(item.partition)).tags();
  });
}

/** topics [name STRING, partitions [INT32], TAGS] */
export function readPartitionLists(reader: Reader): TopicPartition[] {
  const topics = reader.array(MIN_TOPIC_BYTES, () => {
    const topic = reader.string();
    const partitions = reader.array(MIN_INDEX_BYTES, () => ({ topic, partition: reader.int32() }));
    reader.tags();
    return partitions;
  });
  return topics.flat();
}

/** topics [name STRING, partitions [partition_index INT32, error_code INT16, TAGS], TAGS] */
export function readPartitionCodes(reader: Reader): PartitionCode[] {
  const topics = reader.array(MIN_TOPIC_BYTES, () => {
    const topic = reader.string();
    const partitions = reader.array(MIN_CODE_BYTES, () => {
      const result = { topic, partition: reader.int32(), errorCode: reader.int16() };
      reader.tags();
      return result;
    });
    reader.tags();
    return partitions;
  });
  return topics.flat();
}
