import { Worker } from 'node:worker_threads';
import type { FuzzFailure, FuzzReport } from './runner.js';

/** A case that has not ended by then never will. */
const HANG_MS = 20_000;
const WATCH_MS = 1_000;
/** The thread is still loading what it fuzzes, which takes a busy machine long: no case hangs. */
const NONE_BEGUN = -1;
/** The fuzzing thread's heap: runaway growth ends that thread, not the process. */
const MAX_HEAP_MIB = 1_024;

export interface FuzzOrder {
  readonly count: number;
  readonly seed: number;
  readonly onFailure: (failure: FuzzFailure) => void;
}

export interface FuzzWorkerData {
  readonly count: number;
  readonly seed: number;
  /** The number of the case that is being judged; -1 before the first. */
  readonly progress: SharedArrayBuffer;
}

export type FuzzMessage =
  | { readonly kind: 'failure'; readonly failure: FuzzFailure }
  | { readonly kind: 'report'; readonly report: FuzzReport };

/** Runs the fuzzer in a thread of its own and watches from outside. @throws when a case hangs or exhausts the heap, naming it */
export function superviseFuzzing({ count, seed, onFailure }: FuzzOrder): Promise<FuzzReport> {
  const progress = new SharedArrayBuffer(4);
  const current = new Int32Array(progress).fill(NONE_BEGUN);
  const workerData: FuzzWorkerData = { count, seed, progress };
  const worker = new Worker(new URL('./fuzz-thread.js', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  });
  return new Promise((resolve, reject) => {
    let seen = NONE_BEGUN;
    let since = performance.now();
    const replay = (): string => `replay it with --seed ${seed} --count ${count} --replay ${Atomics.load(current, 0)}`;
    const timer = setInterval(() => {
      const now = Atomics.load(current, 0);
      if (now !== seen || now === NONE_BEGUN) {
        seen = now;
        since = performance.now();
      } else if (performance.now() - since > HANG_MS) {
        fail(new Error(`case ${now} hangs; ${replay()}`));
      }
    }, WATCH_MS);
    const fail = (error: Error): void => {
      clearInterval(timer);
      void worker.terminate();
      reject(error);
    };
    worker.on('message', (message: FuzzMessage) => {
      if (message.kind === 'failure') onFailure(message.failure);
      else {
        clearInterval(timer);
        resolve(message.report);
      }
    });
    worker.on('error', (error) => fail(new Error(`the fuzzing thread died (${error.message}); ${replay()}`)));
    worker.on('exit', () => fail(new Error(`the fuzzing thread ended; ${replay()}`)));
  });
}
