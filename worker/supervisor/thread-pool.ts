import { Worker } from 'node:worker_threads';
import { messageOf } from '../../common/errors/error.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { FromThread, ThreadSettings, ToThread } from '../thread/protocol.js';
import { PULSE_BOUNDS, PULSE_TICK_MS, type PulseBounds, ThreadPulse } from './thread-pulse.js';

/** A thread that keeps dying is started again ever more slowly; one that ran for a while begins afresh. */
const RESTART_BACKOFF = { initialMs: 1_000, maxMs: 60_000 } as const;
const STEADY_AFTER_MS = 60_000;
/** A thread that does not end by itself by then is ended. */
const STOP_TIMEOUT_MS = 2_000;

/** What the pool needs of a thread. */
export type ThreadHandle = Pick<Worker, 'postMessage' | 'on' | 'once' | 'terminate'>;

export interface ThreadPoolDeps {
  readonly threads: number;
  readonly settings: (thread: number, life: number) => ThreadSettings;
  readonly received: (thread: number, message: FromThread) => void;
  /** The thread is gone with everything it held; it is being started again, under new lanes (exactly-once.md 2.7). */
  readonly died: (thread: number, error: string) => void;
  /** Nothing has been heard of the thread for so long: what it last said is old. Again each second, until it speaks or is ended. */
  readonly silent: (thread: number, silentMs: number) => void;
  /** For tests: other bounds than usual. */
  readonly pulse?: PulseBounds | undefined;
  /** For the simulation: instead of a thread of Node's. */
  readonly spawn?: ((settings: ThreadSettings) => ThreadHandle) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The data threads of one incarnation. */
export class ThreadPool {
  readonly #deps: ThreadPoolDeps;
  readonly #threads = new Map<number, ThreadHandle>();
  readonly #lives = new Map<number, number>();
  readonly #startedMs = new Map<number, number>();
  /** Deaths in quick succession. */
  readonly #deaths = new Map<number, number>();
  readonly #pulses = new Map<number, ThreadPulse>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(deps: ThreadPoolDeps) {
    this.#deps = deps;
    for (let thread = 0; thread < deps.threads; thread++) this.#start(thread);
    this.#schedule();
  }

  /** All threads run, and none has died lately. */
  get isSteady(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    const ranMs = (thread: number): number => nowMs - (this.#startedMs.get(thread) ?? nowMs);
    const recovered = [...this.#deaths.keys()].every((thread) => ranMs(thread) >= STEADY_AFTER_MS);
    return recovered && this.#threads.size === this.#deps.threads;
  }

  send(thread: number, message: ToThread): void {
    this.#threads.get(thread)?.postMessage(message);
  }

  /** Ends all threads without another byte of mirrored data. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all([...this.#threads.values()].map((worker) => this.#end(worker)));
    this.#threads.clear();
  }

  #start(thread: number): void {
    const life = this.#lives.get(thread) ?? 0;
    this.#lives.set(thread, life + 1);
    this.#startedMs.set(thread, this.#deps.clock.monotonicMs());
    const worker = (this.#deps.spawn ?? startThread)(this.#deps.settings(thread, life));
    this.#threads.set(thread, worker);
    const pulse = new ThreadPulse(this.#deps.pulse ?? PULSE_BOUNDS);
    this.#pulses.set(thread, pulse);
    worker.on('message', (message: FromThread) => {
      pulse.heard();
      if (!this.#closed) this.#deps.received(thread, message);
    });
    worker.on('error', (error) => this.#deps.logger.error('thread.failed', { thread, err: error }));
    worker.on('exit', (code) => this.#exited(thread, worker, code));
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(PULSE_TICK_MS, () => {
      this.#schedule();
      for (const [thread, worker] of this.#threads) this.#feel(thread, worker);
    });
  }

  /** A thread whose loop hangs neither copies nor lets go: it is ended, and its partitions begin anew under other lanes. */
  #feel(thread: number, worker: ThreadHandle): void {
    const pulse = this.#pulses.get(thread)?.tick() ?? { kind: 'beats' };
    if (pulse.kind === 'beats') return;
    const silentMs = pulse.ticks * PULSE_TICK_MS;
    this.#deps.silent(thread, silentMs);
    if (pulse.kind !== 'lost') return;
    this.#deps.logger.error('thread.silent', {
      thread,
      silentMs,
      msg: 'the thread gives no sign of life and is ended',
    });
    this.#terminate(worker);
  }

  #exited(thread: number, worker: ThreadHandle, code: number): void {
    if (this.#closed || this.#threads.get(thread) !== worker) return;
    this.#threads.delete(thread);
    const { clock, random } = this.#deps;
    const ranMs = clock.monotonicMs() - (this.#startedMs.get(thread) ?? 0);
    const deaths = ranMs >= STEADY_AFTER_MS ? 0 : (this.#deaths.get(thread) ?? 0);
    this.#deaths.set(thread, deaths + 1);
    clock.after(backoffMs(deaths, RESTART_BACKOFF, random), () => {
      if (this.#closed) return;
      this.#start(thread);
      this.#deps.died(thread, `exit code ${code}`);
    });
  }

  async #end(worker: ThreadHandle): Promise<void> {
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ type: 'stop' } satisfies ToThread);
    const timer = this.#deps.clock.after(STOP_TIMEOUT_MS, () => this.#terminate(worker));
    await ended;
    timer.cancel();
  }

  #terminate(worker: ThreadHandle): void {
    worker
      .terminate()
      .catch((error: unknown) => this.#deps.logger.warn('thread.terminate-failed', { msg: messageOf(error) }));
  }
}

function startThread(settings: ThreadSettings): Worker {
  return new Worker(new URL('../thread/main.js', import.meta.url), {
    workerData: settings,
    name: `data-${settings.thread}`,
  });
}
