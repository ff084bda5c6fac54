import type { CoordinationStore } from '../../common/coordination/ports.js';
import { encodeLane } from '../../common/coordination/records/worker.js';
import { lanePath } from '../../common/coordination/znodes.js';
import { isCausewayError, messageOf } from '../../common/errors/error.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';

const RETRY_MS = 250;

export interface LaneRegistrationDeps {
  readonly store: Pick<CoordinationStore, 'create'>;
  /** The lane's incarnation is registered in the session that the store has now. */
  readonly isMember: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Writes the lane's node before the lane may produce (exactly-once.md 2.2); tried until the signal. Without a session its incarnation goes on
 * with the lanes it has: a node that comes into the store only with the next session may belong to an incarnation that was given up and
 * fenced meanwhile, and nobody would fence it again (5.1). Until it is a member in that session, the lane is not its own.
 */
export async function registerLane(
  lane: LaneRecord,
  { store, isMember, clock, logger }: LaneRegistrationDeps,
  signal: AbortSignal,
): Promise<void> {
  const { transactionalId } = lane;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await store.create(lanePath(transactionalId), encodeLane(lane));
      break;
    } catch (error) {
      // Ours already: the answer to an earlier try was lost.
      if (isCausewayError(error, 'NODE_EXISTS')) break;
      if (attempt === 0) logger.warn('lane.registration-waits', { transactionalId, msg: messageOf(error) });
      await clock.sleep(RETRY_MS, signal);
    }
  }
  while (!isMember() && !signal.aborted) await clock.sleep(RETRY_MS, signal);
}
