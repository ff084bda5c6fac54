import type { TopicPartition } from '../../../model/topic-partition.js';
import { OFFSET_FETCH, type OffsetFetchResponse } from '../apis/offset-fetch.js';
import { call } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import { KafkaCode, kafkaError } from '../error-codes.js';
import { chunkBySize } from './chunk-by-size.js';
import { isCoordinatorMove, onCoordinator } from './on-coordinator.js';

export interface CommittedOffset extends TopicPartition {
  readonly errorCode: number;
  /** -1: nothing committed. */
  readonly offset: bigint;
  readonly leaderEpoch: number;
  /** '' for none. */
  readonly metadata: string;
}

const MAX_FETCH_BYTES = 500_000;
const PARTITION_OVERHEAD_BYTES = 8;

/**
 * A group's committed offsets of these partitions.
 * @param requireStable wait for transactions whose commit is pending, within requestTimeoutMs; then UNSTABLE_OFFSET_COMMIT (88).
 *   Brokers before Kafka 2.5 cannot say so and give the last committed value.
 * @throws KAFKA_ERROR when the group as a whole was refused; CLUSTER_UNREACHABLE, CONNECTION_LOST, REQUEST_TIMEOUT.
 */
export async function fetchOffsets(
  client: ClusterClient,
  group: string,
  partitions: readonly TopicPartition[],
  requireStable: boolean,
): Promise<readonly CommittedOffset[]> {
  const results: CommittedOffset[] = [];
  const sizeOf = (item: TopicPartition): number => PARTITION_OVERHEAD_BYTES + item.topic.length;
  for (const chunk of chunkBySize(partitions, MAX_FETCH_BYTES, sizeOf)) {
    const response = await fetchChunk(client, group, chunk, requireStable);
    if (response.errorCode !== KafkaCode.NONE) {
      throw kafkaError(response.errorCode, { cluster: client.cluster.name }, `fetch the offsets of group ${group}`);
    }
    results.push(...response.partitions.map((item) => ({ ...item, metadata: item.metadata ?? '' })));
  }
  return results;
}

function fetchChunk(
  client: ClusterClient,
  groupId: string,
  partitions: readonly TopicPartition[],
  requireStable: boolean,
): Promise<OffsetFetchResponse> {
  return onCoordinator(client, {
    kind: 'group',
    key: groupId,
    limitMs: client.cluster.requestTimeoutMs,
    attempt: async (connection) => {
      const result = await call(connection, OFFSET_FETCH, { groupId, partitions, requireStable });
      const unstable = result.partitions.some((item) => item.errorCode === KafkaCode.UNSTABLE_OFFSET_COMMIT);
      return { result, again: unstable || isCoordinatorMove(result.errorCode) };
    },
  });
}
