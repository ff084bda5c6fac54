import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BedError } from '../bed/bed-error.js';
import { BedChild } from '../bed/child.js';
import type { Bench } from './bench.js';
import { causeway } from './causeway.js';
import { EndOffsets } from './end-offsets.js';
import { fillTopic } from './fill.js';
import { brokerProcesses, plaintextPortOf, withBenchHost } from './host.js';
import { latencyLine } from './latency-figures.js';
import type { ProbePlan, ProbeResult } from './latency-probe.js';
import { type LatencyRun, type LoadName, latencyRows, loads } from './latency-rows.js';
import type { MirrorCase } from './mirror-cases.js';
import { mirrorMaker2 } from './mm2.js';
import { type PhaseUsage, watchUsage } from './phase-usage.js';
import { reported } from './report.js';
import { type MirrorHost, type MirrorPlan, type MirrorRun, type MirrorSubject, targetTopicOf } from './subject.js';
import { measureWindow } from './window.js';

const probeScript = fileURLToPath(new URL('./latency-probe.js', import.meta.url));
const partitions = 8;
const recordBytes = 1_024;
const floorTopic = 'latency-floor';
const stallLimitMs = 90_000;
const limits = { rounds: 10, seconds: 300, mb: 1_000, megabytes: 5_000 };

interface Scale {
  readonly warmMegabytes: number;
  readonly settleMs: number;
  readonly measureMs: number;
  readonly drainMs: number;
}

const usual: Scale = { warmMegabytes: 500, settleMs: 4_000, measureMs: 12_000, drainMs: 10_000 };
const quick: Scale = { warmMegabytes: 30, settleMs: 1_000, measureMs: 2_000, drainMs: 3_000 };

/** A mirror that is running and warm. */
interface Running {
  readonly name: 'mm2-defaults' | 'mm2' | 'causeway';
  readonly run: MirrorRun;
  readonly topic: string;
  readonly targetTopic: string;
  /** While it copied its backlog, second half. */
  readonly topPerS: number;
}

export const latencyBench: Bench = {
  name: 'latency',
  about:
    'Produced at the source until read at the target, beside reading at the source itself: percentiles at three loads.',
  minutes: 4.5,
  flags: {
    loads: `which, separated by commas: ${loads.join(',')}`,
    mb: 'MB/s of the load named 20MB (20)',
    rounds: 'windows per load and subject (1)',
    seconds: 'length of a window (12)',
  },
  run: (flags, log) => {
    const scale = flags.quick ? quick : usual;
    const chosen = flags.list('loads', loads) ?? loads;
    const mb = flags.integer('mb', limits.mb) ?? 20;
    const rounds = flags.integer('rounds', limits.rounds) ?? 1;
    const seconds = flags.integer('seconds', limits.seconds);
    const measureMs = seconds === undefined ? scale.measureMs : seconds * 1_000;
    return reported('latency', flags, log, () =>
      withBenchHost({}, (host) => measure(host, { ...scale, measureMs }, chosen, mb, rounds, log)),
    );
  },
};

async function measure(
  host: MirrorHost,
  scale: Scale,
  chosen: readonly LoadName[],
  mb: number,
  rounds: number,
  log: (line: string) => void,
) {
  const mirrors: Running[] = [];
  try {
    await fill(host, floorTopic, 1);
    for (const [name, subject, tuning] of [
      ['mm2-defaults', mirrorMaker2, 'defaults'],
      ['mm2', mirrorMaker2, 'latency'],
      ['causeway', causeway, undefined],
    ] as const) {
      mirrors.push(await warmUp(host, name, subject, tuning, scale, log));
    }
    // Half of what the slower side can do at all, so that every subject gets the same load and can bear it.
    const topPerS = Math.min(...mirrors.filter(({ name }) => name !== 'mm2-defaults').map((each) => each.topPerS));
    const rates: Record<LoadName, number> = {
      '1000/s': 1_000,
      '20MB': Math.round((mb * 1e6) / recordBytes),
      half: Math.round(topPerS / 2),
    };
    const runs: LatencyRun[] = [];
    for (const load of chosen) {
      for (let round = 1; round <= rounds; round += 1) {
        const order = [undefined, ...mirrors];
        for (const mirror of round % 2 === 1 ? order : order.reverse()) {
          const { result, usage } = await phase(host, scale, mirror, mirrors, rates[load], runs.length + 1);
          const subject = mirror?.name ?? 'floor';
          runs.push({ load, recordsPerS: rates[load], subject, round, ...result, ...usage });
          log(`${load} (${rates[load]} records/s) ${latencyLine(subject, result.latency)}`);
          log(
            `    ${JSON.stringify({ ...usage, latestSendMs: result.latestSendMs, producedPerS: result.producedPerS })}`,
          );
        }
      }
    }
    const tops = Object.fromEntries(mirrors.map((each) => [each.name, each.topPerS]));
    return { rows: latencyRows(runs), details: { topRecordsPerS: tops, runs } };
  } finally {
    await Promise.all(mirrors.map(({ run }) => run.stop()));
  }
}

