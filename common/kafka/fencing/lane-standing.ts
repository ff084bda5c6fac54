import type { TopicPartition } from '../../model/topic-partition.js';
import { KafkaCode } from '../wire/error-codes.js';
import type { FencingClient, LaneIdentity } from './fencing-client.js';
import { renewLane } from './renew-lane.js';
import { askForTransaction } from './take-over.js';
import { TransactionDialog } from './transaction-dialog.js';

const DEFAULT_LIMIT_MS = 10_000;

export interface LaneStandingOptions {
  readonly client: FencingClient;
  /** The asker's own. */
  readonly lane: LaneIdentity;
  /** Where a target before Kafka 3.0 is asked by a renewal instead. */
  readonly heartbeat: TopicPartition;
  readonly signal: AbortSignal;
  readonly limitMs?: number;
}

export type LaneStanding =
  | { readonly kind: 'alive' }
  /** Fenced, being fenced, or forgotten: drop everything it holds (exactly-once.md 2.5). */
  | { readonly kind: 'dead'; readonly detail: string };

/**
 * Asks the coordinator whether a lane is still its owner's (exactly-once.md 5.8), and changes nothing by it: DescribeTransactions (KIP-664)
 * tells the epoch, which a fence raises before it does anything else. InitProducerId with the lane's own id and epoch is no such question: it
 * raises the epoch itself. Where the coordinator cannot or may not answer, the lane is renewed: a fenced one gets 47 or 90, a forgotten one 49.
 * @throws as `renewLane`: nothing is known; ask again later
 */
export async function laneStanding(options: LaneStandingOptions): Promise<LaneStanding> {
  const { client, lane, heartbeat, signal, limitMs = DEFAULT_LIMIT_MS } = options;
  const { transactionalId, producerId, producerEpoch } = lane;
  const dialog = new TransactionDialog({ client, transactionalId, limitMs, signal });
  dialog.forgetCoordinator();
  const described = await askForTransaction(dialog);
  switch (described?.errorCode) {
    case KafkaCode.NONE: {
      if (described.producerId === producerId && described.producerEpoch === producerEpoch) return { kind: 'alive' };
      const now = `${described.producerId}/${described.producerEpoch}`;
      return { kind: 'dead', detail: `its id is ${now} at the target now, not ${producerId}/${producerEpoch}` };
    }
    case KafkaCode.TRANSACTIONAL_ID_NOT_FOUND:
      return { kind: 'dead', detail: 'the target has forgotten its id' };
    default:
      break;
  }
  const renewal = await renewLane({ client, lane, heartbeat, signal, limitMs });
  if (renewal.kind === 'renewed') return { kind: 'alive' };
  return { kind: 'dead', detail: `the target refuses to renew it (${renewal.errorCode})` };
}
