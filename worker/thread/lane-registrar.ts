import { CausewayError } from '../../common/errors/error.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { FromThread } from './protocol.js';

/** Lane numbers of different threads, and of the lives of one thread, never meet (exactly-once.md 2.7). */
const LANES_PER_LIFE = 10_000;
const MAX_THREADS = 64;

/** Asks the supervisor to write lane nodes: a thread has no connection to the store of its own. */
export class LaneRegistrar {
  readonly #first: number;
  readonly #post: (message: FromThread) => void;
  readonly #waiting = new Map<string, { resolve: () => void; reject: (error: CausewayError) => void }>();
  #count = 0;

  /** @param life how often the thread was started before within this incarnation */
  constructor(thread: number, life: number, post: (message: FromThread) => void) {
    this.#first = (life * MAX_THREADS + thread) * LANES_PER_LIFE;
    this.#post = post;
  }

  nextIndex(): number {
    this.#count += 1;
    return this.#first + this.#count - 1;
  }

  register(lane: LaneRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(lane.transactionalId, { resolve, reject });
      this.#post({ type: 'register-lane', lane });
    });
  }

  answered(transactionalId: string, error: string | undefined): void {
    const waiting = this.#waiting.get(transactionalId);
    this.#waiting.delete(transactionalId);
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(new CausewayError('COORDINATION_UNAVAILABLE', `the lane could not be registered: ${error}`));
  }
}
