import type { LostStretch } from '../../model/offset-map.js';
import { FIRST_OF_TIMELINE, linkBehind, type MapChain } from '../../model/offset-map-record.js';
import { RunTable } from './run-table.js';

export const REASON_LOST =
  'the map of this stretch was lost, or never written; it can be rebuilt while both logs exist';
export const REASON_UNTOLD = 'the target did not tell where it stored these records';
export const REASON_DROPPED = 'there are more runs than a controller keeps in memory; the oldest are left out';

/** A stretch of numbers; `to` is exclusive. */
interface Range {
  readonly from: number;
  readonly to: number;
}

interface NumberedLoss {
  readonly source: Range;
  readonly target: Range;
  readonly reason: string;
  readonly order: number;
}

/** What one chain of entries speaks for: from where its predecessor ended to its own end, of the target's log. */
interface Span extends Range {
  readonly order: number;
  /** Nothing lies before it. */
  readonly isFirst: boolean;
  readonly firstSource: number;
  /** Where its last entry ends at the source. */
  readonly lastSource: number;
}

/**
 * The offset map of one partition in one timeline, gathered from the chains that the map topic holds of it. Each chain says where its
 * predecessor ended: where none is known to reach that far, something is missing.
 */
export class PartitionRuns {
  readonly targetTopicId: string | null;
  readonly table = new RunTable();
  /** By where they begin, as in the map topic: a later one replaces the earlier. */
  readonly #spans = new Map<string, Span>();
  #losses: NumberedLoss[] = [];
  #dropped: NumberedLoss | undefined;
  #order = 0;
  #lost: readonly LostStretch[] | undefined;

  constructor(targetTopicId: string | null) {
    this.targetTopicId = targetTopicId;
  }

  /** In the order in which they were written. */
  add(chain: MapChain): void {
    const { link, entries } = chain;
    const [first] = entries;
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    this.#lost = undefined;
    const order = this.#order++;
    const from = link < 0 || link > first.target ? first.target : link;
    const key = `${first.source}/${first.target}`;
    this.#spans.delete(key);
    this.#spans.set(key, {
      from,
      to: linkBehind(chain),
      order,
      isFirst: link === FIRST_OF_TIMELINE,
      firstSource: first.source,
      lastSource: last.source + last.length,
    });
    for (const { lost, source, target, length, targetLength } of entries) {
      if (!lost) {
        this.table.add({ source, target, length });
        continue;
      }
      const range = {
        source: { from: source, to: source + length },
        target: { from: target, to: target + targetLength },
      };
      this.#losses.push({ ...range, reason: REASON_UNTOLD, order });
    }
  }

  /** Up to where something is known at the target; -1: nothing is. */
  get targetEnd(): number {
    let end = -1;
    for (const { to } of this.#spans.values()) end = Math.max(end, to);
    return end;
  }

  /** Where its last entry ends at the source; -1: nothing is known. */
  get sourceEnd(): number {
    let furthest: Span | undefined;
    for (const span of this.#spans.values()) if (furthest === undefined || span.to >= furthest.to) furthest = span;
    return furthest?.lastSource ?? -1;
  }

  /** Frees memory. What they said is unknown from now on. */
  dropOldest(count: number): void {
    const last = this.table.dropOldest(count);
    if (last === undefined) return;
    this.#lost = undefined;
    this.#dropped = {
      source: { from: 0, to: last.source + last.length },
      target: { from: 0, to: last.target + last.length },
      reason: REASON_DROPPED,
      order: -1,
    };
  }

  /** Where something is missing, in order. */
  get lost(): readonly LostStretch[] {
    this.#lost ??= this.#findLost();
    return this.#lost;
  }

  #findLost(): readonly LostStretch[] {
    const spans = [...this.#spans.values()].sort((a, b) => {
      return a.from - b.from || Number(b.isFirst) - Number(a.isFirst) || a.to - b.to;
    });
    this.#losses = this.#losses.filter((loss) => !spans.some((span) => covers(span, loss)));
    const found: Omit<NumberedLoss, 'order'>[] = [...this.#losses, ...missing(spans)];
    if (this.#dropped !== undefined) found.push(this.#dropped);
    return found.sort((a, b) => a.source.from - b.source.from).map(toStretch);
  }
}

/** A later chain speaks for all of it. */
function covers({ from, to, order }: Span, { target, order: lostAt }: NumberedLoss): boolean {
  return order > lostAt && from <= target.from && to >= target.to;
}

/** What no chain speaks for, up to where the last one ends. */
function missing(spans: readonly Span[]): Omit<NumberedLoss, 'order'>[] {
  const found: Omit<NumberedLoss, 'order'>[] = [];
  let target = 0;
  let source = 0;
  let isKnown = false;
  for (const span of spans) {
    // Copying began there: what lies before it at the target is another's.
    if (span.isFirst && !isKnown) target = span.from;
    const isGap = isKnown ? span.from > target : !span.isFirst;
    if (isGap && span.firstSource > source) {
      const range = { source: { from: source, to: span.firstSource }, target: { from: target, to: span.from } };
      found.push({ ...range, reason: REASON_LOST });
    }
    isKnown = true;
    if (span.to < target) continue;
    target = span.to;
    source = Math.max(source, span.lastSource);
  }
  return found;
}

/** What is missing between what is known up to `end` and a chain behind it; undefined: nothing is. */
export function lostBefore(
  chain: MapChain,
  at: { readonly source: number; readonly target: number },
  end: { readonly source: number; readonly target: number },
): LostStretch | undefined {
  const { link } = chain;
  if (link === FIRST_OF_TIMELINE || at.source <= Math.max(0, end.source)) return undefined;
  if (link >= 0 && end.target >= link) return undefined;
  const source = { from: Math.max(0, end.source), to: at.source };
  const target = { from: Math.max(0, end.target), to: Math.max(0, end.target, at.target) };
  return toStretch({ source, target, reason: REASON_LOST });
}

function toStretch({ source, target, reason }: Omit<NumberedLoss, 'order'>): LostStretch {
  const range = ({ from, to }: Range) => ({ from: BigInt(from), to: BigInt(to) });
  return { source: range(source), target: range(target), reason };
}
