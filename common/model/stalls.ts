/** Who or what can end a stall. */
export type StallCure =
  /** The source cluster, or who runs it. */
  | 'source'
  /** The target cluster, or who runs it. */
  | 'target'
  /** Whoever set a limit or a size. */
  | 'operator'
  /** Another worker might do better: its memory, its way through the network, its process are others. */
  | 'move'
  /** The worker itself is at it already. */
  | 'worker';

interface StallSpec {
  readonly cure: StallCure;
  /** One sentence for the reader of docs/stalls.md. */
  readonly meaning: string;
  /** What to do. */
  readonly fix: string;
}

const stall = (cure: StallCure, meaning: string, fix: string): StallSpec => ({ cure, meaning, fix });

/**
 * What may block a partition, in the order in which the watchdog looks: the first that holds is named. Codes are an interface: never
 * renamed, only added.
 */
export const STALLS = {
  'thread-silent': stall(
    'worker',
    'The data thread that holds the partition gives no sign of life.',
    'Wait: a thread that stays silent is ended and started again. If it comes again, look at its loop delay and its log.',
  ),
  'lane-dead': stall(
    'worker',
    'The target fenced the lane that writes the partition.',
    'Wait: the worker takes a new incarnation. If it comes again, find out who fences this worker’s transactional ids.',
  ),
  'lane-unconfirmed': stall(
    'target',
    'Whether the lane that writes the partition is alive has not been confirmed at the target for so long that it sends nothing more.',
    'Check the target’s transaction coordinators and the fleet’s heartbeat topic there.',
  ),
  'lease-ended': stall(
    'worker',
    'The coordination service has not answered for so long that others may have taken over: nothing is written.',
    'Bring the coordination service back, or see worker.onCoordinationLoss.',
  ),
  'fence-pending': stall(
    'target',
    'The marker that ends what the last owner wrote is not in the target partition yet.',
    'Check that the target’s transaction coordinators and the partition’s leader are up.',
  ),
  'checkpoint-failing': stall(
    'target',
    'The target does not take the partition’s checkpoint.',
    'Check the group coordinators of the target and the right to READ groups `causeway.*`.',
  ),
  'gap-unwritten': stall(
    'target',
    'Records are left out, and that cannot be written down; nothing behind them may be sent before.',
    'Check that the fleet’s gap topic and the dead-letter topic exist at the target, have leaders and may be written.',
  ),
  'rate-limit': stall('operator', 'A rate limit holds it back.', 'Raise the limit, or wait.'),
  memory: stall(
    'move',
    'The memory for records between source and target is in use by others.',
    'Find out why those who hold it are not getting rid of it, or raise worker.maxInflightBytes.',
  ),
  inspecting: stall(
    'worker',
    'A batch is being decoded or looked into.',
    'Wait; if it lasts, restart the worker and report it.',
  ),
  'target-leaderless': stall(
    'target',
    'The target partition has no leader.',
    'Bring the brokers that hold its replicas back; see kafka-topics.sh --unavailable-partitions.',
  ),
  'target-throttled': stall(
    'target',
    'The target’s quota makes the worker wait.',
    'Raise the quota of the worker’s client id or user at the target.',
  ),
  'target-unreachable': stall(
    'move',
    'The worker has no connection to the broker that leads the target partition.',
    'Check that the broker is up and that the worker reaches it.',
  ),
  'target-unanswered': stall(
    'target',
    'The broker that leads the target partition owes an answer to what was sent.',
    'Check the broker: its replicas, disks and request queue.',
  ),
  'target-transaction': stall(
    'target',
    'The transaction at the target that is to carry it does not begin or end.',
    'Check the target’s transaction coordinators (`__transaction_state`) and the coordinators of groups `causeway.*`.',
  ),
  'target-failing': stall(
    'target',
    'The target answers with errors, and the same bytes are tried again.',
    'The reason says which error.',
  ),
  'source-leaderless': stall(
    'source',
    'The source partition has no leader.',
    'Bring the brokers that hold its replicas back; see kafka-topics.sh --unavailable-partitions.',
  ),
  'source-unconfirmed': stall(
    'source',
    'The source partition’s new leader has not said yet whether its log holds what was read under the old one.',
    'Check the broker that leads the source partition.',
  ),
  'source-throttled': stall(
    'source',
    'The source’s quota makes the worker wait.',
    'Raise the quota of the worker’s client id or user at the source.',
  ),
  'source-unreachable': stall(
    'move',
    'The worker has no connection to the broker it reads the source partition from.',
    'Check that the broker is up and that the worker reaches it.',
  ),
  'source-unanswered': stall(
    'source',
    'The broker it is read from owes an answer.',
    'Check the broker: its disks and request queue.',
  ),
  'source-failing': stall(
    'source',
    'The source’s leader answers with an error.',
    'The message says which; check the partition at the source.',
  ),
  'source-transaction-open': stall(
    'source',
    'A transaction at the source is open: what lies behind its first record is not committed yet, and read_committed does not read it.',
    'Find the producer that holds it; a hanging one is ended with kafka-transactions.sh --abort.',
  ),
  'source-empty': stall(
    'source',
    'The source’s leader says there are more records and sends none.',
    'Check the partition at the source with a consumer of the same isolation level.',
  ),
  'start-failing': stall(
    'move',
    'Where the partition is to go on cannot be found out.',
    'The message says what failed.',
  ),
  'lost-wake-up': stall(
    'move',
    'Nothing blocks it and nothing moves: a bug of ours. It was pushed.',
    'Please report it with the worker’s log; if it does not move, restart the worker.',
  ),
} as const satisfies Record<string, StallSpec>;

export type StallCode = keyof typeof STALLS;

/** All codes, in the order in which they are looked at. */
export const STALL_CODES = Object.keys(STALLS) as [StallCode, ...StallCode[]];

/** Why a partition that has something to do does not move. */
export interface Stall {
  readonly code: StallCode;
  /** The evidence: who, since when, how much. */
  readonly message: string;
  /** When it moved last, ISO 8601. */
  readonly since: string;
}

/** Might the partition go on at another worker? */
export function isCuredByMove(code: StallCode): boolean {
  return STALLS[code].cure === 'move';
}
