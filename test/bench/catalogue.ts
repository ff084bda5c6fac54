import type { Bench } from './bench.js';
import { fleetBench } from './fleet.js';
import { idleBench } from './idle.js';
import { latencyBench } from './latency.js';
import { mirrorBench } from './mirror-bench.js';
import { offsetsBench } from './offsets.js';
import { partitionsBench } from './partitions.js';
import { stallBench } from './stall.js';
import { takeoverBench } from './takeover.js';
import { throughputBench } from './throughput.js';
import { tinyBench } from './tiny.js';
import { tlsBench } from './tls.js';
import { wanBench } from './wan.js';
import { wireBench } from './wire.js';

/** In the order of `npm run bench -- all`. */
export const benches: readonly Bench[] = [
  mirrorBench,
  tinyBench,
  throughputBench,
  latencyBench,
  wireBench,
  wanBench,
  idleBench,
  partitionsBench,
  tlsBench,
  stallBench,
  takeoverBench,
  offsetsBench,
  fleetBench,
];
