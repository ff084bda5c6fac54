import { LIST_TRANSACTIONS } from '../wire/apis/list-transactions.js';
import { call } from '../wire/call.js';
import { KafkaCode, kafkaError } from '../wire/error-codes.js';
import { type FencingClient, unlessAborted } from './fencing-client.js';

const PURPOSE = 'fencing';
const ANY_DURATION = -1n;

export interface LaneOfProducerOptions {
  readonly client: FencingClient;
  readonly fleet: string;
  readonly producerId: bigint;
  readonly signal: AbortSignal;
}

/**
 * The transactional id of the fleet's lane that writes under this producer id (exactly-once.md 6.4), as the target's coordinators have it
 * (ListTransactions, KIP-664). They remember a lane for as long as it can be fenced, also when its node in the store is gone: it goes when
 * the lane is fenced. Undefined: no lane of ours, or a target before Kafka 3.0, or we may not know (DESCRIBE on the ids).
 * @throws KAFKA_ERROR while a coordinator is loading, CONNECTION_LOST and the like: ask again later
 */
export async function laneOfProducer(options: LaneOfProducerOptions): Promise<string | undefined> {
  const { client, fleet, producerId, signal } = options;
  const { brokers } = await unlessAborted(client.metadata([]), signal);
  let fault: unknown;
  for (const broker of brokers.keys()) {
    try {
      const connection = await unlessAborted(client.connection(broker, PURPOSE), signal);
      if (connection.versionOf(LIST_TRANSACTIONS.key) === undefined) continue;
      const request = { stateFilters: [], producerIdFilters: [producerId], durationMs: ANY_DURATION };
      const { errorCode, transactions } = await unlessAborted(call(connection, LIST_TRANSACTIONS, request), signal);
      if (errorCode !== KafkaCode.NONE) {
        fault = kafkaError(errorCode, { cluster: client.cluster.name }, 'list the transactional ids');
        continue;
      }
      const lane = transactions.find(({ transactionalId }) => transactionalId.startsWith(`causeway.${fleet}.`));
      if (lane !== undefined) return lane.transactionalId;
    } catch (error) {
      if (signal.aborted) throw error;
      fault = error;
    }
  }
  // Each broker knows the ids that it coordinates: one that did not answer may know this one.
  if (fault !== undefined) throw fault;
  return undefined;
}