/** Makes and fills a topic of its own for the mirror and lets it copy that: its hot code is compiled then. */
async function warmUp(
  host: MirrorHost,
  name: Running['name'],
  subject: MirrorSubject,
  tuning: MirrorPlan['tuning'],
  scale: Scale,
  log: (line: string) => void,
): Promise<Running> {
  const topic = `latency-${name}`;
  const records = await fill(host, topic, scale.warmMegabytes);
  const plan: MirrorPlan = { alias: `lat-${name}`, topics: [topic], compression: 'none', ...(tuning && { tuning }) };
  const targetTopic = targetTopicOf(plan, topic);
  const run = await subject.start(host, plan);
  try {
    const target = await EndOffsets.open(plaintextPortOf(host.target), targetTopic, partitions);
    const pids = run.processes.map(({ pid }) => pid);
    const measured = await measureWindow({ target, records, pids, stallLimitMs });
    target.close();
    const { secondHalf } = measured;
    const topPerS = Math.round(secondHalf.records / secondHalf.seconds);
    log(`${name} is warm; it copied its backlog with ${topPerS} records/s in the end`);
    return { name, run, topic, targetTopic, topPerS };
  } catch (error) {
    await run.stop();
    throw error;
  }
}

async function fill(host: MirrorHost, topic: string, megabytes: number): Promise<number> {
  const records = Math.round((megabytes * 1e6) / recordBytes);
  const shape = { recordBytes, compression: 'none', partitions, sourceBatchBytes: 65_536 } as const;
  const test: MirrorCase = { name: topic, records, ...shape };
  await fillTopic(host.source.plaintextBootstrapServers, topic, test, host.folder.folder);
  return records;
}

/** One window of load through one mirror (none: read at the source), the others idle beside it. */
async function phase(
  host: MirrorHost,
  scale: Scale,
  mirror: Running | undefined,
  mirrors: readonly Running[],
  recordsPerS: number,
  run: number,
): Promise<{ result: ProbeResult; usage: PhaseUsage }> {
  const [sourcePort, targetPort] = [plaintextPortOf(host.source), plaintextPortOf(host.target)];
  const topic = mirror?.topic ?? floorTopic;
  const plan: ProbePlan = {
    produce: { port: sourcePort, topic },
    read: mirror === undefined ? { port: sourcePort, topic } : { port: targetPort, topic: mirror.targetTopic },
    partitions,
    recordBytes,
    recordsPerS,
    // A producer that sends tens of MB/s without linger uses up a core by itself.
    lingerMs: recordsPerS > 5_000 ? 5 : 0,
    warmupMs: scale.settleMs,
    measureMs: scale.measureMs,
    drainMs: scale.drainMs,
    run,
  };
  const [planFile, resultFile] = [host.folder.path(`probe-${run}.json`), host.folder.path(`probe-${run}.result.json`)];
  writeFileSync(planFile, JSON.stringify(plan));
  const logFile = host.folder.path(`probe-${run}.log`);
  const args = [probeScript, planFile, resultFile];
  const probe = BedChild.start({ name: 'latency probe', command: process.execPath, args, logFile });
  const others = mirrors.filter((each) => each !== mirror).flatMap((each) => each.run.processes);
  const idle = others.map((each) => ({ ...each, role: `idle ${each.role}`, isCounted: false }));
  const instrument = { role: 'probe', pid: probe.pid, isCounted: false };
  const usage = watchUsage([...(mirror?.run.processes ?? []), ...idle, ...brokerProcesses(host), instrument]);
  await new Promise((resolve) => setTimeout(resolve, plan.warmupMs + plan.measureMs));
  const used = probe.status === undefined ? usage() : undefined;
  const limitMs = plan.drainMs + 10_000;
  const late = setTimeout(() => probe.killNow(), limitMs);
  const { code } = await probe.exited;
  clearTimeout(late);
  if (code !== 0 || used === undefined) throw new BedError('the latency probe failed', logFile);
  return { result: JSON.parse(readFileSync(resultFile, 'utf8')) as ProbeResult, usage: used };
}
