import type { TopicPartition } from '../../../model/topic-partition.js';
import { backoffMs } from '../../../runtime/backoff.js';
import { FETCH, FETCH_TOPIC_ID_VERSION, type FetchedPartition, type FetchRequest } from '../apis/fetch.js';
import { call, isTransient } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import { isRetriable, KafkaCode, kafkaError } from '../error-codes.js';
import { loadCodecs } from '../records/compression.js';
import { type DecodedRecord, decodeBatches } from '../records/record-codec.js';
import { listOffsets, TIMESTAMP_EARLIEST } from './list-offsets.js';

const PURPOSE = 'read';
const FETCH_BYTES = 4 * 1024 * 1024;
const ATTEMPTS = 5;
const BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;
const BY_NAME_VERSION = FETCH_TOPIC_ID_VERSION - 1;

/**
 * Reads a small topic's partition from its start to the high watermark, record by record, markers left out. Not filtered by transactions.
 * @returns the offset behind the last record
 * @throws KAFKA_ERROR (UNKNOWN_TOPIC_OR_PARTITION where it is not there), CLUSTER_UNREACHABLE, BATCH_CORRUPT...
 */
export async function readToEnd(
  client: ClusterClient,
  place: TopicPartition,
  visit: (record: DecodedRecord) => void,
): Promise<bigint> {
  await loadCodecs();
  let position = await logStart(client, place);
  for (let failures = 0; ; ) {
    const fetched = await fetchFrom(client, place, position);
    if (typeof fetched === 'number') {
      if (!isRetriable(fetched) || failures >= ATTEMPTS) throw fault(client, place, fetched);
      await client.clock.sleep(backoffMs(failures, BACKOFF, client.random));
      failures += 1;
      continue;
    }
    failures = 0;
    const before = position;
    for (const { control, records, lastOffset } of decodeBatches(fetched.records ?? Buffer.alloc(0))) {
      if (!control) for (const record of records) if (record.offset >= BigInt(before)) visit(record);
      position = Math.max(position, Number(lastOffset) + 1);
    }
    if (position >= fetched.highWatermark || position === before) return BigInt(position);
  }
}

async function logStart(client: ClusterClient, place: TopicPartition): Promise<number> {
  const [listed] = await listOffsets(client, 'read_uncommitted', [{ ...place, timestamp: TIMESTAMP_EARLIEST }]);
  const errorCode = listed?.errorCode ?? KafkaCode.UNKNOWN_SERVER_ERROR;
  if (listed === undefined || errorCode !== KafkaCode.NONE) throw fault(client, place, errorCode);
  return Number(listed.offset);
}

/** What comes from the leader at once, from this offset on, or Kafka's code. Codecs have to be loaded before it is decoded. */
export async function fetchFrom(
  client: ClusterClient,
  { topic, partition }: TopicPartition,
  fetchOffset: number,
): Promise<FetchedPartition | number> {
  try {
    const found = (await client.metadata([topic])).topics.get(topic);
    const leader = found?.partitions.find((candidate) => candidate.partition === partition)?.leader ?? -1;
    if (found === undefined || found.errorCode !== KafkaCode.NONE) {
      return found?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (leader < 0) return KafkaCode.LEADER_NOT_AVAILABLE;
    const { topicId } = found;
    const request: FetchRequest = {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: FETCH_BYTES,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      partitions: [{ topic, topicId, partition, fetchOffset, currentLeaderEpoch: -1, maxBytes: FETCH_BYTES }],
      forgotten: [],
      rackId: '',
    };
    const options = topicId === null ? { maxVersion: BY_NAME_VERSION } : {};
    const answer = await call(await client.connection(leader, PURPOSE), FETCH, request, options);
    const fetched = answer.topics[0]?.partitions[0];
    const errorCode = answer.errorCode || (fetched?.errorCode ?? KafkaCode.UNKNOWN_SERVER_ERROR);
    return errorCode === KafkaCode.NONE && fetched !== undefined ? fetched : errorCode;
  } catch (error) {
    if (!isTransient(error)) throw error;
    return KafkaCode.NETWORK_EXCEPTION;
  }
}

function fault(client: ClusterClient, place: TopicPartition, errorCode: number) {
  return kafkaError(errorCode, { cluster: client.cluster.name, ...place }, `read ${place.topic}`);
}
