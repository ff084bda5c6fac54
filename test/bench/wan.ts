import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../bed/free-port.js';
import { WanProxy } from '../proxy/wan-proxy.js';
import type { Bench } from './bench.js';
import { causeway } from './causeway.js';
import { EndOffsets } from './end-offsets.js';
import { fillTopic } from './fill.js';
import { brokerProcesses, deleteTopics, plaintextPortOf, withBenchHost } from './host.js';
import type { MirrorCase } from './mirror-cases.js';
import { mirrorMaker2 } from './mm2.js';
import { type PhaseUsage, watchUsage } from './phase-usage.js';
import { reported } from './report.js';
import { type MirrorHost, type MirrorPlan, type SubjectName, targetTopicOf } from './subject.js';
import { connectionsFor, type Leg, type WanRun, wanRows } from './wan-rows.js';

const rttMs = 100;
const linkBytesPerS = 50e6;
const recordBytes = 1_024;
const partitions = 8;
const legs: readonly Leg[] = ['source', 'target'];
const windows = { '100K': 100_000, '4M': 4_000_000 } as const;
type WindowName = keyof typeof windows;
const windowNames: readonly WindowName[] = ['100K', '4M'];
const firstRecordLimitMs = 60_000;
const pollMs = 100;
const limits = { seconds: 120, batch: 1_000_000 };

interface Scale {
  readonly megabytes: number;
  /** From the first record at the target on: the pipes fill, code is compiled. */
  readonly settleMs: number;
  readonly measureMs: number;
}

const usual: Scale = { megabytes: 700, settleMs: 3_500, measureMs: 5_000 };
const quick: Scale = { megabytes: 250, settleMs: 1_500, measureMs: 2_000 };

export const wanBench: Bench = {
  name: 'wan',
  about:
    '100 ms round trip, a 50 MB/s line, 100 KB or 4 MB in flight per connection, the line at the source or the target.',
  minutes: 4.5,
  flags: {
    legs: `where the line is, separated by commas: ${legs.join(',')}`,
    windows: `bytes in flight per connection, separated by commas: ${windowNames.join(',')}`,
    batch: 'bytes of a batch at the source (16384, the default of producers)',
    seconds: 'length of a window (5)',
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const only = flags.one('only', ['mm2', 'causeway']);
    const subjects = (['mm2', 'causeway'] as const).filter((name) => only === undefined || name === only);
    const scale = flags.quick ? quick : usual;
    const seconds = flags.integer('seconds', limits.seconds);
    const measureMs = seconds === undefined ? scale.measureMs : seconds * 1_000;
    const batchBytes = flags.integer('batch', limits.batch) ?? 16_384;
    const wantedLegs = flags.list('legs', legs) ?? legs;
    const wantedWindows = flags.list('windows', windowNames) ?? windowNames;
    return reported('wan', flags, log, async () => {
      const runs: WanRun[] = [];
      for (const leg of wantedLegs) {
        // The same clusters for both windows: only the line between changes.
        runs.push(...(await runLeg(leg, wantedWindows, subjects, batchBytes, { ...scale, measureMs }, log)));
      }
      return { rows: wanRows(runs), details: { rttMs, linkBytesPerS, batchBytes, runs } };
    });
  },
};

async function runLeg(
  leg: Leg,
  wanted: readonly WindowName[],
  subjects: readonly SubjectName[],
  batchBytes: number,
  scale: Scale,
  log: (line: string) => void,
): Promise<WanRun[]> {
  const [port, advertisedPort] = [await freePort(), await freePort()];
  return withBenchHost({ far: { [leg]: { port, advertisedPort } } }, async (host) => {
    const topic = 'wan';
    const records = Math.round((scale.megabytes * 1e6) / recordBytes);
    const shape = { recordBytes, compression: 'none', partitions, sourceBatchBytes: batchBytes } as const;
    const test: MirrorCase = { name: topic, records, ...shape };
    log(`line at the ${leg}: filling the source with ${records} records`);
    await fillTopic(host.source.plaintextBootstrapServers, topic, test, host.folder.folder);
    const runs: WanRun[] = [];
    for (const windowName of wanted) {
      for (const subject of subjects) {
        const windowBytes = windows[windowName];
        const target = { host: '127.0.0.1', port };
        const proxy = await WanProxy.start({ target, port: advertisedPort, rttMs, linkBytesPerS, windowBytes });
        try {
          const far = { ...host, [`${leg}Bootstrap`]: `127.0.0.1:${advertisedPort}` };
          const run = await runOnce(far, proxy, { leg, windowName, windowBytes, subject }, topic, records, scale);
          runs.push(run);
          log(JSON.stringify(run));
        } finally {
          await proxy.close();
        }
      }
    }
    return runs;
  });
}

