import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { causeway } from './causeway.js';
import { EndOffsets } from './end-offsets.js';
import { fillTopic } from './fill.js';
import { atMost, type GoalRow, shown } from './goal-rows.js';
import { plaintextPortOf, withBenchHost } from './host.js';
import { residentMb } from './process-usage.js';
import { reported } from './report.js';
import { type MirrorHost, type MirrorPlan, targetTopicOf } from './subject.js';

const recordBytes = 1_024;
const partitions = 64;
const usualSeconds = 180;
const quickSeconds = 20;
/** What was fetched before the stall was noticed still arrives; timeouts have been met. */
const settleMs = 15_000;
const sampleMs = 5_000;
const pollMs = 200;
const catchUpLimitMs = 240_000;
const growthLimitPercent = 5;
const limits = { seconds: 3_600, megabytes: 20_000 };

interface StallFigures {
  readonly seconds: number;
  /** The worker's resident set every few seconds, from when the stall has settled to its end. */
  readonly rssMb: readonly number[];
  readonly copiedBefore: number;
  readonly records: number;
  readonly catchUpS: number;
}

export const stallBench: Bench = {
  name: 'stall',
  about:
    'The target broker is stopped in its tracks with a backlog at the source: memory meanwhile, and everything afterwards.',
  minutes: 4.5,
  flags: {
    seconds: `how long it stands still (${usualSeconds})`,
    megabytes: 'values at the source (3000); more than the worker may hold',
  },
  run: (flags, log) => {
    const seconds = flags.integer('seconds', limits.seconds) ?? (flags.quick ? quickSeconds : usualSeconds);
    const megabytes = flags.integer('megabytes', limits.megabytes) ?? (flags.quick ? 400 : 3_000);
    return reported('stall', flags, log, () =>
      withBenchHost({}, async (host) => {
        const figures = await stalled(host, seconds, Math.round((megabytes * 1e6) / recordBytes), log);
        return { rows: stallRows(figures), details: figures };
      }),
    );
  },
};

async function stalled(
  host: MirrorHost,
  seconds: number,
  records: number,
  log: (line: string) => void,
): Promise<StallFigures> {
  const topic = 'stall';
  log(`filling the source with ${records} records`);
  const shape = {
    name: topic,
    records,
    recordBytes,
    compression: 'none',
    partitions,
    sourceBatchBytes: 16_384,
  } as const;
  await fillTopic(host.source.plaintextBootstrapServers, topic, shape, host.folder.folder);
  const plan: MirrorPlan = { alias: 'stalled', topics: [topic], compression: 'none' };
  const run = await causeway.start(host, plan);
  const offsets = await EndOffsets.open(plaintextPortOf(host.target), targetTopicOf(plan, topic), partitions);
  const [broker] = host.target.brokers;
  const worker = run.processes.find(({ role }) => role === 'worker');
  if (broker === undefined || worker === undefined) throw new Error('there is no target broker or no worker');
  try {
    // Well under way, everything compiled, most still to come.
    const copiedBefore = await reached(offsets, records / 4, catchUpLimitMs);
    broker.pause();
    const rssMb: number[] = [];
    try {
      await sleep(settleMs);
      for (let waitedMs = settleMs; waitedMs < settleMs + seconds * 1_000; waitedMs += sampleMs) {
        rssMb.push(Math.round(residentMb(worker.pid)));
        await sleep(sampleMs);
      }
    } finally {
      broker.resume();
    }
    log(`stood still for ${seconds} s with ${copiedBefore} of ${records} records copied`);
    const resumedMs = performance.now();
    const copied = await reached(offsets, records, catchUpLimitMs);
    if (copied > records) throw new Error(`${copied} records at the target, ${records} at the source`);
    const catchUpS = Number(((performance.now() - resumedMs) / 1_000).toFixed(1));
    return { seconds, rssMb, copiedBefore, records, catchUpS };
  } finally {
    offsets.close();
    await run.stop();
  }
}

async function reached(offsets: EndOffsets, wanted: number, limitMs: number): Promise<number> {
  const untilMs = performance.now() + limitMs;
  for (;;) {
    const copied = await offsets.sum();
    if (copied >= wanted) return copied;
    if (performance.now() > untilMs) throw new Error(`${copied} of ${wanted} records at the target in ${limitMs} ms`);
    await sleep(pollMs);
  }
}

/** Growth is judged by the worse half: the greatest of the second half against the greatest of the first. */
export function stallRows({ seconds, rssMb, copiedBefore, records, catchUpS }: StallFigures): GoalRow[] {
  const half = Math.ceil(rssMb.length / 2);
  const [early, late] = [Math.max(...rssMb.slice(0, half)), Math.max(...rssMb.slice(half))];
  const growth = Number((((late - early) / early) * 100).toFixed(1));
  return [
    shown('stall: s without a word from the target', seconds),
    atMost('stall: growth of the worker, second half beyond first, %', growth, growthLimitPercent),
    shown('stall: worker, RSS MiB in the first half', early),
    shown('stall: worker, RSS MiB in the second half', late),
    shown('stall: % of the records copied before', Math.round((copiedBefore / records) * 100)),
    shown('stall: s until everything was there afterwards', catchUpS),
  ];
}
