import { setTimeout as sleep } from 'node:timers/promises';
import { createTopics, kafkaOf } from '../audit/topics.js';
import { waitUntil } from '../bed/wait.js';
import type { Bench } from './bench.js';
import { causeway } from './causeway.js';
import { brokerProcesses, withBenchHost } from './host.js';
import { type IdleRun, idleRows } from './idle-rows.js';
import { mirrorMaker2 } from './mm2.js';
import { watchUsage } from './phase-usage.js';
import { peakRssMb, residentMb } from './process-usage.js';
import { reported } from './report.js';
import type { MirrorHost, MirrorPlan, MirrorRun, SubjectName } from './subject.js';

const partitionsPerTopic = 5;
const topicsPerRequest = 250;
const brokerHeapMb = 1_024;
const readyLimitMs = 120_000;
const limits = { topics: 4_000, seconds: 600 };

interface Scale {
  readonly topics: number;
  /** After everything runs: metadata settles, garbage of the start goes. */
  readonly settleMs: number;
  readonly measureMs: number;
}

const usual: Scale = { topics: 1_000, settleMs: 20_000, measureMs: 40_000 };
const quick: Scale = { topics: 50, settleMs: 2_000, measureMs: 5_000 };

export const idleBench: Bench = {
  name: 'idle',
  about: '1,000 topics with 5 partitions each and nothing to copy: CPU and memory of waiting.',
  minutes: 4,
  flags: {
    topics: `how many, with ${partitionsPerTopic} partitions each (${usual.topics})`,
    seconds: 'length of the window (40)',
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const scale = flags.quick ? quick : usual;
    const seconds = flags.integer('seconds', limits.seconds);
    const chosen: Scale = {
      topics: flags.integer('topics', limits.topics) ?? scale.topics,
      settleMs: scale.settleMs,
      measureMs: seconds === undefined ? scale.measureMs : seconds * 1_000,
    };
    const only = flags.one('only', ['mm2', 'causeway']);
    const subjects = (['causeway', 'mm2'] as const).filter((name) => only === undefined || name === only);
    return reported('idle', flags, log, () =>
      withBenchHost({ heapMb: brokerHeapMb }, async (host) => {
        const topics = Array.from({ length: chosen.topics }, (_, index) => `idle-${String(index).padStart(4, '0')}`);
        log(`making ${topics.length} topics`);
        for (let at = 0; at < topics.length; at += topicsPerRequest) {
          const some = topics.slice(at, at + topicsPerRequest);
          const shapes = some.map((topic) => ({ topic, partitions: partitionsPerTopic }));
          await createTopics(host.source.plaintextBootstrapServers, shapes);
        }
        const alone = await brokersAlone(host, chosen);
        log(`brokers without a mirror: ${JSON.stringify(alone)}`);
        const runs: IdleRun[] = [];
        for (const subject of subjects) {
          const run = await runOnce(host, subject, topics, chosen);
          runs.push(run);
          log(`${subject}: ${JSON.stringify(run)}`);
        }
        return { rows: idleRows(runs, alone), details: { ...chosen, brokersAlone: alone, runs } };
      }),
    );
  },
};

async function brokersAlone(host: MirrorHost, scale: Scale): Promise<Readonly<Record<string, number>>> {
  const usage = watchUsage(brokerProcesses(host));
  await sleep(Math.min(scale.measureMs, 10_000));
  return usage().coresByRole;
}

async function runOnce(
  host: MirrorHost,
  subject: SubjectName,
  topics: readonly string[],
  scale: Scale,
): Promise<IdleRun> {
  const plan: MirrorPlan = { alias: `idle-${subject}`, topics, compression: 'none' };
  const startedMs = performance.now();
  // A list of a thousand names is a pattern of a thousand alternatives; nobody would write that.
  const chosen = subject === 'mm2' ? { ...plan, topics: ['idle-.*'] } : plan;
  const run = await (subject === 'mm2' ? mirrorMaker2 : causeway).start(host, chosen);
  try {
    await targetTopicsExist(host, plan);
    if (run.workerUrl !== undefined) await everyPartitionRuns(run.workerUrl, topics.length * partitionsPerTopic);
    const readyS = Number(((performance.now() - startedMs) / 1_000).toFixed(1));
    await sleep(scale.settleMs);
    const usage = watchUsage([...run.processes, ...brokerProcesses(host)]);
    await sleep(scale.measureMs);
    return { subject, readyS, ...usage(), ...memory(run) };
  } finally {
    await run.stop();
  }
}

function memory({ processes }: MirrorRun): Pick<IdleRun, 'rssMbByRole' | 'peakRssMbByRole'> {
  const by = (measure: (pid: number) => number) =>
    Object.fromEntries(processes.map(({ role, pid }) => [role, Math.round(measure(pid))]));
  return { rssMbByRole: by(residentMb), peakRssMbByRole: by(peakRssMb) };
}

async function targetTopicsExist(host: MirrorHost, { alias, topics }: MirrorPlan): Promise<void> {
  const admin = kafkaOf(host.target.plaintextBootstrapServers).admin();
  await admin.connect();
  try {
    const what = `${topics.length} topics of ${alias} at the target`;
    const exist = async () => {
      const known = await admin.listTopics();
      return known.filter((topic) => topic.startsWith(`${alias}.idle-`)).length === topics.length;
    };
    await waitUntil(what, exist, { timeoutMs: readyLimitMs });
  } finally {
    await admin.disconnect();
  }
}

async function everyPartitionRuns(workerUrl: string, partitions: number): Promise<void> {
  let pauseMs = 0;
  const run = async () => {
    // The answer is large: asked rarely, so that asking is not what is measured.
    await sleep(pauseMs);
    pauseMs = 1_000;
    const response = await fetch(`${workerUrl}/status`, { signal: AbortSignal.timeout(10_000) });
    const status = (await response.json()) as { readonly partitions: readonly { readonly state: string }[] };
    return status.partitions.filter(({ state }) => state === 'running').length === partitions;
  };
  await waitUntil(`${partitions} partitions run`, run, { timeoutMs: readyLimitMs });
}
