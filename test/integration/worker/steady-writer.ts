import { Worker } from 'node:worker_threads';
import type { TestCluster } from './thread-kit.js';

export interface SteadyWriting {
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly partitions: readonly number[];
  /** One record for every partition this often. */
  readonly intervalMs: number;
  readonly valueBytes?: number;
}

/** Writes to partitions at a steady pace, on a thread of its own: whatever blocks the test's does not block it. */
export class SteadyWriter {
  readonly #worker: Worker;
  readonly #failed: Promise<never>;
  #stopped: Promise<number> | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#failed = new Promise((_resolve, reject) => worker.once('error', reject));
    this.#failed.catch(() => undefined);
  }

  /** Resolves once every partition has its first record. */
  static async start(writing: SteadyWriting): Promise<SteadyWriter> {
    const writer = new SteadyWriter(
      new Worker(new URL('./steady-writer-thread.js', import.meta.url), { workerData: writing }),
    );
    await Promise.race([new Promise((resolve) => writer.#worker.once('message', resolve)), writer.#failed]);
    return writer;
  }

  /** Ends the writing; gives how many records each partition got. */
  stop(): Promise<number> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<number> {
    const count = new Promise<number>((resolve) => this.#worker.once('message', resolve));
    this.#worker.postMessage('stop');
    return await Promise.race([count, this.#failed]);
  }
}

/** One record as the target has it. */
export interface Arrival {
  /** Its number within its partition. */
  readonly number: number;
  /** When it was written at the source, and when the target appended it, ms since 1970. */
  readonly writtenMs: number;
  readonly appendedMs: number;
}

/** What a steady writer wrote, as it arrived in a topic with `message.timestamp.type=LogAppendTime`. */
export async function arrivals(cluster: TestCluster, topic: string, partition: number): Promise<Arrival[]> {
  const records = await cluster.appended(topic, partition);
  return records.map(({ value, appendedMs }) => {
    const [number, writtenMs] = (value?.toString('latin1') ?? '').split(';').map(Number);
    return { number: number ?? -1, writtenMs: writtenMs ?? -1, appendedMs };
  });
}

/** The longest time between two arrivals, from `fromMs` on. */
export function longestGapMs(arrived: readonly Arrival[], fromMs = 0, untilMs = Number.POSITIVE_INFINITY): number {
  const times = arrived.map(({ appendedMs }) => appendedMs).filter((ms) => ms >= fromMs && ms <= untilMs);
  return Math.max(0, ...times.slice(1).map((ms, i) => ms - (times[i] ?? ms)));
}

/** Later than written by, in ms: the value that `share` of the arrivals stay below. */
export function latencyMs(arrived: readonly Arrival[], share: number): number {
  const sorted = arrived.map(({ writtenMs, appendedMs }) => appendedMs - writtenMs).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
