import { CausewayError } from '../../errors/error.js';
import type { ClusterClient } from '../wire/cluster-client.js';

/** What fencing asks of the connections to a target cluster; time and chance come with them. */
export type FencingClient = Pick<
  ClusterClient,
  'cluster' | 'clock' | 'random' | 'coordinator' | 'forgetCoordinator' | 'connection' | 'metadata'
>;

/** Who a lane is at its target, as its node in the store says. */
export interface LaneIdentity {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/**
 * A lane opens only empty transactions, to be fenced or renewed; the coordinator may end a forgotten one soon. At most the broker's
 * transaction.max.timeout.ms.
 */
export const LANE_TRANSACTION_TIMEOUT_MS = 60_000;

/** The work's result, or SHUTTING_DOWN as soon as the signal aborts: a broker that hangs holds nobody up. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined);
    throw calledOff();
  }
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(calledOff());
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function calledOff(): CausewayError {
  return new CausewayError('SHUTTING_DOWN', 'what was asked of the target was called off');
}
