import { withoutAppendTimes, withoutTimestamps } from './append-time.js';
import { AuditCluster, type TopicLayout } from './audit-cluster.js';
import { auditPartition } from './auditor.js';
import type { RefusedRecord } from './dead-letters.js';
import {
  type Declarations,
  GapIndex,
  gapsOf,
  NOTHING_DECLARED,
  readDeclarations,
  withoutEnded,
} from './declared-gaps.js';
import { dumpPartition } from './dump.js';
import type { LedgerVerdict } from './ledger.js';
import type { TopicLedger } from './load.js';
import { type AuditResult, addResults, EMPTY_RESULT } from './report.js';

export interface CompareOptions {
  readonly source: string;
  readonly target: string;
  readonly topics: readonly string[];
  /** Name of the mirror of a topic; the same name unless said. */
  readonly targetTopic?: (topic: string) => string;
  /** What the source was told to hold; checked while it is read. */
  readonly ledgers?: readonly TopicLedger[];
  /** The fleet whose declared gaps at the target count. */
  readonly fleet?: string;
  /** Gaps of topics that are not compared are nobody's business here; else they are faults. */
  readonly ignoresOtherGaps?: boolean;
  /** Told of every source record that is missing at the target and not declared. */
  readonly onMissing?: (place: MissingRecord) => void;
  /** Topics whose target stamps what it appends, since the comparison's `sinceMs` (wall time). */
  readonly appendTime?: { readonly topics: ReadonlySet<string>; readonly sinceMs: number };
}

/** A record that is at the source only. */
export interface MissingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly sourceOffset: number;
}

export interface ClusterComparison extends AuditResult {
  /** Sum over the ledgers given: how the source agrees with what its producers were told. */
  readonly ledger: LedgerVerdict;
  /** By topic at the source. */
  readonly topics: ReadonlyMap<string, AuditResult>;
  /** The records that gaps declare. */
  readonly refused: readonly RefusedRecord[];
  /** What is wrong with the declarations themselves. */
  readonly gapFaults: readonly string[];
}

const EMPTY_VERDICT: LedgerVerdict = { records: 0, lost: 0, altered: 0, abortedButVisible: 0, unacknowledged: 0 };

/** Reads the topics in both clusters from end to end, partition by partition, and compares them record by record. */
export async function compareClusters(options: CompareOptions): Promise<ClusterComparison> {
  const source = new AuditCluster(options.source);
  const target = new AuditCluster(options.target);
  try {
    let sum = EMPTY_RESULT;
    let ledger = EMPTY_VERDICT;
    const topics = new Map<string, AuditResult>();
    const refused: RefusedRecord[] = [];
    const gapFaults: string[] = [];
    const { fleet } = options;
    const declared = fleet === undefined ? NOTHING_DECLARED : await readDeclarations(target, fleet);
    for (const topic of options.topics) {
      const result = await compareTopic({ source, target, topic, declared }, options);
      topics.set(topic, result.audit);
      sum = addResults(sum, result.audit);
      ledger = addVerdicts(ledger, result.ledger);
      refused.push(...result.refused);
      gapFaults.push(...result.gapFaults);
    }
    for (const { topic, partition } of [...declared.gaps, ...declared.breaks]) {
      if (options.ignoresOtherGaps !== true && !options.topics.includes(topic))
        gapFaults.push(`a gap is declared in ${topic}-${partition}, which is not mirrored`);
    }
    return { ...sum, ledger, topics, refused, gapFaults };
  } finally {
    await source.close();
    await target.close();
  }
}

interface TopicPair {
  readonly source: AuditCluster;
  readonly target: AuditCluster;
  readonly topic: string;
  readonly declared: Declarations;
}

interface TopicComparison {
  readonly audit: AuditResult;
  readonly ledger: LedgerVerdict;
  readonly refused: readonly RefusedRecord[];
  readonly gapFaults: readonly string[];
}

async function compareTopic(pair: TopicPair, options: CompareOptions): Promise<TopicComparison> {
  const { source, target, topic, declared } = pair;
  const { targetTopic = (name) => name, ledgers = [], appendTime, onMissing } = options;
  const sourceLayout = await source.layout(topic);
  const targetLayout = await target.layout(targetTopic(topic));
  const account = ledgers.find(({ shape }) => shape.topic === topic);
  const stampedSinceMs = appendTime?.topics.has(topic) === true ? appendTime.sinceMs : undefined;
  let audit = EMPTY_RESULT;
  let ledger = EMPTY_VERDICT;
  const refused: RefusedRecord[] = [];
  const gapFaults: string[] = [];
  const partitions = Math.max(sourceLayout?.leaders.length ?? 0, targetLayout?.leaders.length ?? 0);
  const originals = await reader(source, sourceLayout);
  const copies = await reader(target, targetLayout);
  for (let partition = 0; partition < partitions; partition++) {
    const log = originals(partition);
    const watched = account?.partitions[partition]?.watch(log, (verdict) => {
      ledger = addVerdicts(ledger, verdict);
    });
    const isHere = (one: { readonly topic: string; readonly partition: number }): boolean =>
      one.topic === topic && one.partition === partition;
    const breaks = declared.breaks.filter(isHere);
    const index = new GapIndex([...declared.gaps.filter(isHere), ...gapsOf(breaks)]);
    const copied = withoutEnded(copies(partition), breaks);
    const noted = index.watch(watched ?? log, (record, gap) => refused.push({ record, gap }));
    const [left, right] =
      stampedSinceMs === undefined
        ? [noted, copied]
        : [withoutTimestamps(noted), withoutAppendTimes(copied, stampedSinceMs)];
    const audited = await auditPartition(left, right, {
      topic,
      partition,
      gaps: index,
      onMissing: (sourceOffset) => onMissing?.({ topic, partition, sourceOffset }),
    });
    audit = addResults(audit, audited);
    gapFaults.push(...index.faults());
  }
  return { audit, ledger, refused, gapFaults };
}

/** Reads committed records of any partition of the topic; partitions that do not exist are empty. */
async function reader(cluster: AuditCluster, layout: TopicLayout | undefined) {
  const ranges = layout === undefined ? [] : await cluster.ranges(layout);
  return (partition: number) => {
    const range = ranges[partition] ?? { start: 0, end: 0 };
    const empty: TopicLayout = { topic: '', topicId: null, leaders: [] };
    return dumpPartition(cluster, { layout: layout ?? empty, partition, range });
  };
}

function addVerdicts(a: LedgerVerdict, b: LedgerVerdict): LedgerVerdict {
  return {
    records: a.records + b.records,
    lost: a.lost + b.lost,
    altered: a.altered + b.altered,
    abortedButVisible: a.abortedButVisible + b.abortedButVisible,
    unacknowledged: a.unacknowledged + b.unacknowledged,
  };
}
