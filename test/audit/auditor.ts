import type { GapIndex } from './declared-gaps.js';
import { type AuditRecord, differences, weightBytes } from './record.js';
import { RecordReader, type RecordSequence } from './record-reader.js';
import { type AuditResult, MAX_PROBLEMS_PER_KIND, type Problem, type ProblemKind } from './report.js';
import { SeenIndex } from './seen-index.js';
import { type Entry, entryOf, type SkippedEntry, SourceWindow, type WindowLimits } from './source-window.js';
import { type Tag, topicHash } from './tag.js';

export interface PartitionAuditOptions {
  /** The topic's name at the source. */
  readonly topic: string;
  readonly partition: number;
  readonly window?: WindowLimits;
  /** What the mirror declares as left out of this partition. */
  readonly gaps?: GapIndex;
  /** Told the source offset of every record that is missing and not declared. */
  readonly onMissing?: (sourceOffset: number) => void;
}

/** How far the target may be out of order before a late record counts as missing and its copy as a phantom. */
const DEFAULT_WINDOW: WindowLimits = { records: 200_000, bytes: 256 << 20 };
/** Target records of unknown origin kept to be paired with missing ones. */
const MAX_STRANGERS = 10_000;

/**
 * Compares what a partition holds at the source with what its mirror holds. Records are known by their tags; without tags by
 * content and rank: a target record of unknown content in the place of exactly one missing source record is that record,
 * altered. Reads both sequences once, keeps a bounded window of records and 16 bytes of each copied record.
 */
export async function auditPartition(
  source: RecordSequence,
  target: RecordSequence,
  options: PartitionAuditOptions,
): Promise<AuditResult> {
  const auditor = new PartitionAuditor(new RecordReader(source), options);
  const copies = new RecordReader(target);
  for (;;) {
    const record = copies.takeNow() ?? (await copies.take());
    if (record === undefined) break;
    await auditor.place(record);
  }
  return auditor.finish();
}

