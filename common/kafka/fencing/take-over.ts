import { DESCRIBE_TRANSACTIONS, type TransactionDescription } from '../wire/apis/describe-transactions.js';
import { INIT_PRODUCER_ID, type InitProducerIdRequest } from '../wire/apis/init-producer-id.js';
import { KafkaCode, kafkaError } from '../wire/error-codes.js';
import { isCoordinatorMove } from '../wire/operations/on-coordinator.js';
import { NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from '../wire/records/batch-header.js';
import { LANE_TRANSACTION_TIMEOUT_MS, type LaneIdentity } from './fencing-client.js';
import type { TransactionDialog } from './transaction-dialog.js';

/** An empty transaction ends in milliseconds; one that takes this long waits for a partition without a leader. */
const STUCK_AFTER_MS = 5_000;

export type TakeOver =
  /** The id is the caller's, under this epoch. */
  | { readonly kind: 'taken'; readonly epoch: number }
  /** The coordinator had forgotten the id and made a new one: nobody is fenced by that (exactly-once.md 5.2). */
  | { readonly kind: 'other-id'; readonly producerId: bigint }
  /** A transaction of the id is ending and cannot end. */
  | { readonly kind: 'stuck' };

/** Without id and epoch of a holder: whoever holds the id loses it. */
export function bareInit(transactionalId: string): InitProducerIdRequest {
  return {
    transactionalId,
    transactionTimeoutMs: LANE_TRANSACTION_TIMEOUT_MS,
    producerId: NO_PRODUCER_ID,
    producerEpoch: NO_PRODUCER_EPOCH,
  };
}

/**
 * Bare InitProducerId until NONE, behind a fresh FindCoordinator (exactly-once.md 2.3, 2.5, 5.2). What was open under the id has been
 * aborted by then, with its markers written under a higher epoch.
 * @throws KAFKA_ERROR, TIMEOUT, SHUTTING_DOWN
 */
export async function takeOver(dialog: TransactionDialog, lane: LaneIdentity, cluster: string): Promise<TakeOver> {
  dialog.forgetCoordinator();
  const request = bareInit(lane.transactionalId);
  let busySinceMs: number | undefined;
  for (let attempt = 0; ; attempt += 1) {
    // A coordinator that is about to forget the id, or to end its transaction, stumbles over the question for a moment (-1).
    const answer = await dialog.repeat(INIT_PRODUCER_ID, request, isStumble);
    if (answer.errorCode === KafkaCode.NONE) {
      if (answer.producerId !== lane.producerId) return { kind: 'other-id', producerId: answer.producerId };
      return { kind: 'taken', epoch: answer.producerEpoch };
    }
    if (answer.errorCode !== KafkaCode.CONCURRENT_TRANSACTIONS) {
      throw kafkaError(answer.errorCode, { cluster }, `take over transactional id ${lane.transactionalId}`);
    }
    dialog.noteCode(answer.errorCode);
    busySinceMs ??= dialog.nowMs;
    if (dialog.nowMs - busySinceMs >= STUCK_AFTER_MS) return { kind: 'stuck' };
    await dialog.pause(attempt);
  }
}

const isStumble = (code: number): boolean => code === KafkaCode.UNKNOWN_SERVER_ERROR;

/** What the coordinator says of the id; undefined where it knows no such question (before Kafka 3.0), or we may not ask, or it has forgotten the id. */
export async function describeTransaction(dialog: TransactionDialog): Promise<TransactionDescription | undefined> {
  const described = await askForTransaction(dialog);
  return described?.errorCode === KafkaCode.NONE ? described : undefined;
}

/** The same with the code that says why there is nothing to describe; undefined only where the coordinator knows no such question. */
export async function askForTransaction(dialog: TransactionDialog): Promise<TransactionDescription | undefined> {
  if (!(await dialog.offers(DESCRIBE_TRANSACTIONS.key))) return undefined;
  const transactionalIds = [dialog.transactionalId];
  for (let attempt = 0; ; attempt += 1) {
    const answer = await dialog.once(DESCRIBE_TRANSACTIONS, { transactionalIds });
    const described = answer?.transactions.find(({ transactionalId }) => transactionalId === dialog.transactionalId);
    if (described !== undefined && !isCoordinatorMove(described.errorCode)) return described;
    if (described !== undefined) dialog.noteCode(described.errorCode);
    await dialog.pause(attempt);
  }
}
