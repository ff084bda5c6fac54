import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { BedError } from '../bed/bed-error.js';
import { BedChild } from '../bed/child.js';
import { freePort } from '../bed/free-port.js';
import { prepareSecurity } from '../bed/security.js';
import { waitUntil } from '../bed/wait.js';
import { Workspace } from '../bed/workspace.js';
import type { Bench } from './bench.js';
import type { MemoryBrokerPlan } from './memory-broker.js';
import { portOpen } from './port-open.js';
import { profileArgs } from './profile.js';
import { reported } from './report.js';
import { type WireRun, wireRows } from './wire-rows.js';
import type { WireResult } from './wire-worker.js';

const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
const partitions = 8;
const recordBytes = 1_024;
const modes = ['plain', 'tls'] as const;
type Mode = (typeof modes)[number];
const limits = { rounds: 20, seconds: 300, batch: 1_000_000 };
const lastWordMs = 15_000;

interface Scale {
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly rounds: number;
}

export const wireBench: Bench = {
  name: 'wire',
  about: 'Pass-through between brokers that live in memory: GB per CPU second of the data thread, plain and with TLS.',
  minutes: 1.5,
  needsOpenssl: true,
  flags: {
    modes: `which, separated by commas: ${modes.join(',')}`,
    batch: 'bytes of a batch at the source (65536)',
    rounds: 'windows per mode (3)',
    seconds: 'length of a window (8)',
  },
  run: (flags, log) => {
    const chosen = flags.list('modes', modes) ?? modes;
    const batchBytes = flags.integer('batch', limits.batch) ?? 65_536;
    const usual = flags.quick
      ? { warmupMs: 1_500, measureMs: 2_000, rounds: 1 }
      : { warmupMs: 4_000, measureMs: 8_000, rounds: 3 };
    const seconds = flags.integer('seconds', limits.seconds);
    const scale: Scale = {
      ...usual,
      rounds: flags.integer('rounds', limits.rounds) ?? usual.rounds,
      ...(seconds === undefined ? {} : { measureMs: seconds * 1_000 }),
    };
    return reported('wire', flags, log, async () => {
      const runs: WireRun[] = [];
      for (let round = 1; round <= scale.rounds; round += 1) {
        for (const mode of chosen) {
          const result = await runOnce(mode, batchBytes, scale, log);
          runs.push({ mode, ...result });
          const { bytes, userS, systemS } = result;
          const perCpuS = (bytes / 1e9 / (userS + systemS)).toFixed(2);
          log(`${mode} round ${round}: ${perCpuS} GB per CPU second; ${JSON.stringify(result)}`);
        }
      }
      return { rows: wireRows(runs), details: { batchBytes, recordBytes, partitions, runs } };
    });
  },
};

/** Two brokers and a data thread, each a process of its own. */
async function runOnce(mode: Mode, batchBytes: number, scale: Scale, log: (line: string) => void): Promise<WireResult> {
  const folder = new Workspace('bench-wire');
  const children: BedChild[] = [];
  const startNode = (name: string, args: readonly string[]) => {
    const logFile = folder.path(`${name}.log`);
    const child = BedChild.start({ name, command: process.execPath, args, logFile });
    children.push(child);
    return child;
  };
  try {
    const security = mode === 'tls' ? await prepareSecurity({ protocol: 'SSL' }, folder.path('tls')) : undefined;
    const tlsStoreFile = security?.brokerConfig['listener.name.secured.ssl.keystore.location'];
    const topic = { topic: 'wire', topicId: randomUUID() };
    const startBroker = async (name: string): Promise<MemoryBrokerPlan> => {
      const shape = { ...topic, partitions, recordBytes, batchBytes };
      const plan = { port: await freePort(), ...shape, ...(tlsStoreFile === undefined ? {} : { tlsStoreFile }) };
      const planFile = folder.path(`${name}.json`);
      writeFileSync(planFile, JSON.stringify(plan));
      const child = startNode(name, [script('memory-broker'), planFile]);
      await waitUntil(`the ${name} broker listens`, () => portOpen(plan.port), { timeoutMs: 15_000, child });
      return plan;
    };
    const [source, target] = [await startBroker('source'), await startBroker('target')];
    const configFile = folder.path('wire.yaml');
    writeFileSync(configFile, stringify(config(source, target, security?.client.caFile)));
    const resultFile = folder.path('result.json');
    const numbers = [partitions, scale.warmupMs, scale.measureMs].map(String);
    const args = [script('wire-worker'), configFile, topic.topic, topic.topicId, ...numbers, resultFile];
    const worker = startNode('worker', [...profileArgs(), ...args]);
    const late = setTimeout(() => worker.killNow(), scale.warmupMs + scale.measureMs + lastWordMs);
    const { code } = await worker.exited;
    clearTimeout(late);
    if (code !== 0) throw new BedError(`the data thread (${mode}) failed`, worker.logFile);
    return JSON.parse(readFileSync(resultFile, 'utf8')) as WireResult;
  } catch (error) {
    folder.markFailed();
    for (const child of children) log(`${child.name}: ${JSON.stringify(child.status ?? 'running')}`);
    throw error;
  } finally {
    await Promise.all(children.map((child) => child.kill()));
    folder.remove();
  }
}

function config(source: MemoryBrokerPlan, target: MemoryBrokerPlan, caFile: string | undefined) {
  const cluster = ({ port }: MemoryBrokerPlan) => ({
    bootstrap: [`127.0.0.1:${port}`],
    ...(caFile === undefined ? {} : { tls: { caFile } }),
  });
  return {
    fleet: 'wire',
    // Never used: the data thread is driven by hand.
    coordination: { type: 'zookeeper', zookeeper: { connect: '127.0.0.1:1' } },
    clusters: { source: cluster(source), target: cluster(target) },
    routes: { wire: { source: 'source', target: 'target' } },
    worker: { id: 'wire' },
    logging: { level: 'warn' },
  };
}
