import { backoffMs } from '../../../runtime/backoff.js';
import type { CoordinatorKind } from '../apis/find-coordinator.js';
import { isTransient } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import type { BrokerConnection } from '../connection.js';
import { KafkaCode } from '../error-codes.js';

/** Between attempts, each of which looks the coordinator up again. */
const COORDINATOR_BACKOFF = { initialMs: 20, maxMs: 500 } as const;

/** Requests to coordinators share no connection with data. */
const PURPOSE = 'coordinator';

const MOVED: ReadonlySet<number> = new Set([
  KafkaCode.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaCode.COORDINATOR_NOT_AVAILABLE,
  KafkaCode.NOT_COORDINATOR,
]);

/** True for the codes that mean: ask for the coordinator again and repeat. */
export function isCoordinatorMove(code: number): boolean {
  return MOVED.has(code);
}

/** What one attempt brought: the result, and whether another attempt may bring a better one. */
export interface Attempt<T> {
  readonly result: T;
  readonly again: boolean;
}

export interface CoordinatorTask<T> {
  readonly kind: CoordinatorKind;
  /** Group id or transactional id. */
  readonly key: string;
  readonly limitMs: number;
  readonly attempt: (connection: BrokerConnection) => Promise<Attempt<T>>;
}

/**
 * Repeats the attempt on the current coordinator until it asks for no more or `limitMs` is over; then the last result counts, as it is.
 * @throws the last fault of connection or cluster, if that was all.
 */
export async function onCoordinator<T>(client: ClusterClient, task: CoordinatorTask<T>): Promise<T> {
  const { clock, random } = client;
  const deadlineMs = clock.monotonicMs() + task.limitMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const broker = await client.coordinator(task.kind, task.key);
      const { result, again } = await task.attempt(await client.connection(broker, PURPOSE));
      if (!again || clock.monotonicMs() >= deadlineMs) return result;
    } catch (error) {
      if (!isTransient(error) || clock.monotonicMs() >= deadlineMs) throw error;
    }
    client.forgetCoordinator(task.kind, task.key);
    await clock.sleep(backoffMs(attempt, COORDINATOR_BACKOFF, random));
  }
}
