import { causeway } from './causeway.js';
import { settleDisk } from './disk.js';
import { EndOffsets } from './end-offsets.js';
import { fillTopic } from './fill.js';
import type { Flags } from './flags.js';
import { brokerProcesses, deleteTopics, plaintextPortOf } from './host.js';
import type { MirrorCase } from './mirror-cases.js';
import { type CaseReport, caseReport, caseTable, type RoundFigures, roundFigures } from './mirror-report.js';
import { mirrorMaker2 } from './mm2.js';
import { type MirrorHost, type MirrorPlan, type MirrorSubject, type SubjectName, targetTopicOf } from './subject.js';
import { measureWindow } from './window.js';

/** How often a pre-filled topic is copied by each mirror. */
export interface CopyOptions {
  /** Exactly so many; unless given, from `minRounds` to `maxRounds` as the time allows. */
  readonly rounds?: number;
  readonly minRounds: number;
  readonly maxRounds: number;
  /** No further round is begun that would make the case take longer, judged by the last one. */
  readonly caseBudgetMs: number;
  /** Only this subject. */
  readonly subject?: SubjectName;
  /** Settings of the mirrors beside the usual ones. */
  readonly plan?: Pick<MirrorPlan, 'worker' | 'route' | 'mm2Settings'>;
  readonly log: (line: string) => void;
}

const stallLimitMs = 90_000;
const mostRounds = 20;
const manyPartitions = 100;
const subjects: readonly MirrorSubject[] = [mirrorMaker2, causeway];

/** What --rounds, --only and --quick ask for. @throws UsageError */
export function askedCopies(flags: Flags): Pick<CopyOptions, 'rounds' | 'subject'> {
  const rounds = flags.integer('rounds', mostRounds) ?? (flags.quick ? 1 : undefined);
  const subject = flags.one('only', ['mm2', 'causeway']);
  return { ...(rounds === undefined ? {} : { rounds }), ...(subject === undefined ? {} : { subject }) };
}

/** Fills one topic and has each mirror copy it in turn, on the same two brokers. */
export async function runCopyCase(host: MirrorHost, test: MirrorCase, options: CopyOptions): Promise<CaseReport> {
  const startedAt = performance.now();
  const topic = `bench-${test.name.toLowerCase()}`;
  options.log(`${test.name}: filling the source with ${test.records} records`);
  await fillTopic(host.source.plaintextBootstrapServers, topic, test, host.folder.folder);
  await expectFilled(host, topic, test);
  // Unmeasured: whoever comes first makes the brokers' JVMs compile this kind of work, several CPU seconds of it (measured).
  options.log(`${test.name}: warming up the brokers`);
  await runOnce(host, causeway, test, topic, 0, options);
  const figuresOf: Record<SubjectName, RoundFigures[]> = { mm2: [], causeway: [] };
  const wanted = subjects.filter((subject) => options.subject === undefined || subject.name === options.subject);
  let lastRoundMs = 0;
  for (let round = 1; round <= (options.rounds ?? options.maxRounds); round += 1) {
    const roundStartedAt = performance.now();
    const isLate = roundStartedAt - startedAt + lastRoundMs > options.caseBudgetMs;
    if (options.rounds === undefined && round > options.minRounds && isLate) {
      options.log(`${test.name}: ${round - 1} of ${options.maxRounds} rounds, they took long (--rounds insists)`);
      break;
    }
    // Who goes first changes, so that a drift of the machine favours nobody.
    for (const subject of round % 2 === 1 ? wanted : [...wanted].reverse()) {
      try {
        const figures = await runOnce(host, subject, test, topic, round, options);
        figuresOf[subject.name].push(figures);
        options.log(`${test.name} round ${round} ${subject.name}: ${JSON.stringify(figures)}`);
      } catch (error) {
        // Seen now and then: a MirrorMaker 2 that never gets to its end says nothing about its speed. Ours is a failure.
        if (subject.name === 'causeway' || figuresOf.mm2.length === 0) throw error;
        options.log(`left out: ${(error as Error).message}`);
      }
    }
    lastRoundMs = performance.now() - roundStartedAt;
  }
  await deleteTopics(host.source, [topic]);
  const report = caseReport(test, figuresOf.mm2, figuresOf.causeway);
  options.log(caseTable(report));
  return report;
}

async function expectFilled(host: MirrorHost, topic: string, test: MirrorCase): Promise<void> {
  const offsets = await EndOffsets.open(plaintextPortOf(host.source), topic, test.partitions);
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
  options: CopyOptions,
): Promise<RoundFigures> {
  await settleDisk();
  const initial = subject.name === 'causeway' ? 'c' : 'r';
  const alias = `${initial}${round}-${test.name.toLowerCase()}`;
  const plan: MirrorPlan = { alias, topics: [topic], compression: test.compression, ...options.plan };
  const targetTopic = targetTopicOf(plan, topic);
  const run = await subject.start(host, plan);
  const offsets = await EndOffsets.open(plaintextPortOf(host.target), targetTopic, test.partitions);
  try {
    const processes = [...run.processes, ...brokerProcesses(host)];
    const measured = await measureWindow({
      target: offsets,
      records: test.records,
      pids: processes.map(({ pid }) => pid),
      stallLimitMs,
      ...(test.partitions > manyPartitions ? { pollMs: 100 } : {}),
    });
    return roundFigures(measured, processes);
  } catch (error) {
    throw new Error(`${subject.name}, ${test.name}, round ${round}: ${(error as Error).message}`, { cause: error });
  } finally {
    offsets.close();
    await run.stop();
    await deleteTopics(host.target, [targetTopic]);
  }
}
