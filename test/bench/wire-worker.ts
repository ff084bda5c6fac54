import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../common/config/load.js';
import { createLogger } from '../../common/observability/logger.js';
import { systemClock } from '../../common/runtime/clock.js';
import { systemRandom } from '../../common/runtime/random.js';
import { DataThread } from '../../worker/thread/data-thread.js';
import type { FromThread } from '../../worker/thread/protocol.js';
import { mainThreadCpuS } from './thread-cpu.js';

/** One window between two reports of the data thread. */
export interface WireResult {
  readonly seconds: number;
  readonly bytes: number;
  readonly records: number;
  /** The data thread's own CPU time. */
  readonly userS: number;
  readonly systemS: number;
  /** The whole process's: with the garbage collector's helpers and the file system's threads. */
  readonly processS: number;
  readonly rssMb: number;
}

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
  readonly records: number;
  readonly cpu: { readonly userS: number; readonly systemS: number };
  readonly process: NodeJS.CpuUsage;
}

const assignment = { epoch: 1, generation: 1 } as const;

/** A data thread as this process's main thread, assigned all partitions of one topic by hand; no coordination beside it. */
class LoneThread {
  readonly #thread: DataThread;
  #copied = { bytes: 0, records: 0 };
  #onReport: (sample: Sample) => void = () => undefined;
  problem: string | undefined;

  constructor(configFile: string, topic: string, topicId: string, partitions: number) {
    const { config } = loadConfig(configFile);
    const lease = new SharedArrayBuffer(8);
    new Float64Array(lease)[0] = Number.POSITIVE_INFINITY;
    const { http: _, ...settings } = config.worker;
    const names = { fleet: config.fleet, worker: settings.id, incarnation: 'bench', http: '127.0.0.1:1' };
    const [clusters, routes] = [[...config.clusters.values()], [...config.routes.values()]];
    const taken = new SharedArrayBuffer(8);
    const memory = { guaranteedBytes: settings.maxInflightBytes, sharedBytes: 0, taken };
    const rest = { clusters, settings, memory, logLevel: config.logLevel, lease };
    this.#thread = new DataThread({
      settings: { thread: 0, life: 0, ...names, ...rest },
      post: (message) => this.#posted(message),
      clock: systemClock,
      random: systemRandom,
      logger: createLogger({ level: config.logLevel, base: {} }),
    });
    const items = [...Array(partitions).keys()].map((partition) => ({
      ...{ route: routes[0]?.name ?? '', topic, partition, targetTopic: topic, sourceTopicId: topicId },
      ...({ state: 'own', paused: false, timeline: 1, started: false, start: 'earliest' } as const),
    }));
    this.#thread.receive({ type: 'assign', ...assignment, order: 1, routes, items, limits: [] });
  }

  /** The next report: its counters and the CPU time are of the same moment. */
  report(): Promise<Sample> {
    return new Promise((resolve) => {
      this.#onReport = resolve;
    });
  }

  #posted(message: FromThread): void {
    if (message.type === 'register-lane') {
      const { transactionalId } = message.lane;
      queueMicrotask(() => this.#thread.receive({ type: 'lane-registered', transactionalId }));
    }
    if (message.type !== 'stats') return;
    const { copied, partitions } = message.stats;
    for (const { bytes, records } of copied) {
      this.#copied = { bytes: this.#copied.bytes + bytes, records: this.#copied.records + records };
    }
    this.problem = partitions.find(({ reason }) => reason !== undefined)?.reason?.message;
    const cpu = mainThreadCpuS();
    this.#onReport({ atMs: performance.now(), ...this.#copied, cpu, process: process.cpuUsage() });
  }
}

async function measure(thread: LoneThread, warmupMs: number, measureMs: number): Promise<WireResult> {
  await sleep(warmupMs);
  const from = await thread.report();
  await sleep(measureMs);
  const to = await thread.report();
  if (to.bytes === from.bytes) throw new Error(`nothing was copied: ${thread.problem ?? 'no reason known'}`);
  const processUs = (usage: NodeJS.CpuUsage) => usage.user + usage.system;
  return {
    seconds: (to.atMs - from.atMs) / 1_000,
    bytes: to.bytes - from.bytes,
    records: to.records - from.records,
    userS: to.cpu.userS - from.cpu.userS,
    systemS: to.cpu.systemS - from.cpu.systemS,
    processS: (processUs(to.process) - processUs(from.process)) / 1e6,
    rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
  };
}

const [configFile, topic, topicId, partitions, warmupMs, measureMs, resultFile] = process.argv.slice(2);
if (configFile === undefined || topic === undefined || topicId === undefined || resultFile === undefined)
  throw new Error('usage: wire-worker CONFIG TOPIC TOPIC-ID PARTITIONS WARMUP-MS MEASURE-MS RESULT');
const thread = new LoneThread(configFile, topic, topicId, Number(partitions));
const result = await measure(thread, Number(warmupMs), Number(measureMs));
writeFileSync(resultFile, JSON.stringify(result));
// A profile is written on the way out.
process.exit(0);
