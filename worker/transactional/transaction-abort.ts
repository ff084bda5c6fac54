import { isCausewayError } from '../../common/errors/error.js';
import { LANE_TRANSACTION_TIMEOUT_MS } from '../../common/kafka/fencing/fencing-client.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { TransactionCalls } from './transaction-calls.js';

const RETRY = { initialMs: 50, maxMs: 5_000 } as const;

export interface AbortOptions {
  readonly target: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export type Aborted =
  /** Nothing of it will be seen, and nothing that is still on its way be taken; the lane goes on under this epoch. */
  | { readonly kind: 'aborted'; readonly producerEpoch: number }
  /** The target has fenced or forgotten the lane. */
  | { readonly kind: 'dead' }
  | { readonly kind: 'stopped' };

/** Aborts what may be open of the transaction, and raises the lane's epoch; tried until it is known that it is done. */
export async function abortTransaction(calls: TransactionCalls, options: AbortOptions): Promise<Aborted> {
  const { target, signal, clock, random, logger } = options;
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      if (calls.isBegun) await calls.end(false);
      return { kind: 'aborted', producerEpoch: await calls.raiseEpoch(LANE_TRANSACTION_TIMEOUT_MS) };
    } catch (error) {
      if (signal.aborted) break;
      if (isCausewayError(error, 'LANE_DEAD')) return { kind: 'dead' };
      if (!isCausewayError(error)) throw error;
      if (attempt === 0) logger.warn('transaction.abort-failed', { target, err: error });
      await clock.sleep(backoffMs(attempt, RETRY, random), signal);
    }
  }
  return { kind: 'stopped' };
}
