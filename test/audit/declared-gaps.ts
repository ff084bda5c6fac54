import { gapTopic } from '../../common/model/gap.js';
import type { AuditCluster } from './audit-cluster.js';
import { dumpPartition } from './dump.js';
import type { AuditRecord } from './record.js';
import type { RecordSequence } from './record-reader.js';

/** Source records [firstOffset, lastOffset] of a partition that the mirror says it left out. */
export interface DeclaredGap {
  readonly route: string;
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** How many records it claims to have left out. */
  readonly records: number;
  readonly reason: string;
}

/** An operator's order covers a stretch, whatever lies in it; every other gap says exactly which records it is about. */
const STRETCH_REASON = 'operator';

/** @throws when the record is not a gap's */
export function parseGap({ offset, value }: Pick<AuditRecord, 'offset' | 'value'>): DeclaredGap {
  const read = JSON.parse(value?.toString('utf8') ?? 'null') as Partial<Record<keyof DeclaredGap, unknown>> | null;
  const gap = {
    route: String(read?.route),
    topic: String(read?.topic),
    partition: Number(read?.partition),
    firstOffset: Number(read?.firstOffset),
    lastOffset: Number(read?.lastOffset),
    records: Number(read?.records),
    reason: String(read?.reason),
  };
  const numbers = [gap.partition, gap.firstOffset, gap.lastOffset, gap.records];
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0) || gap.lastOffset < gap.firstOffset) {
    throw new Error(`the record at offset ${offset} declares no gap: ${value?.toString('utf8').slice(0, 200)}`);
  }
  return gap;
}

/** What a fleet declared at this cluster; the latest of each key, as a compacted topic has it. None where the topic does not exist. */
export async function readGaps(cluster: AuditCluster, fleet: string): Promise<DeclaredGap[]> {
  const layout = await cluster.layout(gapTopic(fleet));
  if (layout === undefined) return [];
  const byKey = new Map<string, DeclaredGap>();
  const ranges = await cluster.ranges(layout);
  for (const [partition, range] of ranges.entries()) {
    for await (const records of dumpPartition(cluster, { layout, partition, range })) {
      for (const record of records) byKey.set(record.key?.toString('utf8') ?? '', parseGap(record));
    }
  }
  return [...byKey.values()];
}

/** The gaps of one partition, looked up by source offset. */
export class GapIndex {
  readonly #gaps: readonly DeclaredGap[];
  readonly #found: number[];

  /** @param gaps of one partition, in any order */
  constructor(gaps: readonly DeclaredGap[]) {
    this.#gaps = [...gaps].sort((a, b) => a.firstOffset - b.firstOffset || a.lastOffset - b.lastOffset);
    this.#found = this.#gaps.map(() => 0);
  }

  covers(offset: number): boolean {
    return this.gapOf(offset) !== undefined;
  }

  gapOf(offset: number): DeclaredGap | undefined {
    return this.#gaps[this.#indexOf(offset)];
  }

  /** The sequence unchanged; `visit` sees the records that lie in gaps. */
  async *watch(source: RecordSequence, visit: (record: AuditRecord, gap: DeclaredGap) => void): RecordSequence {
    for await (const records of source) {
      for (const record of records) {
        const index = this.#indexOf(record.offset);
        const gap = this.#gaps[index];
        if (gap === undefined) continue;
        this.#found[index] = (this.#found[index] ?? 0) + 1;
        visit(record, gap);
      }
      yield records;
    }
  }

  /** What is wrong with the declarations, once the whole source was watched. */
  faults(): string[] {
    const faults: string[] = [];
    this.#gaps.forEach((gap, index) => {
      const found = this.#found[index] as number;
      const { topic, partition, firstOffset, lastOffset, records, reason } = gap;
      const place = `${topic}-${partition} ${firstOffset}-${lastOffset} (${reason})`;
      const next = this.#gaps[index + 1];
      if (next !== undefined && next.firstOffset <= lastOffset) faults.push(`${place} is declared twice`);
      const isStretch = reason === STRETCH_REASON;
      if (isStretch ? found > records : found !== records)
        faults.push(`${place} declares ${records} records, the source has ${found} there`);
    });
    return faults;
  }

  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#gaps.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { firstOffset, lastOffset } = this.#gaps[middle] as DeclaredGap;
      if (offset < firstOffset) high = middle - 1;
      else if (offset > lastOffset) low = middle + 1;
      else return middle;
    }
    return -1;
  }
}
