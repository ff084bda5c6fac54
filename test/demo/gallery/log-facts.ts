import { FETCH } from '../../../common/kafka/wire/apis/fetch.js';
import { CODEC_MASK, producerId } from '../../../common/kafka/wire/records/batch-header.js';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { CODEC_NAMES, type CodecName } from '../../../common/kafka/wire/records/compression.js';
import type { AuditCluster, LogRange, TopicLayout } from '../../audit/audit-cluster.js';

const FETCH_MAX_BYTES = 8 << 20;
const MAX_WAIT_MS = 500;
const MAX_EMPTY_ANSWERS = 20;

/** A batch as it lies in the log. */
export interface BatchFacts {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly records: number;
  readonly bytes: number;
  readonly attributes: number;
  readonly codec: CodecName | undefined;
  readonly producerId: bigint;
}

export interface PartitionFacts {
  /** Where the log begins: perhaps inside its first batch. */
  readonly start: number;
  readonly end: number;
  readonly batches: readonly BatchFacts[];
  /** Aborted transactions that the broker names, each once. */
  readonly aborted: number;
}

/** The topic's batches as a broker serves them, undecoded, partition by partition; none of a topic that does not exist. */
export async function logFacts(cluster: AuditCluster, topic: string): Promise<PartitionFacts[]> {
  const layout = await cluster.layout(topic);
  if (layout === undefined) return [];
  const facts: PartitionFacts[] = [];
  for (const [partition, range] of (await cluster.ranges(layout)).entries())
    facts.push(await partitionFacts(cluster, layout, partition, range));
  return facts;
}

async function partitionFacts(
  cluster: AuditCluster,
  layout: TopicLayout,
  partition: number,
  { start, end }: LogRange,
): Promise<PartitionFacts> {
  const batches: BatchFacts[] = [];
  const aborted = new Set<string>();
  let next = start;
  for (let empty = 0; next < end && empty < MAX_EMPTY_ANSWERS; ) {
    const { topic, topicId } = layout;
    const answer = await cluster.ask(layout.leaders[partition] ?? -1, 'facts', FETCH, {
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_MAX_BYTES,
      isolationLevel: 1,
      sessionId: 0,
      sessionEpoch: -1,
      partitions: [{ topic, topicId, partition, fetchOffset: next, currentLeaderEpoch: -1, maxBytes: FETCH_MAX_BYTES }],
      forgotten: [],
      rackId: '',
    });
    const fetched = answer.topics[0]?.partitions[0];
    for (const { producerId: id, firstOffset } of fetched?.abortedTransactions ?? [])
      aborted.add(`${id}/${firstOffset}`);
    const before = next;
    const cursor = scanBatches(fetched?.records ?? Buffer.alloc(0));
    while (cursor.next()) {
      const { buffer, start: at, baseOffset, lastOffset, recordCount, length, attributes } = cursor;
      const codec = CODEC_NAMES[attributes & CODEC_MASK];
      const batch = { baseOffset, lastOffset, records: recordCount, bytes: length, attributes, codec };
      batches.push({ ...batch, producerId: producerId(buffer, at) });
      next = lastOffset + 1;
    }
    if (next === before) empty += 1;
  }
  return { start, end, batches, aborted: aborted.size };
}

/** Every partition's batches in one list. */
export function allBatches(log: readonly PartitionFacts[]): readonly BatchFacts[] {
  return log.flatMap(({ batches }) => batches);
}

export const hasBit = (bit: number): ((batch: BatchFacts) => boolean) => {
  return ({ attributes }) => (attributes & bit) !== 0;
};

/** Says what is missing: `some` names what must occur at least once. */
export function lackOf(checks: Readonly<Record<string, boolean>>): string | undefined {
  const missing = Object.entries(checks).filter(([, holds]) => !holds);
  return missing.length === 0 ? undefined : missing.map(([what]) => what).join(', ');
}
