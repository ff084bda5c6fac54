import { type Config, compileConfig } from '../../../common/config/compile.js';
import { configSchema } from '../../../common/config/schema.js';

export const FLEET = 'sim';
export const ROUTE = 'mirror';
export const SESSION_TIMEOUT_MS = 2_000;
export const OPERATION_TIMEOUT_MS = 1_500;

/** Times as short as they can be while their order is that of the defaults: a world of half a minute then has many of everything. */
const BASE = {
  fleet: FLEET,
  coordination: {
    type: 'zookeeper',
    zookeeper: { connect: 'zookeeper:2181', sessionTimeoutMs: SESSION_TIMEOUT_MS },
  },
  clusters: {
    source: { bootstrap: ['source-1:9092', 'source-2:9092'], connectTimeoutMs: 500, requestTimeoutMs: 1_500 },
    target: { bootstrap: ['target-1:9092', 'target-2:9092'], connectTimeoutMs: 500, requestTimeoutMs: 1_500 },
  },
  routes: { [ROUTE]: { source: 'source', target: 'target', delivery: 'exactly-once' } },
  controller: {
    takeoverDelayMs: 300,
    handoffTimeoutMs: 3_000,
    reconcileIntervalMs: 2_000,
    metadataIntervalMs: 2_000,
    planner: { loadIntervalMs: 600_000 },
  },
  worker: {
    threads: 1,
    fetchMaxWaitMs: 500,
    checkpointIntervalMs: 400,
    shutdownTimeoutMs: 6_000,
    crcCheckEvery: 0,
    maxInflightBytes: 8 << 20,
    fetchMaxBytes: 1 << 20,
    fetchMaxPartitionBytes: 64 << 10,
  },
} as const;

const base = compileConfig(configSchema.parse(BASE), { hostname: 'sim', baseDir: '/' });

export function settingsOf(id: string, threads = 1): Config {
  return { ...base, controller: { ...base.controller, id }, worker: { ...base.worker, id, threads } };
}
