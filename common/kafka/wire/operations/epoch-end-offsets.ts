import { partitionKey, type TopicPartition } from '../../../model/topic-partition.js';
import { ApiKey } from '../api-keys.js';
import { type EpochEndOffset, OFFSET_FOR_LEADER_EPOCH } from '../apis/offset-for-leader-epoch.js';
import { call, isTransient } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import { KafkaCode } from '../error-codes.js';

export interface EpochQuery extends TopicPartition {
  /** The leadership whose end is asked for. */
  readonly leaderEpoch: number;
  /** The leadership that is to answer. */
  readonly currentLeaderEpoch: number;
}

const PURPOSE = 'control';
const MAX_PARTITIONS = 1_000;

/**
 * Where a leadership ended in the log of the present leader (KIP-320). No partition may be asked for twice.
 * @returns one entry per query, in the order asked, with Kafka's code; NETWORK_EXCEPTION (13) where the broker could not be asked,
 * UNSUPPORTED_VERSION (35) where it does not know the question.
 */
export async function epochEndOffsets(
  client: Pick<ClusterClient, 'connection'>,
  broker: number,
  queries: readonly EpochQuery[],
): Promise<readonly EpochEndOffset[]> {
  try {
    const connection = await client.connection(broker, PURPOSE);
    if (connection.versionOf(ApiKey.OffsetForLeaderEpoch) === undefined) {
      return queries.map((query) => failure(query, KafkaCode.UNSUPPORTED_VERSION));
    }
    const found = new Map<string, EpochEndOffset>();
    for (let at = 0; at < queries.length; at += MAX_PARTITIONS) {
      const request = { partitions: queries.slice(at, at + MAX_PARTITIONS) };
      const { partitions } = await call(connection, OFFSET_FOR_LEADER_EPOCH, request);
      for (const answer of partitions) found.set(partitionKey(answer.topic, answer.partition), answer);
    }
    return queries.map(
      (query) =>
        found.get(partitionKey(query.topic, query.partition)) ?? failure(query, KafkaCode.UNKNOWN_SERVER_ERROR),
    );
  } catch (error) {
    if (!isTransient(error)) throw error;
    return queries.map((query) => failure(query, KafkaCode.NETWORK_EXCEPTION));
  }
}

function failure({ topic, partition }: TopicPartition, errorCode: number): EpochEndOffset {
  return { topic, partition, errorCode, leaderEpoch: -1, endOffset: -1n };
}
