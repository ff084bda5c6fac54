import { AuditCluster, type TopicLayout } from './audit-cluster.js';
import { auditPartition } from './auditor.js';
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
}

export interface ClusterComparison extends AuditResult {
  /** Sum over the ledgers given: how the source agrees with what its producers were told. */
  readonly ledger: LedgerVerdict;
  /** By topic at the source. */
  readonly topics: ReadonlyMap<string, AuditResult>;
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
    for (const topic of options.topics) {
      const result = await compareTopic(source, target, topic, options);
      topics.set(topic, result.audit);
      sum = addResults(sum, result.audit);
      ledger = addVerdicts(ledger, result.ledger);
    }
    return { ...sum, ledger, topics };
  } finally {
    await source.close();
    await target.close();
  }
}

async function compareTopic(
  source: AuditCluster,
  target: AuditCluster,
  topic: string,
  { targetTopic = (name) => name, ledgers = [] }: CompareOptions,
): Promise<{ readonly audit: AuditResult; readonly ledger: LedgerVerdict }> {
  const sourceLayout = await source.layout(topic);
  const targetLayout = await target.layout(targetTopic(topic));
  const account = ledgers.find(({ shape }) => shape.topic === topic);
  let audit = EMPTY_RESULT;
  let ledger = EMPTY_VERDICT;
  const partitions = Math.max(sourceLayout?.leaders.length ?? 0, targetLayout?.leaders.length ?? 0);
  const originals = await reader(source, sourceLayout);
  const copies = await reader(target, targetLayout);
  for (let partition = 0; partition < partitions; partition++) {
    const log = originals(partition);
    const watched = account?.partitions[partition]?.watch(log, (verdict) => {
      ledger = addVerdicts(ledger, verdict);
    });
    audit = addResults(audit, await auditPartition(watched ?? log, copies(partition), { topic, partition }));
  }
  return { audit, ledger };
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
