/** A partition of a topic within one cluster. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** `topic-3`: a map key; unambiguous because the number is the part after the last dash. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

export const MAX_TOPIC_NAME_LENGTH = 249;
/** More partitions than any Kafka topic has; bounds what a request or a node may claim. */
export const MAX_PARTITIONS_PER_TOPIC = 100_000;

/** Why Kafka would refuse the name, or undefined (org.apache.kafka.common.internals.Topic). */
export function topicNameFault(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name === '.' || name === '..') return 'it is "." or ".."';
  if (name.length > MAX_TOPIC_NAME_LENGTH) return `it is longer than ${MAX_TOPIC_NAME_LENGTH} characters`;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'only letters, digits, ".", "_" and "-" are allowed';
  return undefined;
}
