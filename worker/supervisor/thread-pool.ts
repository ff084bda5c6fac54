import { Worker } from 'node:worker_threads';
import { messageOf } from '../../common/errors/error.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { FromThread, ThreadSettings, ToThread } from '../thread/protocol.js';

/** A thread that keeps dying is started again at most this often. */
const RESTART_DELAY_MS = 1_000;
/** A thread that does not end by itself by then is ended. */
const STOP_TIMEOUT_MS = 2_000;

export interface ThreadPoolDeps {
  readonly threads: number;
  readonly settings: (thread: number, life: number) => ThreadSettings;
  readonly received: (thread: number, message: FromThread) => void;
  /** The thread is gone with everything it held; it is being started again, under new lanes (exactly-once.md 2.7). */
  readonly died: (thread: number, error: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The data threads of one incarnation. */
export class ThreadPool {
  readonly #deps: ThreadPoolDeps;
  readonly #threads = new Map<number, Worker>();
  readonly #lives = new Map<number, number>();
  #closed = false;

  constructor(deps: ThreadPoolDeps) {
    this.#deps = deps;
    for (let thread = 0; thread < deps.threads; thread++) this.#start(thread);
  }

  send(thread: number, message: ToThread): void {
    this.#threads.get(thread)?.postMessage(message);
  }

  /** Ends all threads without another byte of mirrored data. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#threads.values()].map((worker) => this.#end(worker)));
    this.#threads.clear();
  }

  #start(thread: number): void {
    const life = this.#lives.get(thread) ?? 0;
    this.#lives.set(thread, life + 1);
    const worker = new Worker(new URL('../thread/main.js', import.meta.url), {
      workerData: this.#deps.settings(thread, life),
      name: `data-${thread}`,
    });
    this.#threads.set(thread, worker);
    worker.on('message', (message: FromThread) => {
      if (!this.#closed) this.#deps.received(thread, message);
    });
    worker.on('error', (error) => this.#deps.logger.error('thread.failed', { thread, err: error }));
    worker.on('exit', (code) => this.#exited(thread, worker, code));
  }

  #exited(thread: number, worker: Worker, code: number): void {
    if (this.#closed || this.#threads.get(thread) !== worker) return;
    this.#threads.delete(thread);
    this.#deps.clock.after(RESTART_DELAY_MS, () => {
      if (this.#closed) return;
      this.#start(thread);
      this.#deps.died(thread, `exit code ${code}`);
    });
  }

  async #end(worker: Worker): Promise<void> {
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ type: 'stop' } satisfies ToThread);
    const timer = this.#deps.clock.after(STOP_TIMEOUT_MS, () => {
      worker
        .terminate()
        .catch((error: unknown) => this.#deps.logger.warn('thread.terminate-failed', { msg: messageOf(error) }));
    });
    await ended;
    timer.cancel();
  }
}
