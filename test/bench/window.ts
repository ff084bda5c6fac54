import { setTimeout as sleep } from 'node:timers/promises';
import type { EndOffsets } from './end-offsets.js';
import { machineCpuS, peakRssMb, processCpuS } from './process-usage.js';

const usualPollMs = 20;
const afterEndMs = 300;

/** What happened at the target from one record to a later one. */
export interface MeasuredWindow {
  readonly records: number;
  readonly seconds: number;
  /** CPU seconds of each measured process in the window, in the order given. */
  readonly cpuS: readonly number[];
  /** Cores used by anybody but the measured processes and the bench: a disturbed run shows here. */
  readonly foreignCores: number;
}

export interface Measurement {
  /** From the first record to the last. */
  readonly whole: MeasuredWindow;
  /** From the middle of the records to the last: a just-started JVM has compiled its hot code by then. */
  readonly secondHalf: MeasuredWindow;
  /** Peak resident set of each measured process, its start included. */
  readonly peakRssMb: readonly number[];
}

export interface WindowOptions {
  readonly target: EndOffsets;
  readonly records: number;
  /** The processes to measure: all that takes part, so that the rest is foreign. */
  readonly pids: readonly number[];
  /** How long nothing may arrive; the mirror's start is such a time. */
  readonly stallLimitMs: number;
  /** How often the target is asked; default 20. Asking about a thousand partitions is work for the broker. */
  readonly pollMs?: number;
}

interface Sample {
  readonly atMs: number;
  readonly records: number;
  readonly cpuS: readonly number[];
  readonly machineCpuS: number;
  readonly ownCpuS: number;
}

/**
 * Waits for the first record and for the last one at the target, and measures from one to the other.
 * @throws Error when nothing arrives for `stallLimitMs`, or more arrives than there is.
 */
export async function measureWindow(options: WindowOptions): Promise<Measurement> {
  const { stallLimitMs, pollMs = usualPollMs } = options;
  let seen = 0;
  let giveUpAt = performance.now() + stallLimitMs;
  const reach = async (wanted: number) => {
    for (;;) {
      const records = await options.target.sum();
      if (records >= wanted) return takeSample(options, records);
      const now = performance.now();
      if (records > seen) giveUpAt = now + stallLimitMs;
      else if (now > giveUpAt)
        throw new Error(
          `${records} of ${options.records} records at the target, and nothing new for ${stallLimitMs} ms`,
        );
      seen = records;
      await sleep(pollMs);
    }
  };
  const first = await reach(1);
  const middle = await reach(Math.ceil(options.records / 2));
  const last = await reach(options.records);
  const rss = options.pids.map(peakRssMb);
  // Whoever repeats records does so right after the end, too.
  await sleep(afterEndMs);
  const settled = await options.target.sum();
  if (settled !== options.records) throw new Error(`${settled} records at the target instead of ${options.records}`);
  return { whole: between(first, last), secondHalf: between(middle, last), peakRssMb: rss };
}

function between(from: Sample, to: Sample): MeasuredWindow {
  const seconds = (to.atMs - from.atMs) / 1_000;
  const foreignCpuS = to.machineCpuS - from.machineCpuS - (to.ownCpuS - from.ownCpuS);
  return {
    records: to.records - from.records,
    seconds,
    cpuS: to.cpuS.map((value, index) => value - (from.cpuS[index] ?? 0)),
    foreignCores: Math.max(0, foreignCpuS / seconds),
  };
}

function takeSample({ pids }: WindowOptions, records: number): Sample {
  const cpuS = pids.map(processCpuS);
  const ownCpuS = cpuS.reduce((sum, value) => sum + value, processCpuS(process.pid));
  return { atMs: performance.now(), records, cpuS, machineCpuS: machineCpuS(), ownCpuS };
}
