import { parentPort, workerData } from 'node:worker_threads';
import { fuzzTargets } from './catalogue.js';
import { Fuzzer } from './runner.js';
import type { FuzzMessage, FuzzWorkerData } from './supervise.js';

// What the supervisor starts.
const { count, seed, progress } = workerData as FuzzWorkerData;
const current = new Int32Array(progress);
const tell = (message: FuzzMessage): void => parentPort?.postMessage(message);

const report = await new Fuzzer(fuzzTargets()).run({
  count,
  seed,
  onCase: (index) => void Atomics.store(current, 0, index),
  onFailure: (failure) => tell({ kind: 'failure', failure }),
});
tell({ kind: 'report', report });
