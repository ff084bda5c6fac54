import { CausewayError, messageOf } from '../../common/errors/error.js';
import type { MapChain } from '../../common/model/offset-map-record.js';
import type { WalkedRuns } from '../core/start-history.js';
import type { WalkOutcome } from '../walk/walk-outcome.js';
import type { Reason } from './mirrored-partition.js';

/** How a partition stands whose last owners' logs were closed and compared. */
export type TakenOver =
  /** The first source record that is not at the target, and the target's end. */
  | {
      readonly kind: 'walked';
      readonly sourceOffset: bigint;
      readonly targetOffset: bigint;
      /** Under which the source's log reached that offset; -1 unknown. */
      readonly sourceLeaderEpoch: number;
      /** The offset map up to there. */
      readonly runs: MapChain;
    }
  /** Of the source records [from, to) it cannot be told which were copied, and some are gone. */
  | {
      readonly kind: 'uncertain';
      readonly from: bigint;
      readonly to: bigint;
      readonly targetOffset: bigint;
      readonly runs: MapChain;
    }
  /** From here on the logs differ; the target may just have more than the source. */
  | {
      readonly kind: 'diverged';
      readonly sourceOffset: bigint;
      readonly isSourceShort: boolean;
      readonly message: string;
    }
  | Waiting
  | (Reason & { readonly kind: 'pause' });

export type Waiting = Reason & { readonly kind: 'wait' };

const UNPROVEN: Waiting = {
  kind: 'wait',
  code: 'LANE_DEAD',
  message: 'the marker that ends what its last owner wrote is not there yet',
};

/** @param runs those that the walk found */
export function takenOver(outcome: WalkOutcome, runs: WalkedRuns): TakenOver {
  switch (outcome.kind) {
    case 'resume':
      // What was counted tells a position, and not which record lies where.
      if (outcome.basis !== 'records') runs.lose(outcome);
      return {
        kind: 'walked',
        sourceOffset: outcome.sourceOffset,
        targetOffset: outcome.targetOffset,
        sourceLeaderEpoch: outcome.sourceLeaderEpoch,
        runs: runs.chain(),
      };
    case 'foreign': {
      const message = `the target’s batch at offset ${outcome.offset} was written by producer ${outcome.producerId}, which is none of ours`;
      return { kind: 'pause', code: 'TARGET_SHARED', message };
    }
    case 'diverged': {
      const { sourceOffset, what } = outcome;
      const where = `source offset ${sourceOffset}, target offset ${outcome.targetOffset}`;
      const message = `the target differs from the source at ${where} (${what})`;
      return { kind: 'diverged', sourceOffset, isSourceShort: what === 'source-ended', message };
    }
    case 'pause': {
      const { from, to } = outcome.gap;
      const { targetOffset } = outcome;
      runs.lose({ sourceOffset: to, targetOffset });
      return { kind: 'uncertain', from, to, targetOffset, runs: runs.chain() };
    }
    case 'wait':
      return outcome;
  }
}

/** The error is of what was asked meanwhile: it is tried again. */
export function waitFor(error: unknown): Waiting {
  if (!(error instanceof CausewayError)) throw error;
  return { kind: 'wait', code: error.code, message: messageOf(error) };
}

/** @param error why a log could not be closed; undefined: the marker is still to come */
export function waitingOf(error: CausewayError | undefined): Waiting {
  return error === undefined ? UNPROVEN : { kind: 'wait', code: error.code, message: messageOf(error) };
}
