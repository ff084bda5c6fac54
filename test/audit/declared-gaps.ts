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
  /** Absent: exactly these. `at-most`: some of them may be at the target all the same. */
  readonly bound?: 'at-most';
}

/** What the mirror says of a timeline that ended: target records [0, targetOffset) are of former timelines. */
export interface DeclaredBreak {
  readonly route: string;
  readonly topic: string;
  readonly partition: number;
  readonly kind: string;
  readonly reason: string;
  /** Source offsets in the timeline that ended; the last may be one below the first. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly timeline: number;
  readonly targetOffset: number;
  /** Target offsets of the range's copies, where they are known. */
  readonly copies?: { readonly firstOffset: number; readonly lastOffset: number };
}

/** These cover a stretch, whatever lies in it; every other gap says exactly which records it is about. */
const STRETCH_REASONS: ReadonlySet<string> = new Set(['operator', 'retention']);

/** @throws when the record is not a gap's */
export function parseGap({ offset, value }: Pick<AuditRecord, 'offset' | 'value'>): DeclaredGap {
  const read = JSON.parse(value?.toString('utf8') ?? 'null') as Partial<Record<keyof DeclaredGap, unknown>> | null;
  const isLoose = read?.bound !== undefined && (read.bound as string) !== 'exact';
  const gap = {
    route: String(read?.route),
    topic: String(read?.topic),
    partition: Number(read?.partition),
    firstOffset: Number(read?.firstOffset),
    lastOffset: Number(read?.lastOffset),
    records: Number(read?.records),
    reason: String(read?.reason),
    ...(isLoose ? { bound: 'at-most' as const } : {}),
  };
  const numbers = [gap.partition, gap.firstOffset, gap.lastOffset, gap.records];
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0) || gap.lastOffset < gap.firstOffset) {
    throw new Error(`the record at offset ${offset} declares no gap: ${value?.toString('utf8').slice(0, 200)}`);
  }
  return gap;
}

/** Undefined where the record declares something else. @throws when it is damaged */
export function parseBreak({ offset, value }: Pick<AuditRecord, 'offset' | 'value'>): DeclaredBreak | undefined {
  const text = value?.toString('utf8') ?? 'null';
  const read = JSON.parse(text) as Record<string, unknown> | null;
  if (read?.['nextTimeline'] === undefined) return undefined;
  const number = (name: string): number => Number(read[name]);
  const broken = {
    route: String(read['route']),
    topic: String(read['topic']),
    partition: number('partition'),
    kind: String(read['kind']),
    reason: String(read['reason']),
    firstOffset: number('firstOffset'),
    lastOffset: number('lastOffset'),
    timeline: number('timeline'),
    targetOffset: number('targetOffset'),
  };
  if (!(broken.lastOffset >= broken.firstOffset - 1 && broken.targetOffset >= 0)) {
    throw new Error(`the record at offset ${offset} declares no end of a timeline: ${text.slice(0, 200)}`);
  }
  if (read['copiesFirstOffset'] === undefined) return broken;
  const copies = { firstOffset: number('copiesFirstOffset'), lastOffset: number('copiesLastOffset') };
  return { ...broken, copies };
}

export interface Declarations {
  readonly gaps: readonly DeclaredGap[];
  readonly breaks: readonly DeclaredBreak[];
}

export const NOTHING_DECLARED: Declarations = { gaps: [], breaks: [] };

/** What a fleet declared at this cluster; the latest of each key, as a compacted topic has it. None where the topic does not exist. */
export async function readDeclarations(cluster: AuditCluster, fleet: string): Promise<Declarations> {
  const layout = await cluster.layout(gapTopic(fleet));
  if (layout === undefined) return NOTHING_DECLARED;
  const byKey = new Map<string, AuditRecord>();
  const ranges = await cluster.ranges(layout);
  for (const [partition, range] of ranges.entries()) {
    for await (const records of dumpPartition(cluster, { layout, partition, range })) {
      for (const record of records) byKey.set(record.key?.toString('utf8') ?? '', record);
    }
  }
  const gaps: DeclaredGap[] = [];
  const breaks: DeclaredBreak[] = [];
  for (const record of byKey.values()) {
    const broken = parseBreak(record);
    if (broken === undefined) gaps.push(parseGap(record));
    else breaks.push(broken);
  }
  return { gaps, breaks };
}

/** The target's records without those that breaks of the partition declare: stranded ones, and those of timelines copied anew since. */
export async function* withoutEnded(target: RecordSequence, breaks: readonly DeclaredBreak[]): RecordSequence {
  const isOver = (offset: number): boolean => breaks.some((broken) => isEnded(broken, offset));
  for await (const records of target) yield records.filter(({ offset }) => !isOver(offset));
}

function isEnded({ kind, reason, copies, targetOffset }: DeclaredBreak, offset: number): boolean {
  if (kind === 'diverged') return copies !== undefined && offset >= copies.firstOffset && offset <= copies.lastOffset;
  return reason !== 'target-truncated' && offset < targetOffset;
}

/** Source ranges that the target may lack because of breaks; some of them may be there. */
export function gapsOf(breaks: readonly DeclaredBreak[]): DeclaredGap[] {
  return breaks.flatMap(({ kind, route, topic, partition, reason, firstOffset, lastOffset }) => {
    // A former incarnation of the source cannot be read any more.
    if (kind !== 'gap' || reason === 'source-recreated' || lastOffset < firstOffset) return [];
    const records = lastOffset - firstOffset + 1;
    return [{ route, topic, partition, reason, firstOffset, lastOffset, records, bound: 'at-most' }];
  });
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
      const isStretch = STRETCH_REASONS.has(reason) || gap.bound !== undefined;
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
