import type { TopicPartition } from '../../model/topic-partition.js';
import { mapLimited } from '../../runtime/map-limited.js';
import { ApiKey } from '../wire/api-keys.js';
import { DESCRIBE_PRODUCERS } from '../wire/apis/describe-producers.js';
import { LIST_TRANSACTIONS, type ListedTransaction } from '../wire/apis/list-transactions.js';
import { call } from '../wire/call.js';
import { KafkaCode, kafkaError } from '../wire/error-codes.js';
import { type FencingClient, type LaneIdentity, unlessAborted } from './fencing-client.js';

const PURPOSE = 'fencing';
const ANY_DURATION = -1n;
/** Partitions asked about in one request. */
const MAX_PARTITIONS_PER_REQUEST = 2_000;
const MAX_BROKERS_AT_ONCE = 8;

export interface StrangeLanesOptions {
  readonly client: FencingClient;
  readonly fleet: string;
  /** Somebody is responsible for the lane: its node is there, or its incarnation lives. */
  readonly isKnown: (lane: { readonly transactionalId: string; readonly incarnation: string }) => boolean;
  readonly signal: AbortSignal;
}

export interface StrangeLane extends LaneIdentity {
  /** Where the target remembers that it wrote. */
  readonly partitions: readonly TopicPartition[];
}

/**
 * Lanes of the fleet that the target's coordinators remember and nobody answers for (exactly-once.md 7.6), with the partitions in which
 * they have written. Brokers before Kafka 3.0 do not list ids: there it is empty, and whoever takes a partition fences by its checkpoint.
 * @throws KAFKA_ERROR while a coordinator or a leader is loading, CONNECTION_LOST and the like: ask again later
 */
export async function strangeLanes(options: StrangeLanesOptions): Promise<readonly StrangeLane[]> {
  const { client, signal } = options;
  const { brokers } = await unlessAborted(client.metadata([]), signal);
  const listed = await mapLimited([...brokers.keys()], MAX_BROKERS_AT_ONCE, (broker) => listAt(options, broker));
  const strange = listed.flat().filter((lane) => isStrange(options, lane));
  if (strange.length === 0) return [];
  const lanes = new Map(
    strange.map(({ transactionalId, producerId }) => {
      return [
        producerId,
        { transactionalId, producerId, producerEpoch: 0, partitions: [] as TopicPartition[] },
      ] as const;
    }),
  );
  for (const [leader, partitions] of await partitionsByLeader(options)) {
    for (let from = 0; from < partitions.length; from += MAX_PARTITIONS_PER_REQUEST) {
      await noteProducers(options, leader, partitions.slice(from, from + MAX_PARTITIONS_PER_REQUEST), lanes);
    }
  }
  return [...lanes.values()];
}

async function listAt({ client, signal }: StrangeLanesOptions, broker: number): Promise<readonly ListedTransaction[]> {
  const connection = await unlessAborted(client.connection(broker, PURPOSE), signal);
  if (connection.versionOf(ApiKey.ListTransactions) === undefined) return [];
  const request = { stateFilters: [], producerIdFilters: [], durationMs: ANY_DURATION };
  const { errorCode, transactions } = await unlessAborted(call(connection, LIST_TRANSACTIONS, request), signal);
  if (errorCode === KafkaCode.NONE) return transactions;
  throw kafkaError(errorCode, { cluster: client.cluster.name }, 'list the transactional ids');
}

/** `causeway.<fleet>.<worker>.<incarnation>.<n>`: no part of it can hold a dot. */
function isStrange({ fleet, isKnown }: StrangeLanesOptions, { transactionalId }: ListedTransaction): boolean {
  const prefix = `causeway.${fleet}.`;
  if (!transactionalId.startsWith(prefix)) return false;
  const [, incarnation, index, ...more] = transactionalId.slice(prefix.length).split('.');
  if (incarnation === undefined || index === undefined || !/^\d+$/.test(index) || more.length > 0) return false;
  return !isKnown({ transactionalId, incarnation });
}

async function partitionsByLeader({ client, signal }: StrangeLanesOptions): Promise<Map<number, TopicPartition[]>> {
  const { topics } = await unlessAborted(client.metadata('all'), signal);
  const byLeader = new Map<number, TopicPartition[]>();
  for (const { name: topic, partitions } of topics.values()) {
    for (const { partition, leader } of partitions) {
      // Without a leader nobody writes there; whoever takes it fences by its checkpoint.
      if (topic === null || leader < 0) continue;
      const list = byLeader.get(leader);
      if (list === undefined) byLeader.set(leader, [{ topic, partition }]);
      else list.push({ topic, partition });
    }
  }
  return byLeader;
}

async function noteProducers(
  { client, signal }: StrangeLanesOptions,
  leader: number,
  partitions: readonly TopicPartition[],
  lanes: ReadonlyMap<bigint, { producerEpoch: number; readonly partitions: TopicPartition[] }>,
): Promise<void> {
  const connection = await unlessAborted(client.connection(leader, PURPOSE), signal);
  if (connection.versionOf(ApiKey.DescribeProducers) === undefined) return;
  const answer = await unlessAborted(call(connection, DESCRIBE_PRODUCERS, { partitions }), signal);
  for (const { topic, partition, producers } of answer.partitions) {
    for (const { producerId, producerEpoch } of producers) {
      const lane = lanes.get(producerId);
      if (lane === undefined) continue;
      lane.producerEpoch = Math.max(lane.producerEpoch, producerEpoch);
      lane.partitions.push({ topic, partition });
    }
  }
}
