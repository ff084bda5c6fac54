import type { TopicPartition } from '../../model/topic-partition.js';
import { END_TXN } from '../wire/apis/end-txn.js';
import { KafkaCode, kafkaError } from '../wire/error-codes.js';
import { isCoordinatorMove } from '../wire/operations/on-coordinator.js';
import { addPartitions, NOT_OURS } from './add-partitions.js';
import { type FencingClient, type LaneIdentity, unlessAborted } from './fencing-client.js';
import { TransactionDialog } from './transaction-dialog.js';

/** Well within the lane's transaction timeout: a transaction left open is ended by the coordinator under a higher epoch, and the lane is dead. */
const DEFAULT_LIMIT_MS = 30_000;

export interface RenewLaneOptions {
  readonly client: FencingClient;
  readonly lane: LaneIdentity;
  /** Of the fleet's heartbeat topic at the target. */
  readonly heartbeat: TopicPartition;
  readonly signal: AbortSignal;
  readonly limitMs?: number;
}

export type LaneRenewal =
  | { readonly kind: 'renewed' }
  /** Fenced (47, 90) or forgotten (49): drop everything the lane holds, take a new one (exactly-once.md 2.5). */
  | { readonly kind: 'dead'; readonly errorCode: number };

/**
 * Keeps the coordinator from forgetting a lane's id, which it does after `transactional.id.expiration.ms` however much the lane writes: an
 * empty aborted transaction on the heartbeat partition (exactly-once.md 2.6). Epoch and sequences stay as they are.
 * @throws KAFKA_ERROR, also LEADER_NOT_AVAILABLE (5) before anything was begun: a transaction over a partition without a leader could not
 * end, and its lane not be fenced meanwhile; TIMEOUT, SHUTTING_DOWN, CLUSTER_UNREACHABLE. Try again later.
 */
export async function renewLane(options: RenewLaneOptions): Promise<LaneRenewal> {
  const { client, lane, heartbeat, signal, limitMs = DEFAULT_LIMIT_MS } = options;
  await requireLeader(client, heartbeat, signal);
  const dialog = new TransactionDialog({ client, transactionalId: lane.transactionalId, limitMs, signal });
  dialog.forgetCoordinator();
  for (let attempt = 0; ; attempt += 1) {
    const added = await addPartitions(dialog, lane, [heartbeat]);
    if (added.code !== undefined && NOT_OURS.has(added.code)) return { kind: 'dead', errorCode: added.code };
    const dropped = added.dropped[0];
    if (dropped !== undefined) throw refused(client, lane, dropped.errorCode, heartbeat);
    if (added.kind === 'added') break;
    // Asking again under the same epoch does no harm: the partition is in the transaction, or it is not.
    await dialog.pause(attempt);
  }
  return end(client, dialog, lane);
}

async function end(client: FencingClient, dialog: TransactionDialog, lane: LaneIdentity): Promise<LaneRenewal> {
  const { transactionalId, producerId, producerEpoch } = lane;
  for (let attempt = 0; ; attempt += 1) {
    const answer = await dialog.once(END_TXN, { transactionalId, producerId, producerEpoch, committed: false });
    const code = answer?.errorCode;
    // Ended before, by an attempt whose answer was lost: NONE as well, or 51 until the marker is written.
    if (code === KafkaCode.NONE) return { kind: 'renewed' };
    if (code !== undefined) {
      if (NOT_OURS.has(code)) return { kind: 'dead', errorCode: code };
      if (!mayPass(code)) throw refused(client, lane, code);
      dialog.noteCode(code);
    }
    await dialog.pause(attempt);
  }
}

function mayPass(code: number): boolean {
  return (
    isCoordinatorMove(code) ||
    code === KafkaCode.CONCURRENT_TRANSACTIONS ||
    // Of a coordinator that loses to another one of its own threads (measured).
    code === KafkaCode.UNKNOWN_SERVER_ERROR
  );
}

async function requireLeader(client: FencingClient, heartbeat: TopicPartition, signal: AbortSignal): Promise<void> {
  const { topics } = await unlessAborted(client.metadata([heartbeat.topic]), signal);
  const topic = topics.get(heartbeat.topic);
  const found = topic?.partitions.find(({ partition }) => partition === heartbeat.partition);
  const place = { cluster: client.cluster.name, ...heartbeat };
  if (found === undefined) {
    const code = topic?.errorCode || KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    throw kafkaError(code, place, 'renew a lane');
  }
  if (found.leader < 0) throw kafkaError(KafkaCode.LEADER_NOT_AVAILABLE, place, 'renew a lane');
}

function refused(client: FencingClient, lane: LaneIdentity, code: number, heartbeat?: TopicPartition): Error {
  const place = { cluster: client.cluster.name, ...heartbeat };
  return kafkaError(code, place, `renew lane ${lane.transactionalId}`);
}
