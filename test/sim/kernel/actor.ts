import type { Clock, Timer } from '../../../common/runtime/clock.js';
import type { Dice } from './dice.js';
import type { Scheduled, Timeline } from './timeline.js';

/** The wall clock when a world begins: 2026-01-01. */
export const WALL_START_MS = 1_767_225_600_000;

/** Where a process dies: around the call that makes its countdown run out. */
export type CallMoment = 'before' | 'sent' | 'answered';

/** Something an actor does at its time, or as soon as it is not stopped any more. */
class Turn implements Timer {
  readonly actor: Actor;
  run: (() => void) | undefined;
  scheduled: Scheduled | undefined;

  constructor(actor: Actor, run: () => void) {
    this.actor = actor;
    this.run = run;
  }

  cancel(): void {
    this.run = undefined;
    this.scheduled?.cancel();
  }
}

/**
 * A process, or a thread of one: whatever happens in it is a turn given to it. It may be stopped (its turns wait, what it sent goes on) and
 * killed (its turns are over, what it sent goes on).
 */
export class Actor {
  readonly name: string;
  readonly clock: ActorClock;
  readonly dice: Dice;
  readonly #timeline: Timeline;
  readonly #parent: Actor | undefined;
  readonly #onKill: (() => void)[] = [];
  #isKilled = false;
  #stops = 0;
  #waiting: Turn[] = [];
  #countdown: { left: number; readonly moment: CallMoment } | undefined;

  constructor(name: string, timeline: Timeline, dice: Dice, parent?: Actor) {
    this.name = name;
    this.dice = dice;
    this.#timeline = timeline;
    this.#parent = parent;
    // No two processes count from the same moment; the threads of one do.
    this.clock = new ActorClock(this, timeline, parent?.clock.monotonicMs() ?? dice.below(1_000_000) + timeline.nowMs);
    parent?.onKill(() => this.kill());
  }

  /** The process that this is, or is a thread of. */
  get process(): Actor {
    return this.#parent?.process ?? this;
  }

  get isAlive(): boolean {
    return !this.#isKilled;
  }

  get isStopped(): boolean {
    return this.#stops > 0 || this.#parent?.isStopped === true;
  }

  /** Gives the actor a turn after `delayMs`. */
  turn(delayMs: number, run: () => void): { cancel(): void } {
    const turn = new Turn(this, run);
    if (!this.#isKilled) turn.scheduled = this.#timeline.after(delayMs, () => this.#take(turn));
    return turn;
  }

  kill(): void {
    if (this.#isKilled) return;
    this.#isKilled = true;
    this.#waiting = [];
    for (const listener of this.#onKill.splice(0)) listener();
  }

  onKill(listener: () => void): void {
    if (this.#isKilled) listener();
    else this.#onKill.push(listener);
  }

  stop(): void {
    this.#stops += 1;
  }

  resume(): void {
    this.#stops -= 1;
    if (this.isStopped || this.#isKilled) return;
    for (const turn of this.#waiting.splice(0)) this.#timeline.after(0, () => turn.actor.#take(turn));
  }

  /** Its life ends at the `calls`th request from now on. */
  killAt(calls: number, moment: CallMoment): void {
    this.#countdown = { left: calls, moment };
  }

  /** It is not to die by its calls any more. */
  spare(): void {
    this.#countdown = undefined;
  }

  /** A request is about to be sent. @returns which moment of it the process does not survive */
  calling(): CallMoment | undefined {
    if (this.#countdown === undefined) return this.#parent?.calling();
    this.#countdown.left -= 1;
    if (this.#countdown.left > 0) return undefined;
    const { moment } = this.#countdown;
    this.#countdown = undefined;
    return moment;
  }

  #take(turn: Turn): void {
    if (this.#isKilled) return;
    const stopped = this.#stopped();
    if (stopped === undefined) turn.run?.();
    else stopped.#waiting.push(turn);
  }

  #stopped(): Actor | undefined {
    if (this.#stops > 0) return this;
    return this.#parent === undefined ? undefined : this.#parent.#stopped();
  }
}

/** The clock of one actor: by it one knows who asks. */
export class ActorClock implements Clock {
  readonly actor: Actor;
  readonly #timeline: Timeline;
  readonly #zeroMs: number;

  constructor(actor: Actor, timeline: Timeline, monotonicMs: number) {
    this.actor = actor;
    this.#timeline = timeline;
    this.#zeroMs = monotonicMs - timeline.nowMs;
  }

  wallMs(): number {
    return Math.floor(WALL_START_MS + this.#timeline.nowMs);
  }

  monotonicMs(): number {
    return this.#zeroMs + this.#timeline.nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.actor.turn(delayMs, callback);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.after(delayMs, done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
