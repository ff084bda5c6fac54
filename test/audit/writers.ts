import { CONTROL_BIT, PRODUCER_EPOCH_AT, producerId } from '../../common/kafka/wire/records/batch-header.js';
import { scanBatches } from '../../common/kafka/wire/records/batch-scan.js';
import { AuditCluster, type LogRange, type TopicLayout } from './audit-cluster.js';
import { fetchOnce } from './dump.js';

/** A partition that gives nothing below its own end this often in a row is stuck. */
const MAX_EMPTY_ANSWERS = 60;

/** What one producer wrote to one partition. */
export interface WriterTrace {
  /** Data batches. */
  readonly batches: number;
  /** Markers of transactions, which a fence writes. */
  readonly markers: number;
  /** Data batches of an epoch below the marker's that lie behind it: somebody wrote after his fence (I10). */
  readonly behindMarker: number;
}

interface Trace {
  batches: number;
  markers: number;
  behindMarker: number;
  /** Of the latest marker; -1: none yet. */
  markerEpoch: number;
}

/** Follows the writers of one log, batch by batch. */
export class WriterLog {
  readonly #traces = new Map<bigint, Trace>();

  /** By producer id. */
  get traces(): ReadonlyMap<bigint, WriterTrace> {
    return this.#traces;
  }

  saw(producer: bigint, epoch: number, isControl: boolean): void {
    if (producer < 0n) return;
    const trace = this.#traces.get(producer) ?? { batches: 0, markers: 0, behindMarker: 0, markerEpoch: -1 };
    this.#traces.set(producer, trace);
    if (isControl) {
      trace.markers += 1;
      trace.markerEpoch = Math.max(trace.markerEpoch, epoch);
      return;
    }
    trace.batches += 1;
    if (epoch < trace.markerEpoch) trace.behindMarker += 1;
  }
}

/** Reads every batch's header of these topics; what each producer wrote, over all of their partitions. */
export async function traceWriters(
  bootstrapServers: string,
  topics: readonly string[],
): Promise<ReadonlyMap<bigint, WriterTrace>> {
  const cluster = new AuditCluster(bootstrapServers);
  const sums = new Map<bigint, WriterTrace>();
  try {
    for (const topic of topics) {
      const layout = await cluster.layout(topic);
      if (layout === undefined) continue;
      const ranges = await cluster.ranges(layout);
      for (const [partition, range] of ranges.entries()) {
        const log = await traceLog(cluster, layout, partition, range);
        for (const [producer, trace] of log.traces) sums.set(producer, sum(sums.get(producer), trace));
      }
    }
    return sums;
  } finally {
    await cluster.close();
  }
}

async function traceLog(
  cluster: AuditCluster,
  layout: TopicLayout,
  partition: number,
  { start, end }: LogRange,
): Promise<WriterLog> {
  const log = new WriterLog();
  let empty = 0;
  for (let offset = start; offset < end; ) {
    const before = offset;
    const cursor = scanBatches((await fetchOnce(cluster, { layout, partition }, offset)).records ?? Buffer.alloc(0));
    while (cursor.next()) {
      const { buffer, start: at, attributes, lastOffset } = cursor;
      offset = lastOffset + 1;
      log.saw(producerId(buffer, at), buffer.readInt16BE(at + PRODUCER_EPOCH_AT), (attributes & CONTROL_BIT) !== 0);
    }
    empty = offset === before ? empty + 1 : 0;
    if (empty > MAX_EMPTY_ANSWERS) throw new Error(`${layout.topic}-${partition} gives nothing at ${offset} of ${end}`);
  }
  return log;
}

function sum(a: WriterTrace | undefined, b: WriterTrace): WriterTrace {
  return {
    batches: (a?.batches ?? 0) + b.batches,
    markers: (a?.markers ?? 0) + b.markers,
    behindMarker: (a?.behindMarker ?? 0) + b.behindMarker,
  };
}
