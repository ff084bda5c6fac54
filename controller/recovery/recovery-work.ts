import { RECOVERIES, recoveryPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { Nudge } from '../../common/runtime/nudge.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import { HANDLERS } from './handlers.js';
import type { RecoveryWorld } from './ports.js';
import { ProgramRunner } from './program-runner.js';
import { allRecoveries, spent } from './records.js';

const LOOK_MS = 2_000;
const RETRY_MS = 1_000;

/** What the leader does about recovery programs: works on each that is open, beside one another, and forgets old ones. */
export class RecoveryWork implements LeaderWork {
  readonly name = 'recoveries';
  readonly #world: RecoveryWorld;
  readonly #handlers: typeof HANDLERS;

  constructor(world: RecoveryWorld, handlers = HANDLERS) {
    this.#world = world;
    this.#handlers = handlers;
  }

  async run(term: Term): Promise<void> {
    const { store, clock } = this.#world;
    const nudge = new Nudge(clock);
    const unwatch = store.watch(RECOVERIES, () => nudge.wake());
    const onEnd = (): void => nudge.wake();
    term.signal.addEventListener('abort', onEnd, { once: true });
    const running = new Map<string, Promise<void>>();
    try {
      while (!term.signal.aborted) {
        const recoveries = await allRecoveries(store);
        for (const { id, state } of recoveries) {
          if ((state !== 'running' && state !== 'aborting') || running.has(id)) continue;
          running.set(
            id,
            this.#work(id, term).finally(() => running.delete(id)),
          );
        }
        for (const id of spent(recoveries)) {
          await term.write([{ type: 'remove', path: recoveryPath(id), version: -1 }]);
        }
        await nudge.wait(LOOK_MS);
      }
    } finally {
      unwatch();
      await Promise.all(running.values());
    }
  }

  async #work(id: string, term: Term): Promise<void> {
    const { clock, logger } = this.#world;
    try {
      await new ProgramRunner(id, { world: this.#world, term, handlers: this.#handlers }).run();
    } catch (error) {
      if (term.signal.aborted || isCausewayError(error, 'EPOCH_LOST')) return;
      logger.error('recovery.interrupted', { recovery: id, err: error });
      // It is taken up again with the next look.
      await clock.sleep(RETRY_MS, term.signal);
    }
  }
}
