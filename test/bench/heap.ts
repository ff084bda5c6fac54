import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What this process's heap holds once everything that can go is gone, in MiB. */
export function heapAfterGcMb(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What the first pass frees may hold what only the second sees.
  collect();
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
