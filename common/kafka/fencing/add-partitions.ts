import { partitionKey, type TopicPartition } from '../../model/topic-partition.js';
import { ADD_PARTITIONS_TO_TXN } from '../wire/apis/add-partitions-to-txn.js';
import type { PartitionCode } from '../wire/apis/partition-lists.js';
import { KafkaCode, kafkaError } from '../wire/error-codes.js';
import { isCoordinatorMove } from '../wire/operations/on-coordinator.js';
import type { LaneIdentity } from './fencing-client.js';
import type { TransactionDialog } from './transaction-dialog.js';

export interface AddedPartitions {
  /** `lost`: the answer did not come, or the epoch is not the caller's any more (`code`): nothing can be said of the transaction. */
  readonly kind: 'added' | 'lost';
  readonly partitions: readonly TopicPartition[];
  readonly dropped: readonly PartitionCode[];
  readonly code?: number;
}

/** One bad partition fails the whole request (55 for the others, measured): these are left out and the rest is asked for again. */
const DROPPED: ReadonlySet<number> = new Set([
  KafkaCode.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaCode.TOPIC_AUTHORIZATION_FAILED,
]);

/** The id is somebody else's, or nobody's. */
export const NOT_OURS: ReadonlySet<number> = new Set([
  KafkaCode.INVALID_PRODUCER_EPOCH,
  KafkaCode.INVALID_PRODUCER_ID_MAPPING,
  KafkaCode.PRODUCER_FENCED,
]);

/**
 * Adds all of the partitions, but for those that cannot be, to one transaction of the lane (exactly-once.md 5.3); waits while an earlier
 * transaction of the id is ending.
 * @throws KAFKA_ERROR, TIMEOUT, SHUTTING_DOWN
 */
export async function addPartitions(
  dialog: TransactionDialog,
  lane: LaneIdentity,
  partitions: readonly TopicPartition[],
): Promise<AddedPartitions> {
  const dropped: PartitionCode[] = [];
  let open = partitions;
  for (let attempt = 0; open.length > 0; ) {
    const answer = await dialog.once(ADD_PARTITIONS_TO_TXN, { ...lane, partitions: open });
    if (answer === undefined) return { kind: 'lost', partitions: open, dropped };
    const codes = new Map(answer.partitions.map((item) => [partitionKey(item.topic, item.partition), item.errorCode]));
    const codeOf = ({ topic, partition }: TopicPartition): number =>
      codes.get(partitionKey(topic, partition)) ?? KafkaCode.UNKNOWN_SERVER_ERROR;
    const bad = open.filter((item) => DROPPED.has(codeOf(item)));
    dropped.push(...bad.map((item) => ({ ...item, errorCode: codeOf(item) })));
    if (bad.length > 0) {
      open = open.filter((item) => !DROPPED.has(codeOf(item)));
      continue;
    }
    const code = open.map(codeOf).find((candidate) => candidate !== KafkaCode.NONE) ?? KafkaCode.NONE;
    if (code === KafkaCode.NONE) break;
    dialog.noteCode(code);
    if (NOT_OURS.has(code) || code === KafkaCode.UNKNOWN_SERVER_ERROR) {
      return { kind: 'lost', partitions: open, dropped, code };
    }
    if (code !== KafkaCode.CONCURRENT_TRANSACTIONS && !isCoordinatorMove(code)) {
      throw kafkaError(code, {}, `begin a transaction of ${lane.transactionalId}`);
    }
    await dialog.pause(attempt);
    attempt += 1;
  }
  return { kind: 'added', partitions: open, dropped };
}
