import type { Recovery } from '../../common/model/recovery.js';
import { audited, nextAction, stepEnded } from './recovery-state.js';

/**
 * A program as it comes out of an export: one that the leader would work on by itself waits for an operator instead, as after a step that
 * failed. A change of leaders finds a program as it was a moment ago; an export may be weeks old, and what was under way then may be long
 * over. Going on with it could stop topics that are copied again, deny producers that have moved back, or turn a direction once more;
 * undoing it could have topics copied from a cluster that was given up. What it did until then stays known, whom it denied to write
 * above all. A resumed step begins anew, so that its time-outs count from there. What waits for an operator, or is over, stays as it is. Pure.
 */
export function heldRecovery(recovery: Recovery, at: string): Recovery {
  const { kind } = nextAction(recovery);
  if (kind !== 'run' && kind !== 'undo') return recovery;
  const orders = kind === 'undo' ? 'abort it again' : 'resume or abort it';
  const message = `imported as it stood at ${recovery.updatedAt}: what became of it since is not known. Look at the route’s topics, then ${orders}`;
  const step = recovery.steps.find(({ state }) => state !== 'done' && state !== 'skipped');
  if (step === undefined) {
    return audited({ ...recovery, state: 'failed' }, { at, step: '', event: 'failed', detail: message });
  }
  // `stepEnded` keeps an order to abort, which is what would be worked on.
  return stepEnded({ ...recovery, state: 'running' }, step.id, { kind: 'failed', message }, at);
}
