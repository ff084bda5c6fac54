import { startKafkaCluster } from '../bed/kafka.js';
import { runKafkaTool, toolClasses } from '../bed/tools.js';
import { Workspace } from '../bed/workspace.js';
import { causeway } from './causeway.js';
import { settleDisk } from './disk.js';
import { EndOffsets } from './end-offsets.js';
import { type Environment, environment } from './environment.js';
import { fillTopic } from './fill.js';
import { type MirrorCase, mirrorCases } from './mirror-cases.js';
import { type CaseReport, caseReport, caseTable, type RoundFigures, roundFigures } from './mirror-report.js';
import { mirrorMaker2 } from './mm2.js';
import type { MirrorHost, MirrorProcess, MirrorSubject } from './subject.js';
import { measureWindow } from './window.js';

export interface MirrorBenchOptions {
  readonly cases: readonly string[];
  /** Unless given: 3 of each case, 2 where those already took long. */
  readonly rounds?: number;
  /** Values per case, in MB (10^6 bytes). */
  readonly megabytes: number;
  /** Only this subject. */
  readonly subject?: MirrorSubject['name'];
  readonly log: (line: string) => void;
}

export interface MirrorReport {
  readonly cases: readonly CaseReport[];
  readonly environment: Environment;
  /** The whole benchmark, brokers' start included. */
  readonly seconds: number;
}

const kafkaVersion = '3.9.1';
const usualRounds = 3;
const enoughRounds = 2;
// A third round after this would make the whole benchmark of two cases take more than five minutes.
const unhurriedCaseMs = 100_000;
const stallLimitMs = 90_000;
const brokerHeapMb = 512;
// Kafka's own defaults where the bed has chosen smaller ones.
const brokerConfig = { 'num.network.threads': '3', 'num.io.threads': '8', 'broker.session.timeout.ms': '9000' };

const subjects: readonly MirrorSubject[] = [mirrorMaker2, causeway];

/** Mirrors the same pre-filled topics with each subject in turn, on the same two brokers. */
export async function runMirrorBench(options: MirrorBenchOptions): Promise<MirrorReport> {
  const startedAt = performance.now();
  const cases = mirrorCases(options.cases, options.megabytes);
  const surroundings = environment(kafkaVersion);
  options.log(JSON.stringify(surroundings));
  const cluster = { version: kafkaVersion, jvm: 'server', heapMb: brokerHeapMb, config: brokerConfig } as const;
  const folder = new Workspace('bench');
  const [source, target] = await Promise.all([
    startKafkaCluster({ ...cluster, name: 'bench-source' }),
    startKafkaCluster({ ...cluster, name: 'bench-target' }),
  ]);
  const host: MirrorHost = { source, target, folder };
  try {
    const reports: CaseReport[] = [];
    for (const test of cases) reports.push(await runCase(host, test, options));
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    options.log(`done in ${seconds} s`);
    return { cases: reports, environment: surroundings, seconds };
  } catch (error) {
    folder.markFailed();
    throw error;
  } finally {
    await Promise.all([source.stop(), target.stop()]);
    folder.remove();
  }
}

async function runCase(host: MirrorHost, test: MirrorCase, options: MirrorBenchOptions): Promise<CaseReport> {
  const startedAt = performance.now();
  const topic = `bench-${test.name.toLowerCase()}`;
  options.log(`${test.name}: filling the source with ${test.records} records`);
  await fillTopic(host.source.bootstrapServers, topic, test, host.folder.folder);
  await expectFilled(host, topic, test);
  // Unmeasured: whoever comes first makes the brokers' JVMs compile this kind of work, several CPU seconds of it (measured).
  options.log(`${test.name}: warming up the brokers`);
  await runOnce(host, causeway, test, topic, 0);
  const figuresOf: Record<MirrorSubject['name'], RoundFigures[]> = { mm2: [], causeway: [] };
  const wanted = subjects.filter((subject) => options.subject === undefined || subject.name === options.subject);
  for (let round = 1; round <= (options.rounds ?? usualRounds); round += 1) {
    if (options.rounds === undefined && round > enoughRounds && performance.now() - startedAt > unhurriedCaseMs) {
      options.log(`${test.name}: ${enoughRounds} rounds instead of ${usualRounds}, they took long (--rounds insists)`);
      break;
    }
    // Who goes first changes, so that a drift of the machine favours nobody.
    for (const subject of round % 2 === 1 ? wanted : [...wanted].reverse()) {
      const figures = await runOnce(host, subject, test, topic, round);
      figuresOf[subject.name].push(figures);
      options.log(`${test.name} round ${round} ${subject.name}: ${JSON.stringify(figures)}`);
    }
  }
  await deleteTopic(host.source.bootstrapServers, topic);
  const report = caseReport(test, figuresOf.mm2, figuresOf.causeway);
  options.log(caseTable(report));
  return report;
}

async function expectFilled(host: MirrorHost, topic: string, test: MirrorCase): Promise<void> {
  const offsets = await EndOffsets.open(portOf(host.source), topic, test.partitions);
  const filled = await offsets.sum();
  offsets.close();
  if (filled !== test.records) throw new Error(`the source holds ${filled} records instead of ${test.records}`);
}

async function runOnce(
  host: MirrorHost,
  subject: MirrorSubject,
  test: MirrorCase,
  topic: string,
  round: number,
): Promise<RoundFigures> {
  await settleDisk();
  const run = await subject.start(host, test, topic, round);
  const offsets = await EndOffsets.open(portOf(host.target), run.targetTopic, test.partitions);
  try {
    const processes = [...run.processes, ...brokerProcesses(host)];
    const measured = await measureWindow({
      target: offsets,
      records: test.records,
      pids: processes.map(({ pid }) => pid),
      stallLimitMs,
    });
    return roundFigures(measured, processes);
  } finally {
    offsets.close();
    await run.stop();
    await deleteTopic(host.target.bootstrapServers, run.targetTopic);
  }
}

/** A mirror's choices decide what the brokers have to do: worth seeing, but not the mirror's own. */
function brokerProcesses({ source, target }: MirrorHost): MirrorProcess[] {
  const of = (role: string, { brokers }: MirrorHost['source']) =>
    brokers.map(({ pid }) => ({ role, pid, isCounted: false }));
  return [...of('source-broker', source), ...of('target-broker', target)];
}

function portOf(cluster: MirrorHost['source']): number {
  const [broker] = cluster.brokers;
  if (broker === undefined) throw new Error(`cluster "${cluster.name}" has no broker`);
  return broker.plaintextPort;
}

async function deleteTopic(bootstrapServers: string, topic: string): Promise<void> {
  await runKafkaTool(toolClasses.topics, [
    '--bootstrap-server',
    bootstrapServers,
    '--delete',
    '--if-exists',
    '--topic',
    topic,
  ]);
}
