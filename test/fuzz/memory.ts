import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 1024 * 1024;

/** Memory may grow by this over a run, measured after garbage collection, once everything has been used for a while. */
export const MAX_HEAP_GROWTH_MIB = 32;
/** Of the process: allocators keep what they freed, so this is looser. */
export const MAX_RSS_GROWTH_MIB = 192;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export interface MemorySample {
  /** Live objects and buffers of this thread. */
  readonly heapMiB: number;
  /** Of the whole process. */
  readonly rssMiB: number;
}

/** Everything unreachable is collected first. */
export function sampleMemory(): MemorySample {
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapMiB: (heapUsed + external) / MIB, rssMiB: rss / MIB };
}

/** The lowest sample counts as the level: a single high one proves nothing. */
export class MemoryGrowth {
  #first: MemorySample | undefined;
  #recent: MemorySample[] = [];

  add(sample: MemorySample): void {
    if (this.#first === undefined) this.#first = sample;
    else this.#recent = [...this.#recent.slice(-2), sample];
  }

  get heapMiB(): number {
    return this.#growth(({ heapMiB }) => heapMiB);
  }

  get rssMiB(): number {
    return this.#growth(({ rssMiB }) => rssMiB);
  }

  #growth(of: (sample: MemorySample) => number): number {
    const first = this.#first;
    if (first === undefined || this.#recent.length === 0) return 0;
    return Math.max(0, Math.round((Math.min(...this.#recent.map(of)) - of(first)) * 10) / 10);
  }
}