async function runOnce(
  host: MirrorHost,
  proxy: WanProxy,
  setup: Pick<WanRun, 'leg' | 'windowName' | 'windowBytes' | 'subject'>,
  topic: string,
  records: number,
  scale: Scale,
): Promise<WanRun> {
  const { leg, subject, windowName, windowBytes } = setup;
  const alias = `wan-${subject}-${leg}-${windowName}`.toLowerCase();
  const plan: MirrorPlan = { alias, topics: [topic], compression: 'none', ...settings(leg, windowBytes) };
  const targetTopic = targetTopicOf(plan, topic);
  const run = await (subject === 'mm2' ? mirrorMaker2 : causeway).start(host, plan);
  const offsets = await EndOffsets.open(plaintextPortOf(host.target), targetTopic, partitions);
  try {
    await firstRecord(offsets, subject);
    await sleep(scale.settleMs);
    const direction = leg === 'source' ? 'toClient' : 'toServer';
    const from = { copied: await offsets.sum(), atMs: performance.now(), carried: proxy.delivered(direction) };
    const usage = watchUsage([...run.processes, ...brokerProcesses(host)]);
    const to = await lastSight(offsets, records, scale.measureMs);
    const used: PhaseUsage = usage();
    const carried = proxy.delivered(direction);
    const seconds = (to.atMs - from.atMs) / 1_000;
    return {
      ...setup,
      bytesPerS: Math.round(((to.copied - from.copied) * recordBytes) / seconds),
      seconds: Number(seconds.toFixed(2)),
      connections: connectionsOf(setup),
      carrying: carrying(carried),
      rttMs,
      linkBytesPerS,
      ...used,
    };
  } finally {
    offsets.close();
    await run.stop();
    await deleteTopics(host.target, [targetTopic]);
  }
}

/** As an operator would set up both for this line: as many connections as it takes to fill it. */
function settings(leg: Leg, windowBytes: number): Pick<MirrorPlan, 'worker' | 'route' | 'mm2Settings'> {
  const connections = connectionsOf({ leg, subject: 'causeway', windowBytes });
  const tasks = String(connectionsOf({ leg, subject: 'mm2', windowBytes }));
  return {
    worker: leg === 'source' ? { fetchConnections: connections } : { produceConnections: connections },
    mm2Settings: { 'tasks.max': tasks, 'target.producer.linger.ms': '100', 'target.producer.batch.size': '1000000' },
  };
}

/** A partition is on one connection at a time, for order's sake: more connections than partitions are of no use to either. */
function connectionsOf({ leg, subject, windowBytes }: Pick<WanRun, 'leg' | 'subject' | 'windowBytes'>): number {
  if (subject === 'mm2') return partitions;
  const filling = connectionsFor(linkBytesPerS, rttMs, windowBytes);
  // Produce requests follow each other without waiting; a fetch is asked for when the one before has come: two take turns.
  return Math.min(partitions, leg === 'source' ? 2 * filling : filling);
}

/** Connections that carry a noticeable share of the data; the others are for questions. */
function carrying(delivered: readonly number[]): number {
  const total = delivered.reduce((sum, bytes) => sum + bytes, 0);
  return delivered.filter((bytes) => bytes > total / 200).length;
}

async function firstRecord(offsets: EndOffsets, subject: SubjectName): Promise<void> {
  const giveUpAt = performance.now() + firstRecordLimitMs;
  while ((await offsets.sum()) === 0) {
    if (performance.now() > giveUpAt) throw new Error(`${subject}: nothing at the target in ${firstRecordLimitMs} ms`);
    await sleep(pollMs);
  }
}

/** What has arrived after `measureMs`, or the moment when everything had. */
async function lastSight(offsets: EndOffsets, records: number, measureMs: number) {
  const untilMs = performance.now() + measureMs;
  for (;;) {
    const copied = await offsets.sum();
    const atMs = performance.now();
    if (copied >= records || atMs >= untilMs) return { copied, atMs };
    await sleep(pollMs);
  }
}
