import { CausewayError } from '../../common/errors/error.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { FromThread } from './protocol.js';

/** Lane numbers of different threads never meet. */
const LANES_PER_THREAD = 10_000;

/** Asks the supervisor to write lane nodes: a thread has no connection to the store of its own. */
export class LaneRegistrar {
  readonly #thread: number;
  readonly #post: (message: FromThread) => void;
  readonly #waiting = new Map<string, { resolve: () => void; reject: (error: CausewayError) => void }>();
  #count = 0;

  constructor(thread: number, post: (message: FromThread) => void) {
    this.#thread = thread;
    this.#post = post;
  }

  nextIndex(): number {
    this.#count += 1;
    return this.#thread * LANES_PER_THREAD + this.#count - 1;
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
