import type { Bench } from './bench.js';
import { latencyBench } from './latency.js';
import { mirrorBench } from './mirror-bench.js';
import { throughputBench } from './throughput.js';
import { tinyBench } from './tiny.js';
import { wanBench } from './wan.js';
import { wireBench } from './wire.js';

/** In the order of `npm run bench -- all`. */
export const benches: readonly Bench[] = [mirrorBench, throughputBench, tinyBench, latencyBench, wireBench, wanBench];
