import { encodeRecovery } from '../../common/coordination/records/recovery.js';
import { recoveryPath } from '../../common/coordination/znodes.js';
import { isCausewayError, messageOf } from '../../common/errors/error.js';
import type { Recovery, RecoveryAct, RecoveryStep } from '../../common/model/recovery.js';
import {
  aborted,
  askedFor,
  factsNoted,
  finished,
  nextAction,
  type StepOutcome,
  stepBegun,
  stepEnded,
  undoable,
} from '../core/recovery-state.js';
import type { Term } from '../loop/leader-works.js';
import type { RecoveryWorld, StepContext, StepHandler } from './ports.js';
import { readRecovery, type StoredRecovery } from './records.js';
import { within } from './within.js';

/** Between two looks at something that is on its way. */
const POLL_MS = 500;
/** An operator's order and our own write may meet this often in a row. */
const MAX_WRITE_ATTEMPTS = 10;
/** A step that cannot ask what it has to for this long has failed; one that cannot be undone for this long stays as it is. */
const PATIENCE_MS = 60_000;

export interface ProgramRunnerOptions {
  readonly world: RecoveryWorld;
  readonly term: Term;
  readonly handlers: Readonly<Record<RecoveryAct, StepHandler>>;
}

/**
 * Works on one program until it is over, waits for an operator, or the reign ends. What was reached is written down before and after each
 * step, in writes that only a leader can make: whoever leads next goes on there, with the step that was under way from its beginning.
 */
export class ProgramRunner {
  readonly #id: string;
  readonly #options: ProgramRunnerOptions;
  readonly #memos = new Map<string, Map<string, unknown>>();

  constructor(id: string, options: ProgramRunnerOptions) {
    this.#id = id;
    this.#options = options;
  }

  /** @throws EPOCH_LOST and what the store throws: to be begun again */
  async run(): Promise<void> {
    const { term, world } = this.#options;
    while (!term.signal.aborted) {
      const stored = await readRecovery(world.store, this.#id);
      if (stored === undefined) return;
      const action = nextAction(stored.recovery);
      switch (action.kind) {
        case 'rest':
          return;
        case 'finish':
          await this.#change((recovery) => finished(recovery, this.#now()));
          this.#say('recovery.finished', stored.recovery, {});
          break;
        case 'ask':
          await this.#change((recovery) => askedFor(recovery, action.step.id, this.#now()));
          this.#say('recovery.asks', stored.recovery, { step: action.step.id });
          break;
        case 'undo':
          await this.#undo(stored.recovery);
          return;
        case 'run':
          if (!(await this.#runStep(action.step.id))) await world.clock.sleep(POLL_MS, term.signal);
      }
    }
  }

  /** @returns false: it is on its way */
  async #runStep(id: string): Promise<boolean> {
    const { term } = this.#options;
    const { recovery } = await this.#change((present) => stepBegun(present, id, this.#now()));
    // Somebody may have aborted it meanwhile.
    if (nextAction(recovery).kind !== 'run') return true;
    const step = recovery.steps.find((one) => one.id === id) as RecoveryStep;
    const outcome = await this.#attempt(this.#contextOf(recovery, step));
    if (term.signal.aborted) return true;
    if (outcome.kind === 'again' && isSame(step, outcome)) return false;
    await this.#change((present) => stepEnded(present, id, outcome, this.#now()));
    const detail = { step: id, outcome: outcome.kind, ...('message' in outcome ? { reason: outcome.message } : {}) };
    if (outcome.kind !== 'again') {
      const labels = { kind: recovery.kind, step: step.act, outcome: outcome.kind };
      this.#options.world.metrics.inc('causeway_recovery_steps_total', 1, labels);
      this.#say('recovery.step', recovery, detail);
    }
    return outcome.kind !== 'again';
  }

  async #attempt(context: StepContext): Promise<StepOutcome> {
    const handler = this.#options.handlers[context.step.act];
    const { memo, recovery, step } = context;
    // The other direction is not copied yet: there is nothing to look at.
    if (recovery.dryRun && step.leg === 'back') return { kind: 'skipped', message: 'nothing to be seen before' };
    try {
      const outcome = await (recovery.dryRun ? handler.look(context) : handler.run(context));
      memo.delete(FAULT_SINCE);
      return outcome;
    } catch (error) {
      if (context.signal.aborted || isCausewayError(error, 'EPOCH_LOST')) throw error;
      // A write that met another one, an answer that was lost: what there is now decides.
      const isPassing = isCausewayError(error) && (error.info.retryable || PASSING.has(error.code));
      const message = describe(error);
      const nowMs = this.#options.world.clock.monotonicMs();
      const sinceMs = memo.get(FAULT_SINCE) ?? nowMs;
      memo.set(FAULT_SINCE, sinceMs);
      if (isPassing && nowMs - Number(sinceMs) < PATIENCE_MS) return { kind: 'again', message };
      return { kind: 'failed', message };
    }
  }

  async #undo(recovery: Recovery): Promise<void> {
    const done: string[] = [];
    const sinceMs = this.#options.world.clock.monotonicMs();
    for (const step of undoable(recovery)) {
      const { undo } = this.#options.handlers[step.act];
      if (undo === undefined || step.attempts === 0 || recovery.dryRun) continue;
      // As it is written down now: what one step took back is not taken back by the next one.
      const present = (await readRecovery(this.#options.world.store, this.#id))?.recovery ?? recovery;
      done.push(`${step.id}: ${await this.#undoStep(undo, this.#contextOf(present, step), sinceMs)}`);
    }
    const detail = done.length === 0 ? 'there was nothing to undo' : done.join('; ');
    await this.#change((present) => aborted(present, detail, this.#now()));
    this.#say('recovery.aborted', recovery, { detail });
  }

  /** What cannot be undone does not keep the rest from being undone, nor another program from beginning. */
  async #undoStep(undo: NonNullable<StepHandler['undo']>, context: StepContext, sinceMs: number): Promise<string> {
    const { clock } = this.#options.world;
    for (;;) {
      try {
        return await within(context, PATIENCE_MS, 'undoing it', undo(context));
      } catch (error) {
        if (context.signal.aborted || !isCausewayError(error) || STORE.has(error.code)) throw error;
        const isPassing = error.info.retryable || PASSING.has(error.code);
        if (!isPassing || clock.monotonicMs() - sinceMs >= PATIENCE_MS) return `not undone: ${describe(error)}`;
        await clock.sleep(POLL_MS, context.signal);
      }
    }
  }

  #contextOf(recovery: Recovery, step: RecoveryStep): StepContext {
    const { world, term } = this.#options;
    const startedMs = step.startedAt === undefined ? world.clock.wallMs() : Date.parse(step.startedAt);
    const key = `${step.id} ${step.attempts}`;
    const memo = this.#memos.get(key) ?? new Map<string, unknown>();
    this.#memos.set(key, memo);
    const elapsedMs = Math.max(0, world.clock.wallMs() - startedMs);
    const note: StepContext['note'] = async (facts) => {
      await this.#change((present) => factsNoted(present, step.leg, facts, this.#now()));
    };
    return { recovery, step, world, term, signal: term.signal, elapsedMs, memo, note };
  }

