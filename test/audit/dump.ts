import { type AbortedTransaction, FETCH, type FetchedPartition } from '../../common/kafka/wire/apis/fetch.js';
import { producerId, TRANSACTIONAL_BIT } from '../../common/kafka/wire/records/batch-header.js';
import { scanBatches } from '../../common/kafka/wire/records/batch-scan.js';
import { loadCodecs } from '../../common/kafka/wire/records/compression.js';
import { type DecodedBatch, decodeBatch } from '../../common/kafka/wire/records/record-codec.js';
import type { AuditCluster, LogRange, TopicLayout } from './audit-cluster.js';
import type { AuditRecord } from './record.js';

const FETCH_MAX_BYTES = 4 << 20;
const FETCH_MAX_WAIT_MS = 500;
/** A partition that gives nothing below its own end this often in a row is stuck. */
const MAX_EMPTY_ANSWERS = 60;

export interface DumpOptions {
  readonly layout: TopicLayout;
  readonly partition: number;
  readonly range: LogRange;
}

/** Everything a read_committed consumer would read of the partition in `range`, decoded, CRCs checked; in pieces of one fetch each. */
export async function* dumpPartition(
  cluster: AuditCluster,
  options: DumpOptions,
): AsyncGenerator<readonly AuditRecord[]> {
  const { range } = options;
  await loadCodecs();
  let offset = range.start;
  let emptyAnswers = 0;
  while (offset < range.end) {
    const fetched = await fetchOnce(cluster, options, offset);
    const { records, nextOffset } = decodeFetched(fetched.records, offset, fetched.abortedTransactions);
    emptyAnswers = nextOffset === offset ? emptyAnswers + 1 : 0;
    if (emptyAnswers > MAX_EMPTY_ANSWERS) {
      throw new Error(`${options.layout.topic}-${options.partition} gives nothing at offset ${offset} of ${range.end}`);
    }
    offset = nextOffset;
    const inRange = records.filter((record) => record.offset < range.end);
    if (inRange.length > 0) yield inRange;
  }
}

/** One answer of the partition's leader, with everything that a read_committed consumer is given to sort out itself. */
export async function fetchOnce(
  cluster: AuditCluster,
  { layout, partition }: Pick<DumpOptions, 'layout' | 'partition'>,
  fetchOffset: number,
): Promise<FetchedPartition> {
  const answer = await cluster.ask(layout.leaders[partition] ?? -1, 'dump', FETCH, {
    maxWaitMs: FETCH_MAX_WAIT_MS,
    minBytes: 1,
    maxBytes: FETCH_MAX_BYTES,
    isolationLevel: 1,
    sessionId: 0,
    sessionEpoch: -1,
    partitions: [
      {
        topic: layout.topic,
        topicId: layout.topicId,
        partition,
        fetchOffset,
        currentLeaderEpoch: -1,
        maxBytes: FETCH_MAX_BYTES,
      },
    ],
    forgotten: [],
    rackId: '',
  });
  const fetched = answer.topics[0]?.partitions[0];
  const errorCode = answer.errorCode || (fetched?.errorCode ?? -1);
  if (fetched === undefined || errorCode !== 0) {
    throw new Error(
      `reading ${layout.topic}-${partition} at offset ${fetchOffset} was answered with error ${errorCode}`,
    );
  }
  return fetched;
}

/**
 * Decodes one answer as a read_committed consumer does: a producer's transactional batches from its first aborted offset to its
 * abort marker are left out, and so are all control batches.
 */
export function decodeFetched(
  bytes: Buffer | null,
  fetchOffset: number,
  aborted: readonly AbortedTransaction[],
): { readonly records: AuditRecord[]; readonly nextOffset: number } {
  const records: AuditRecord[] = [];
  let nextOffset = fetchOffset;
  const filter = new AbortedFilter(aborted);
  const cursor = scanBatches(bytes ?? Buffer.alloc(0));
  while (cursor.next()) {
    const { buffer, start, length, attributes, lastOffset } = cursor;
    nextOffset = lastOffset + 1;
    const batch = decodeBatch(buffer.subarray(start, start + length));
    const isTransactional = (attributes & TRANSACTIONAL_BIT) !== 0;
    if (filter.drops(batch, producerId(buffer, start), isTransactional)) continue;
    for (const { offset, timestamp, key, value, headers } of batch.records) {
      // A fetch may begin inside a batch: the broker gives the whole of it.
      if (Number(offset) < fetchOffset) continue;
      records.push({ offset: Number(offset), timestamp: Number(timestamp), key, value, headers });
    }
  }
  return { records, nextOffset };
}

class AbortedFilter {
  /** By first offset, the soonest last. */
  readonly #pending: AbortedTransaction[];
  readonly #aborting = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#pending = [...aborted].sort((a, b) => b.firstOffset - a.firstOffset);
  }

  drops(batch: DecodedBatch, producer: bigint, isTransactional: boolean): boolean {
    for (
      let next = this.#pending.at(-1);
      next !== undefined && next.firstOffset <= Number(batch.lastOffset);
      next = this.#pending.at(-1)
    ) {
      this.#aborting.add(next.producerId);
      this.#pending.pop();
    }
    if (batch.control) {
      // Key: version INT16, type INT16; type 0 is an abort marker.
      const type = batch.records[0]?.key?.readInt16BE(2);
      if (type === 0) this.#aborting.delete(producer);
      return true;
    }
    return isTransactional && this.#aborting.has(producer);
  }
}
