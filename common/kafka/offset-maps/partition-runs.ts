import type { LostStretch, Run } from '../../model/offset-map.js';
import {
  entryTargetEnd,
  FIRST_OF_TIMELINE,
  linkBehind,
  type MapChain,
  type MapEntry,
  targetStart,
} from '../../model/offset-map-record.js';
import { RunTable } from './run-table.js';

const REASON_LOST = 'the map of this stretch was lost, or never written; it can be rebuilt while both logs exist';
const REASON_UNTOLD = 'the target did not tell where it stored these records';
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
}

/** What chains of entries that follow each other speak for: from where the predecessor of the first ended to the end of the last, at the target. */
interface Span extends Range {
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
  /** Ascending, with gaps between them. */
  #spans: Span[] = [];
  #losses: NumberedLoss[] = [];
  /** What was found in both logs: it stays known when an owner says once more that it does not know. */
  #rebuilt: readonly Span[] = [];
  #ownersEnd = -1;
  #dropped: NumberedLoss | undefined;
  #lost: readonly LostStretch[] | undefined;

  constructor(targetTopicId: string | null) {
    this.targetTopicId = targetTopicId;
  }

  /** In the order in which they were written. */
  add(chain: MapChain, isRebuilt = false): void {
    const { link, entries } = chain;
    const [first] = entries;
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    this.#lost = undefined;
    const from = targetStart(chain, first);
    const to = linkBehind(chain);
    const isFirst = link === FIRST_OF_TIMELINE;
    // It speaks for all of them anew.
    this.#losses = this.#losses.filter(({ target }) => target.from < from || target.to > to);
    const span = { from, to, isFirst, firstSource: first.source, lastSource: last.source + last.length };
    this.#spans = covered(this.#spans, span);
    if (isRebuilt) this.#rebuilt = covered([...this.#rebuilt], span);
    else this.#ownersEnd = Math.max(this.#ownersEnd, to);
    for (const entry of entries) {
      const { lost, source, target, length } = entry;
      if (!lost) {
        this.table.add({ source, target, length });
        continue;
      }
      this.#losses.push(untoldLoss(entry));
    }
  }

  /** Of a stretch that its owner cannot tell: what is known of it all the same, and what is not. */
  lookedInto(entry: MapEntry): { readonly runs: readonly Run[]; readonly lost: readonly LostStretch[] } {
    const unknown = unfound(untoldLoss(entry), this.#rebuilt);
    const lost = unknown === undefined ? [] : [toStretch(unknown)];
    const until = unknown?.target.from ?? entryTargetEnd(entry);
    return { runs: until === entry.target ? [] : this.table.within(entry, until), lost };
  }

  /** Up to where something is known at the target; -1: nothing is. */
  get targetEnd(): number {
    return this.#spans.at(-1)?.to ?? -1;
  }

  /** Up to where those who copied have written at the target; -1: they have not. */
  get ownersEnd(): number {
    return this.#ownersEnd;
  }

  /** Where its last entry ends at the source; -1: nothing is known. */
  get sourceEnd(): number {
    return this.#spans.at(-1)?.lastSource ?? -1;
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
    };
  }

  /** Where something is missing, in order. */
  get lost(): readonly LostStretch[] {
    this.#lost ??= this.#findLost();
    return this.#lost;
  }

  #findLost(): readonly LostStretch[] {
    const untold = this.#losses.flatMap((loss) => unfound(loss, this.#rebuilt) ?? []);
    const found = [...untold, ...missing(this.#spans)];
    if (this.#dropped !== undefined) found.push(this.#dropped);
    return found.sort((a, b) => a.source.from - b.source.from).map(toStretch);
  }
}

/** A stretch of which its owner says that it does not know where its records are. */
function untoldLoss({ source, target, length, targetLength }: MapEntry): NumberedLoss {
  return {
    source: { from: source, to: source + length },
    target: { from: target, to: target + targetLength },
    reason: REASON_UNTOLD,
  };
}

/** These and one more, which mostly goes on where the last one ended. @param spans are changed */
function covered(spans: Span[], span: Span): Span[] {
  const last = spans.at(-1);
  if (last === undefined || span.from > last.to) spans.push(span);
  else if (span.from >= last.from) spans[spans.length - 1] = joined(last, span);
  else return [...spans, span].sort((a, b) => a.from - b.from).reduce<Span[]>(covered, []);
  return spans;
}

/** What remains of a loss: rebuilding begins where it does, and may have come to a part of it only. */
function unfound(loss: NumberedLoss, rebuilt: readonly Span[]): NumberedLoss | undefined {
  const { source, target } = loss;
  const found = rebuilt.find(({ from, to }) => from <= target.from && to >= target.from);
  if (found === undefined) return loss;
  if (found.to >= target.to && found.lastSource >= source.to) return undefined;
  if (found.to === target.from) return loss;
  return {
    source: { from: Math.max(source.from, Math.min(found.lastSource, source.to)), to: source.to },
    target: { from: Math.min(found.to, target.to), to: target.to },
    reason: loss.reason,
  };
}

/** `next` begins within `span`, or right behind it. */
function joined(span: Span, next: Span): Span {
  const isFirst = span.isFirst || (next.isFirst && next.from === span.from);
  const further = next.to >= span.to ? next : span;
  return { ...span, isFirst, to: further.to, lastSource: further.lastSource };
}

/** What no chain speaks for, up to where the last one ends. */
function missing(spans: readonly Span[]): NumberedLoss[] {
  const found: NumberedLoss[] = [];
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

/** What an owner tells of a stretch of which it does not know where its records are. */
export function untoldStretch(entry: MapEntry): LostStretch {
  return toStretch(untoldLoss(entry));
}

function toStretch({ source, target, reason }: NumberedLoss): LostStretch {
  const range = ({ from, to }: Range) => ({ from: BigInt(from), to: BigInt(to) });
  return { source: range(source), target: range(target), reason };
}