class PartitionAuditor {
  readonly #options: PartitionAuditOptions;
  readonly #limits: WindowLimits;
  readonly #isOurs: (tag: Tag) => boolean;
  readonly #window: SourceWindow;
  /** Key of each matched source record -> hash of its content. */
  readonly #seen = new SeenIndex();
  readonly #skipped = new Map<number, SkippedEntry[]>();
  #skippedCount = 0;
  #skippedBytes = 0;
  /** Target records of unknown origin, by the rank of the source record matched before them. */
  readonly #strangers = new Map<number, AuditRecord[]>();
  #strangerCount = 0;
  /** Rank of the last source record matched in order; ranks count from 0. */
  #rank = -1;
  #lastInOrder = -1;
  readonly #counts: Record<ProblemKind, number> = {
    missing: 0,
    duplicated: 0,
    reordered: 0,
    different: 0,
    phantom: 0,
    misplaced: 0,
    contradicted: 0,
  };
  #declared = 0;
  #targetRecords = 0;
  readonly #problems: Problem[] = [];

  constructor(source: RecordReader, options: PartitionAuditOptions) {
    const topic = topicHash(options.topic);
    this.#options = options;
    this.#limits = options.window ?? DEFAULT_WINDOW;
    this.#isOurs = (tag) => tag.topic === topic && tag.partition === options.partition;
    this.#window = new SourceWindow(source, this.#isOurs, this.#limits);
  }

  /** Judges the next target record. */
  async place(record: AuditRecord): Promise<void> {
    this.#targetRecords += 1;
    const copy = entryOf(record, this.#isOurs);
    const next = await this.#window.next();
    if (next?.key === copy.key) {
      this.#matchNext(copy);
      return;
    }
    const late = this.#takeSkipped(copy.key);
    if (late !== undefined) {
      this.#note('reordered', { source: late.record, target: record });
      this.#match(late, copy);
      return;
    }
    const firstHash = this.#seen.get(copy.key);
    if (firstHash !== undefined) {
      this.#note('duplicated', { target: record });
      if (firstHash !== copy.hash)
        this.#note('different', { target: record, note: 'a repeat that differs from the record it repeats' });
      return;
    }
    if (await this.#window.comes(copy.key)) {
      await this.#skipTo(copy.key);
      this.#matchNext(copy);
      return;
    }
    this.#takeIn(copy);
  }

  async finish(): Promise<AuditResult> {
    const anchor = this.#lastInOrder;
    while ((await this.#window.next()) !== undefined) {
      this.#rank += 1;
      this.#settle({ ...this.#window.pass(), anchor });
    }
    for (const entries of this.#skipped.values()) for (const entry of entries) this.#settle(entry);
    for (const records of this.#strangers.values())
      for (const record of records) this.#note('phantom', { target: record });
    const { missing, duplicated, reordered, different, phantom, misplaced, contradicted } = this.#counts;
    return {
      records: this.#rank + 1,
      targetRecords: this.#targetRecords,
      missing,
      duplicated,
      reordered,
      different,
      phantom: phantom + misplaced,
      misplaced,
      declaredGaps: this.#declared,
      contradicted,
      firstProblems: this.#problems,
    };
  }

  #matchNext(copy: Entry): void {
    this.#rank += 1;
    this.#lastInOrder = this.#rank;
    this.#match(this.#window.pass(), copy);
  }

  #match(original: Entry, copy: Entry): void {
    this.#seen.set(original.key, original.hash);
    const gap = this.#options.gaps?.gapOf(original.record.offset);
    if (gap !== undefined && gap.bound === undefined)
      this.#note('contradicted', { source: original.record, target: copy.record });
    if (original.hash === copy.hash && differences(original.record, copy.record).length === 0) return;
    this.#note('different', { source: original.record, target: copy.record });
  }

  async #skipTo(key: number): Promise<void> {
    const anchor = this.#lastInOrder;
    while ((await this.#window.next())?.key !== key) {
      this.#rank += 1;
      this.#skip({ ...this.#window.pass(), anchor });
    }
  }

  #skip(entry: SkippedEntry): void {
    const same = this.#skipped.get(entry.key);
    if (same === undefined) this.#skipped.set(entry.key, [entry]);
    else same.push(entry);
    this.#skippedCount += 1;
    this.#skippedBytes += weightBytes(entry.record);
    while (this.#skippedCount > this.#limits.records || this.#skippedBytes > this.#limits.bytes) {
      const [oldest] = this.#skipped.keys();
      this.#settle(this.#takeSkipped(oldest as number) as SkippedEntry);
    }
  }

  #takeSkipped(key: number): SkippedEntry | undefined {
    const same = this.#skipped.get(key);
    const entry = same?.shift();
    if (same === undefined || entry === undefined) return undefined;
    if (same.length === 0) this.#skipped.delete(key);
    this.#skippedCount -= 1;
    this.#skippedBytes -= weightBytes(entry.record);
    return entry;
  }

  /** A target record that no source record explains, so far. */
  #takeIn({ record, tag }: Entry): void {
    if (tag !== undefined && !this.#isOurs(tag)) {
      this.#note('misplaced', {
        target: record,
        note: `it is record ${tag.sequence} of partition ${tag.partition}, topic hash ${tag.topic}`,
      });
    } else if (tag !== undefined) {
      this.#note('phantom', {
        target: record,
        note: `record ${tag.sequence} is not among the source's committed ones`,
      });
    } else if (this.#strangerCount >= MAX_STRANGERS) {
      this.#note('phantom', { target: record });
    } else {
      const same = this.#strangers.get(this.#lastInOrder);
      if (same === undefined) this.#strangers.set(this.#lastInOrder, [record]);
      else same.push(record);
      this.#strangerCount += 1;
    }
  }

  /** The final word on a source record that no target record matched. */
  #settle(entry: SkippedEntry): void {
    if (this.#options.gaps?.covers(entry.record.offset) === true) {
      this.#declared += 1;
      return;
    }
    const stranger = this.#strangers.get(entry.anchor)?.shift();
    if (stranger === undefined) {
      this.#note('missing', { source: entry.record });
      this.#options.onMissing?.(entry.record.offset);
      return;
    }
    this.#strangerCount -= 1;
    this.#note('different', { source: entry.record, target: stranger });
  }

  #note(
    kind: ProblemKind,
    { source, target, note }: { source?: AuditRecord; target?: AuditRecord; note?: string },
  ): void {
    this.#counts[kind] += 1;
    if (this.#counts[kind] > MAX_PROBLEMS_PER_KIND) return;
    this.#problems.push({
      kind,
      topic: this.#options.topic,
      partition: this.#options.partition,
      ...(source === undefined ? {} : { sourceOffset: source.offset }),
      ...(target === undefined ? {} : { targetOffset: target.offset }),
      ...(kind === 'different' && source !== undefined && target !== undefined
        ? { fields: differences(source, target) }
        : {}),
      ...(note === undefined ? {} : { note }),
    });
  }
}
