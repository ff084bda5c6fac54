import { CausewayError } from '../../../errors/error.js';
import {
  INIT_PRODUCER_ID,
  INIT_PRODUCER_ID_CURRENT_VERSION,
  type InitProducerIdRequest,
} from '../apis/init-producer-id.js';
import { call } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import type { BrokerConnection } from '../connection.js';
import { KafkaCode, kafkaError } from '../error-codes.js';
import { isCoordinatorMove, onCoordinator } from './on-coordinator.js';

export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
}

/** An open transaction of the id is aborted first (51 until then); a fresh cluster creates __transaction_state first. */
const INIT_LIMIT_MS = 60_000;

const NO_PRODUCER_ID = -1n;
const NO_EPOCH = -1;

/**
 * A producer id and epoch for the transactional id, from its coordinator.
 * Without `current` (a bare call) whoever holds the id loses it; with `current` the caller renews what it holds, and fails with
 * INVALID_PRODUCER_EPOCH (47) or PRODUCER_FENCED (90) if it does not hold it any more.
 * @param transactionTimeoutMs at most the broker's transaction.max.timeout.ms
 * @throws KAFKA_ERROR with `kafkaCode`; UNSUPPORTED_BROKER; CLUSTER_UNREACHABLE, CONNECTION_LOST, REQUEST_TIMEOUT after a minute of attempts.
 */
export async function initProducerId(
  client: ClusterClient,
  transactionalId: string,
  transactionTimeoutMs: number,
  current?: ProducerIdentity,
): Promise<ProducerIdentity> {
  // Never from memory: asking is what creates the internal topic on a fresh cluster.
  client.forgetCoordinator('transaction', transactionalId);
  const request: InitProducerIdRequest = {
    transactionalId,
    transactionTimeoutMs,
    producerId: current?.producerId ?? NO_PRODUCER_ID,
    producerEpoch: current?.epoch ?? NO_EPOCH,
  };
  const response = await onCoordinator(client, {
    kind: 'transaction',
    key: transactionalId,
    limitMs: INIT_LIMIT_MS,
    attempt: async (connection) => {
      if (current !== undefined) requireCurrent(connection);
      const result = await call(connection, INIT_PRODUCER_ID, request);
      const again = isCoordinatorMove(result.errorCode) || result.errorCode === KafkaCode.CONCURRENT_TRANSACTIONS;
      return { result, again };
    },
  });
  if (response.errorCode !== KafkaCode.NONE) {
    const what = `get a producer id for transactional id ${transactionalId}`;
    throw kafkaError(response.errorCode, { cluster: client.cluster.name }, what);
  }
  return { producerId: response.producerId, epoch: response.producerEpoch };
}

/** A version that drops the caller's id and epoch would turn its call into a bare one. */
function requireCurrent(connection: BrokerConnection): void {
  if (connection.requireVersion(INIT_PRODUCER_ID.key) >= INIT_PRODUCER_ID_CURRENT_VERSION) return;
  throw new CausewayError('UNSUPPORTED_BROKER', 'InitProducerId with the current id and epoch needs version 3', {
    place: connection.place,
    fix: 'Use brokers of Kafka 2.5 or later.',
  });
}
