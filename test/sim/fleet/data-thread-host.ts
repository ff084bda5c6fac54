import { EventEmitter } from 'node:events';
import type { Logger } from '../../../common/observability/logger.js';
import type { ThreadHandle } from '../../../worker/supervisor/thread-pool.js';
import { DataThread } from '../../../worker/thread/data-thread.js';
import type { FromThread, ThreadSettings, ToThread } from '../../../worker/thread/protocol.js';
import type { Actor } from '../kernel/actor.js';

const MESSAGE_MS = [0.01, 0.5] as const;

/**
 * A data thread in the place of one of Node's: the product's `DataThread`, whose turns are its own. Messages arrive in order, a little later.
 */
export class DataThreadHost extends EventEmitter {
  readonly actor: Actor;
  readonly #parent: Actor;
  readonly #thread: DataThread;
  #toThreadMs = 0;
  #toParentMs = 0;
  #isGone = false;

  constructor(parent: Actor, actor: Actor, settings: ThreadSettings, logger: Logger) {
    super();
    this.#parent = parent;
    this.actor = actor;
    const { clock, dice: random } = actor;
    this.#thread = new DataThread({ settings, post: (message) => this.#posted(message), clock, random, logger });
  }

  postMessage(message: ToThread): void {
    if (this.#isGone) return;
    this.#toThreadMs = this.#nextMs(this.#toThreadMs);
    this.actor.turn(this.#toThreadMs - this.#nowMs, () => this.#thread.receive(message));
  }

  terminate(): Promise<number> {
    this.exit(1);
    return Promise.resolve(1);
  }

  /** It is gone, with everything it holds. */
  exit(code: number): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.actor.kill();
    this.#parent.turn(1, () => this.emit('exit', code));
  }

  #posted(message: FromThread): void {
    if (this.#isGone) return;
    this.#toParentMs = this.#nextMs(this.#toParentMs);
    this.#parent.turn(this.#toParentMs - this.#nowMs, () => {
      if (!this.#isGone) this.emit('message', message);
    });
    if (message.type === 'stopped') this.actor.turn(0, () => this.exit(0));
  }

  #nextMs(lastMs: number): number {
    return Math.max(lastMs, this.#nowMs + this.#parent.dice.between(...MESSAGE_MS));
  }

  get #nowMs(): number {
    return this.#parent.clock.monotonicMs();
  }
}

/** The pool calls nothing else of it. */
export function asThreadHandle(host: DataThreadHost): ThreadHandle {
  return host as unknown as ThreadHandle;
}
