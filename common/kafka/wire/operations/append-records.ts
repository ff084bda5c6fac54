import type { TopicPartition } from '../../../model/topic-partition.js';
import { backoffMs } from '../../../runtime/backoff.js';
import { PRODUCE } from '../apis/produce.js';
import { call, isTransient } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import { isRetriable, KafkaCode, kafkaError } from '../error-codes.js';
import { buildBatch } from '../records/build-batch.js';
import type { KafkaRecord } from '../records/record-codec.js';
import { chunkBySize } from './chunk-by-size.js';

const PURPOSE = 'append';
const MAX_BATCH_BYTES = 500_000;
const RECORD_OVERHEAD_BYTES = 32;
const BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;
const ACKS_ALL = -1;

/**
 * Appends records in order, as a plain producer without identity: what is sent again after a lost answer may be there twice. For compacted
 * topics whose records each say the whole truth about their key. Leaders that move are followed within requestTimeoutMs.
 * @throws KAFKA_ERROR, CLUSTER_UNREACHABLE, CONNECTION_LOST, REQUEST_TIMEOUT: how many were written is unknown
 */
export async function appendRecords(
  client: ClusterClient,
  place: TopicPartition,
  records: readonly KafkaRecord[],
): Promise<void> {
  const sizeOf = ({ key, value }: KafkaRecord): number =>
    RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  for (const chunk of chunkBySize(records, MAX_BATCH_BYTES, sizeOf)) await appendBatch(client, place, chunk);
}

async function appendBatch(
  client: ClusterClient,
  place: TopicPartition,
  records: readonly KafkaRecord[],
): Promise<void> {
  const { clock, random, cluster } = client;
  const batch = buildBatch(records);
  const untilMs = clock.monotonicMs() + cluster.requestTimeoutMs;
  for (let attempt = 0; ; attempt += 1) {
    const errorCode = await attemptAppend(client, place, batch, clock.monotonicMs() >= untilMs);
    if (errorCode === KafkaCode.NONE) return;
    if (!isRetriable(errorCode) || clock.monotonicMs() >= untilMs) {
      throw kafkaError(errorCode, { cluster: cluster.name, ...place }, `append to ${place.topic}`);
    }
    await clock.sleep(backoffMs(attempt, BACKOFF, random));
  }
}

async function attemptAppend(
  client: ClusterClient,
  { topic, partition }: TopicPartition,
  batch: Buffer,
  isLast: boolean,
): Promise<number> {
  try {
    const found = (await client.metadata([topic])).topics.get(topic);
    if (found === undefined || found.errorCode !== KafkaCode.NONE) {
      return found?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    const leader = found.partitions.find((candidate) => candidate.partition === partition)?.leader ?? -1;
    if (leader < 0) return KafkaCode.LEADER_NOT_AVAILABLE;
    const timeoutMs = client.cluster.requestTimeoutMs;
    const partitions = [{ topic, partition, records: [batch] }];
    const request = { transactionalId: null, acks: ACKS_ALL, timeoutMs, partitions } as const;
    const { topics } = await call(await client.connection(leader, PURPOSE), PRODUCE, request);
    return topics[0]?.partitions[0]?.errorCode ?? KafkaCode.UNKNOWN_SERVER_ERROR;
  } catch (error) {
    if (!isTransient(error) || isLast) throw error;
    return KafkaCode.NETWORK_EXCEPTION;
  }
}
