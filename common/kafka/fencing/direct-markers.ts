import { partitionKey, type TopicPartition } from '../../model/topic-partition.js';
import { backoffMs } from '../../runtime/backoff.js';
import { ApiKey } from '../wire/api-keys.js';
import { type ActiveProducer, DESCRIBE_PRODUCERS } from '../wire/apis/describe-producers.js';
import type { PartitionCode } from '../wire/apis/partition-lists.js';
import { WRITE_TXN_MARKERS } from '../wire/apis/write-txn-markers.js';
import { call, isTransient } from '../wire/call.js';
import type { BrokerConnection } from '../wire/connection.js';
import { isRetriable, KafkaCode } from '../wire/error-codes.js';
import { type FencingClient, type LaneIdentity, unlessAborted } from './fencing-client.js';

const PURPOSE = 'fencing';
/** Leaders that move are followed this often. */
const ATTEMPTS = 4;
const LEADER_BACKOFF = { initialMs: 50, maxMs: 500 } as const;
/** A producer that never ended a transaction in a partition: any coordinator is newer. */
const FIRST_COORDINATOR_EPOCH = 0;

export interface DirectMarkers {
  /** Of the markers, at least. */
  readonly epoch: number;
  /** With a marker now, or known by their leader under a higher epoch than the lane's already. */
  readonly marked: readonly TopicPartition[];
  readonly refused: readonly PartitionCode[];
}

/**
 * Writes the abort markers of a fence past the transaction's coordinator, under the epoch behind the lane's: WriteTxnMarkers to each
 * partition's leader. Needs rights on the cluster; without them all is refused with CLUSTER_AUTHORIZATION_FAILED (31).
 * @throws SHUTTING_DOWN; CLUSTER_UNREACHABLE and the like when not even metadata can be had.
 */
export async function writeMarkersDirectly(
  client: FencingClient,
  lane: LaneIdentity,
  partitions: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<DirectMarkers> {
  const codes = new Map<TopicPartition, number>();
  let open = partitions;
  for (let attempt = 0; open.length > 0 && attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await client.clock.sleep(backoffMs(attempt - 1, LEADER_BACKOFF, client.random), signal);
    for (const [leader, led] of await unlessAborted(byLeader(client, open, codes), signal)) {
      await unlessAborted(markAt(client, leader, lane, led, codes), signal);
    }
    open = open.filter((item) => isRetriable(codes.get(item) ?? KafkaCode.UNKNOWN_SERVER_ERROR));
  }
  const results = partitions.map((item) => ({ ...item, errorCode: codes.get(item) ?? KafkaCode.UNKNOWN_SERVER_ERROR }));
  return {
    epoch: lane.producerEpoch + 1,
    marked: partitions.filter((item) => codes.get(item) === KafkaCode.NONE),
    refused: results.filter(({ errorCode }) => errorCode !== KafkaCode.NONE),
  };
}

async function byLeader(
  client: FencingClient,
  partitions: readonly TopicPartition[],
  codes: Map<TopicPartition, number>,
): Promise<Map<number, TopicPartition[]>> {
  const { topics } = await client.metadata([...new Set(partitions.map(({ topic }) => topic))]);
  const groups = new Map<number, TopicPartition[]>();
  for (const item of partitions) {
    const topic = topics.get(item.topic);
    const found = topic?.partitions.find(({ partition }) => partition === item.partition);
    const leader = found?.leader ?? -1;
    const topicCode = topic?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    if (topicCode !== KafkaCode.NONE) codes.set(item, topicCode);
    else if (found === undefined) codes.set(item, KafkaCode.UNKNOWN_TOPIC_OR_PARTITION);
    else if (leader < 0) codes.set(item, KafkaCode.LEADER_NOT_AVAILABLE);
    else groups.set(leader, [...(groups.get(leader) ?? []), item]);
  }
  return groups;
}

async function markAt(
  client: FencingClient,
  leader: number,
  lane: LaneIdentity,
  partitions: readonly TopicPartition[],
  codes: Map<TopicPartition, number>,
): Promise<void> {
  const setAll = (code: number): void => {
    for (const item of partitions) codes.set(item, code);
  };
  try {
    const connection = await client.connection(leader, PURPOSE);
    if (connection.versionOf(ApiKey.WriteTxnMarkers) === undefined) return setAll(KafkaCode.UNSUPPORTED_VERSION);
    const known = await producersAt(connection, lane.producerId, partitions);
    const byCoordinatorEpoch = new Map<number, TopicPartition[]>();
    for (const item of partitions) {
      const producer = known.get(partitionKey(item.topic, item.partition));
      // Fenced already: another marker would lie in the new owner's data.
      if ((producer?.producerEpoch ?? -1) > lane.producerEpoch) codes.set(item, KafkaCode.NONE);
      else {
        const epoch = Math.max(FIRST_COORDINATOR_EPOCH, producer?.coordinatorEpoch ?? FIRST_COORDINATOR_EPOCH);
        byCoordinatorEpoch.set(epoch, [...(byCoordinatorEpoch.get(epoch) ?? []), item]);
      }
    }
    for (const [coordinatorEpoch, items] of byCoordinatorEpoch) {
      await writeMarkers(connection, lane, coordinatorEpoch, items, codes);
    }
  } catch (error) {
    if (!isTransient(error)) throw error;
    setAll(KafkaCode.NETWORK_EXCEPTION);
  }
}

async function writeMarkers(
  connection: BrokerConnection,
  lane: LaneIdentity,
  coordinatorEpoch: number,
  partitions: readonly TopicPartition[],
  codes: Map<TopicPartition, number>,
): Promise<void> {
  const producerEpoch = lane.producerEpoch + 1;
  const marker = { producerId: lane.producerId, producerEpoch, committed: false, coordinatorEpoch, partitions };
  const { markers } = await call(connection, WRITE_TXN_MARKERS, { markers: [marker] });
  const answered = markers.flatMap((item) => item.partitions);
  for (const item of partitions) {
    const found = answered.find(({ topic, partition }) => topic === item.topic && partition === item.partition);
    codes.set(item, found?.errorCode ?? KafkaCode.UNKNOWN_SERVER_ERROR);
  }
}

/** What the leader remembers of the lane, by partition; nothing where it cannot or will not say. */
async function producersAt(
  connection: BrokerConnection,
  producerId: bigint,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, ActiveProducer>> {
  const known = new Map<string, ActiveProducer>();
  if (connection.versionOf(ApiKey.DescribeProducers) === undefined) return known;
  const answer = await call(connection, DESCRIBE_PRODUCERS, { partitions });
  for (const { topic, partition, producers } of answer.partitions) {
    const producer = producers.find((candidate) => candidate.producerId === producerId);
    if (producer !== undefined) known.set(partitionKey(topic, partition), producer);
  }
  return known;
}
