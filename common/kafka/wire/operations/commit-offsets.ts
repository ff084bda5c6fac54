import type { TopicPartition } from '../../../model/topic-partition.js';
import { partitionKey } from '../../../model/topic-partition.js';
import { OFFSET_COMMIT, type OffsetCommitPartition } from '../apis/offset-commit.js';
import { call } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import { KafkaCode } from '../error-codes.js';
import { chunkBySize } from './chunk-by-size.js';
import { isCoordinatorMove, onCoordinator } from './on-coordinator.js';

export interface OffsetToCommit extends TopicPartition {
  readonly offset: bigint;
  /** Less than the broker's offset.metadata.max.bytes (4,096), or the partition is answered with code 12. */
  readonly metadata: string;
}

export interface CommitResult extends TopicPartition {
  readonly errorCode: number;
}

/** One commit becomes one batch in __consumer_offsets, which the broker refuses beyond about 1 MB (measured). */
const MAX_COMMIT_BYTES = 500_000;

/** Offset, epoch, lengths and what the broker adds to each partition in its log. */
const PARTITION_OVERHEAD_BYTES = 64;

/**
 * Commits a group's offsets from outside the group (no member, no generation): the broker refuses with UNKNOWN_MEMBER_ID (25) while
 * the group has members. Several requests where one would be too large; a coordinator that moves is followed within requestTimeoutMs.
 * @returns one result per partition, with Kafka's code.
 * @throws CLUSTER_UNREACHABLE, CONNECTION_LOST, REQUEST_TIMEOUT, KAFKA_ERROR: what was committed of it is unknown.
 */
export async function commitOffsets(
  client: ClusterClient,
  group: string,
  offsets: readonly OffsetToCommit[],
): Promise<readonly CommitResult[]> {
  const results: CommitResult[] = [];
  const sizeOf = (item: OffsetToCommit): number =>
    PARTITION_OVERHEAD_BYTES + group.length + item.topic.length + Buffer.byteLength(item.metadata);
  for (const chunk of chunkBySize(offsets, MAX_COMMIT_BYTES, sizeOf)) {
    results.push(...(await commitChunk(client, group, chunk)));
  }
  return results;
}

function commitChunk(client: ClusterClient, group: string, chunk: readonly OffsetToCommit[]): Promise<CommitResult[]> {
  const codes = new Map<string, number>();
  let open = chunk;
  return onCoordinator(client, {
    kind: 'group',
    key: group,
    limitMs: client.cluster.requestTimeoutMs,
    attempt: async (connection) => {
      const partitions = open.map((item): OffsetCommitPartition => ({ ...item, leaderEpoch: -1 }));
      const response = await call(connection, OFFSET_COMMIT, { groupId: group, partitions });
      for (const answer of response.partitions)
        codes.set(partitionKey(answer.topic, answer.partition), answer.errorCode);
      const codeOf = (item: TopicPartition): number =>
        codes.get(partitionKey(item.topic, item.partition)) ?? KafkaCode.UNKNOWN_SERVER_ERROR;
      open = chunk.filter((item) => isCoordinatorMove(codeOf(item)));
      const result = chunk.map((item) => ({ topic: item.topic, partition: item.partition, errorCode: codeOf(item) }));
      return { result, again: open.length > 0 };
    },
  });
}
