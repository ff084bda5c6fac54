import type { PartitionMap, Translation } from '../../common/model/offset-map.js';
import { inverse, translate } from '../../common/model/offset-map-lookup.js';
import { type AuditRecord, differences } from './record.js';

/** What both logs hold of one partition in one timeline, compared record by record. */
export interface TranslationTruth {
  /** Source offset to target offset, ascending on both sides. */
  readonly copies: ReadonlyMap<number, number>;
  /** Copying began there. */
  readonly from: number;
  readonly sourceEnd: number;
  /** Where the target's log ended when it was read. */
  readonly targetEnd: number;
  /** What a source offset without a copy is. */
  readonly kindOf: (offset: number) => string;
}

/** How many offsets of one kind were asked about, and how the answers were. */
export interface KindCount {
  asked: number;
  right: number;
  wrong: number;
  /** Unknown, though the logs tell. */
  unanswered: number;
}

export interface EveryOffset {
  /** Of source offsets; `copied` is one kind. */
  readonly kinds: Readonly<Record<string, KindCount>>;
  /** Of target offsets, asked about the other way round. */
  readonly inverse: Readonly<Record<'copied' | 'others', KindCount>>;
  readonly firstProblem: string | undefined;
}

export const COPIED = 'copied';

/**
 * Where each record of the source was copied to: by value, which no two records share, and everything else of it has to be the same.
 * @throws what is missing at the target, there twice, out of order, different, or of no record of the source
 */
export function pairedLogs(
  source: readonly AuditRecord[],
  target: readonly AuditRecord[],
  isExpected: (record: AuditRecord) => boolean,
): ReadonlyMap<number, number> {
  const byValue = new Map(source.map((record) => [String(record.value), record]));
  const copies = new Map<number, number>();
  let last = -1;
  for (const copy of target) {
    const record = byValue.get(String(copy.value));
    if (record === undefined) throw new Error(`target offset ${copy.offset} is a copy of nothing`);
    if (record.offset <= last) throw new Error(`source offset ${record.offset} is there twice, or out of order`);
    const fields = differences(record, copy);
    if (fields.length > 0) throw new Error(`the copy of source offset ${record.offset} differs in ${fields.join()}`);
    copies.set(record.offset, copy.offset);
    last = record.offset;
  }
  const missing = source.find((record) => isExpected(record) && !copies.has(record.offset));
  if (missing !== undefined) throw new Error(`source offset ${missing.offset} is not at the target`);
  return copies;
}

/** Asks the map about every offset of both logs. */
export function judgeEveryOffset(map: PartitionMap, truth: TranslationTruth): EveryOffset {
  const { copies, from, sourceEnd, targetEnd, kindOf } = truth;
  const pairs = [...copies];
  const kinds: Record<string, KindCount> = {};
  const problems: string[] = [];
  const forward = new Side(pairs, from, targetEnd);
  for (let offset = 0; offset < sourceEnd; offset += 1) {
    const kind = copies.has(offset) ? COPIED : offset < from ? 'before copying began' : kindOf(offset);
    kinds[kind] ??= noCount();
    const found = translate(map, BigInt(offset));
    if (!count(kinds[kind], found, forward.isRight(offset, found))) problems.push(said('source', offset, found));
  }
  const backward = new Side(
    pairs.map(([source, target]) => [target, source]),
    pairs[0]?.[1] ?? 0,
    sourceEnd,
  );
  const counts = { copied: noCount(), others: noCount() };
  const copiesAt = new Set(copies.values());
  for (let offset = 0; offset < targetEnd; offset += 1) {
    const found = inverse(map, BigInt(offset));
    const of = copiesAt.has(offset) ? counts.copied : counts.others;
    if (!count(of, found, backward.isRight(offset, found))) problems.push(said('target', offset, found));
  }
  return { kinds, inverse: counts, firstProblem: problems[0] };
}

/** One direction. Offsets are asked about in ascending order. */
class Side {
  readonly #pairs: readonly (readonly [asked: number, answer: number])[];
  readonly #from: number;
  readonly #end: number;
  #next = 0;

  constructor(pairs: readonly (readonly [asked: number, answer: number])[], from: number, end: number) {
    this.#pairs = pairs;
    this.#from = from;
    this.#end = end;
  }

  /** The copy itself; else the next copy, by both its offsets; behind all of them the end; before copying began no answer but where that was. */
  isRight(offset: number, found: Translation): boolean {
    while ((this.#pairs[this.#next]?.[0] ?? Number.POSITIVE_INFINITY) < offset) this.#next += 1;
    const due = this.#pairs[this.#next];
    if (due?.[0] === offset) return found.kind === 'exact' && found.offset === BigInt(due[1]);
    if (found.kind === 'before-mirror') return this.#next === 0 && offset < this.#from;
    if (due !== undefined) {
      return found.kind === 'hole' && found.offset === BigInt(due[1]) && found.source === BigInt(due[0]);
    }
    const last = this.#pairs.at(-1)?.[1] ?? -1;
    return found.kind === 'head' && found.offset > BigInt(last) && found.offset <= BigInt(this.#end);
  }
}

function noCount(): KindCount {
  return { asked: 0, right: 0, wrong: 0, unanswered: 0 };
}

function count(counts: KindCount, { kind }: Translation, isRight: boolean): boolean {
  counts.asked += 1;
  if (isRight) counts.right += 1;
  else if (kind === 'unknown') counts.unanswered += 1;
  else counts.wrong += 1;
  return isRight;
}

function said(side: string, offset: number, found: Translation): string {
  const answer = JSON.stringify(found, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return `${side} offset ${offset} was answered ${answer}`;
}

/** What becomes of a reader that had read everything before a source position, and goes on where it is said to be at the target. */
export interface Continued {
  /** Records that it gets though it had read them. */
  readonly rereads: number;
  /** Records that it had not read, and never gets. */
  readonly skips: number;
}

/** @param target what lies there, each with its source offset; -1: of the source's topic before it was made anew */
export function continuedAt(
  target: readonly { readonly offset: number; readonly source: number }[],
  from: number,
  position: number,
): Continued {
  let rereads = 0;
  const skipped = new Set<number>();
  for (const { offset, source } of target) {
    if (offset >= position && source < from) rereads += 1;
    else if (offset < position && source >= from) skipped.add(source);
  }
  // What is there a second time, behind the position, is not lost.
  for (const { offset, source } of target) if (offset >= position) skipped.delete(source);
  return { rereads, skips: skipped.size };
}