  /** Reads, changes and writes the program; read anew where an operator's order came between. */
  async #change(change: (recovery: Recovery) => Recovery): Promise<StoredRecovery> {
    const { world, term } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const stored = await readRecovery(world.store, this.#id);
      if (stored === undefined) throw new RangeError(`recovery ${this.#id} vanished`);
      const next = change(stored.recovery);
      if (next === stored.recovery) return stored;
      try {
        const data = encodeRecovery(next);
        const versions = await term.write([
          { type: 'set', path: recoveryPath(this.#id), data, version: stored.version },
        ]);
        return { recovery: next, version: versions[0] ?? stored.version + 1 };
      } catch (error) {
        const isRace = isCausewayError(error, 'BAD_VERSION') || isCausewayError(error, 'COORDINATION_UNAVAILABLE');
        if (!isRace || attempt === MAX_WRITE_ATTEMPTS || term.signal.aborted) throw error;
        await world.clock.sleep(POLL_MS, term.signal);
      }
    }
  }

  #now(): string {
    return new Date(this.#options.world.clock.wallMs()).toISOString();
  }

  #say(event: string, { id, kind, route, dryRun }: Recovery, fields: Readonly<Record<string, unknown>>): void {
    this.#options.world.logger.warn(event, { recovery: id, kind, route, dryRun, ...fields });
  }
}

/** Monotonic ms of the first of the faults in a row. */
const FAULT_SINCE = 'fault-since';

/** Nothing is given up because of them: the program is taken up again. */
const STORE: ReadonlySet<string> = new Set(['EPOCH_LOST', 'COORDINATION_UNAVAILABLE', 'COORDINATION_SESSION_LOST']);

const PASSING: ReadonlySet<string> = new Set(['BAD_VERSION', 'NODE_EXISTS', 'NODE_MISSING']);

/** Nothing to write down: it waits for the same as before. */
function isSame({ state, message }: RecoveryStep, outcome: StepOutcome): boolean {
  return state === 'waiting' && outcome.kind === 'again' && outcome.message === message;
}

function describe(error: unknown): string {
  if (!isCausewayError(error)) return messageOf(error);
  const { code, message, fix } = error;
  return `${code}: ${message}${fix === undefined ? '' : ` (${fix})`}`;
}
