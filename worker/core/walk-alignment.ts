import type { SkipSet } from './skip-set.js';
import type { WalkResult, WalkStart } from './walk.js';
import { MAX_CANDIDATES, type ScanResult } from './walk-scan.js';

/** Markers among copies that cannot be read any more, at most; each makes one copy less than there are offsets. */
export const MAX_HIDDEN_MARKERS = 4;
/** Fewer records that look alike prove nothing where offsets before them must have been empty for it. */
export const MIN_ALIGNED_RECORDS = 3;

/** What is left of both logs behind a pair, where the beginning of one or both is gone (exactly-once.md 6.6). */
export interface ShrunkLogs {
  /** The pair, source offset behind what is declared there. */
  readonly sourceOffset: number;
  readonly targetOffset: number;
  /** Where the logs begin now. */
  readonly sourceStart: number;
  readonly targetStart: number;
  readonly closedEnd: number;
  readonly skips: SkipSet;
}

/** Copies behind the pair that the target cannot show any more, if there is no marker among them. */
export function hiddenCopies({ targetOffset, targetStart }: ShrunkLogs): number {
  return Math.max(0, targetStart - targetOffset);
}

/** The rank of the source's first record if no offset before it was empty: it cannot have a greater one. */
export function maxFirstRank({ sourceOffset, sourceStart, skips }: ShrunkLogs): number {
  if (sourceStart <= sourceOffset) return 0;
  return sourceStart - sourceOffset - skips.countIn(sourceOffset, sourceStart);
}

type Resume = WalkResult & { readonly kind: 'resume' };

/**
 * The target's beginning is gone, the source is whole: the number of offsets gone is the number of copies, less the markers that were among
 * them. The first start stands for no marker.
 */
export function alignByCount(logs: ShrunkLogs): readonly [WalkStart, ...WalkStart[]] {
  const { sourceOffset, targetOffset, targetStart, closedEnd } = logs;
  const hidden = hiddenCopies(logs);
  const start = { sourceOffset, targetOffset: Math.max(targetOffset, targetStart), closedEnd };
  const markers = Math.min(hidden, MAX_HIDDEN_MARKERS);
  const others = Array.from({ length: markers }, (_, i) => ({ ...start, hidden: hidden - i - 1 }));
  return [{ ...start, hidden }, ...others];
}

/** The source's beginning is gone: from where the logs may agree, judged by where its first record may have been copied to. */
export function alignByContent(
  logs: ShrunkLogs,
  scan: ScanResult & { readonly kind: 'scanned' },
): readonly WalkStart[] {
  const { sourceStart, targetStart, closedEnd } = logs;
  const start = { sourceOffset: sourceStart, hidden: 0, closedEnd };
  const beyond = hiddenCopies(logs) - maxFirstRank(logs);
  // Even the source's first record was copied to where the target cannot show it.
  if (beyond > 0) return [{ ...start, targetOffset: targetStart, hidden: beyond }];
  // With so many nobody can tell which.
  if (scan.candidates.length > MAX_CANDIDATES) return [];
  return scan.candidates.map(({ targetOffset }) => ({ ...start, targetOffset }));
}

/** What can be said about a source whose beginning is gone, once every alignment was tried. */
export type Verdict =
  | { readonly kind: 'resume'; readonly by: 'content'; readonly result: Resume }
  /** What is gone was copied, all of it, and nothing else. */
  | { readonly kind: 'resume'; readonly by: 'count'; readonly sourceOffset: number }
  /** At most the source records [from, to) are lost, or not known to be copied. */
  | { readonly kind: 'unknown'; readonly from: number; readonly to: number }
  /** The target has copies that the source's records contradict. */
  | { readonly kind: 'diverged'; readonly targetOffset: number };

/** @param matches the alignments that the logs bear out */
export function judgeAlignment(
  logs: ShrunkLogs,
  scan: ScanResult & { readonly kind: 'scanned' },
  matches: readonly Resume[],
): Verdict {
  const { sourceOffset, sourceStart, skips } = logs;
  const maxRank = maxFirstRank(logs);
  const copied = skips.after(skips.advance(sourceOffset, scan.records));
  const [match, ...others] = matches;
  if (match !== undefined && others.length === 0 && isBorneOut(match, scan.records, maxRank)) {
    return { kind: 'resume', by: 'content', result: match };
  }
  if (match !== undefined || scan.candidates.length > MAX_CANDIDATES) {
    const ends = [sourceStart, copied, ...matches.map((each) => each.sourceOffset)];
    return { kind: 'unknown', from: Math.min(...ends), to: Math.max(...ends) };
  }
  // The source's first record may be among the copies that cannot be seen.
  const isSeen = hiddenCopies(logs) === 0;
  if (isSeen && scan.lastAt !== undefined) return { kind: 'diverged', targetOffset: scan.lastAt };
  // Counted exactly, or not at all: nothing is compared here.
  if (!isSeen || scan.holes > 0 || scan.records > maxRank) {
    return { kind: 'unknown', from: Math.min(copied, sourceStart), to: Math.max(copied, sourceStart) };
  }
  if (copied >= sourceStart) return { kind: 'resume', by: 'count', sourceOffset: skips.after(sourceStart) };
  return { kind: 'unknown', from: copied, to: sourceStart };
}

/** Where count and content agree one record is enough; content alone needs a few, which may look alike by chance. */
function isBorneOut(match: Resume, records: number, maxRank: number): boolean {
  return match.compared >= (isByCount(match, records, maxRank) ? 1 : MIN_ALIGNED_RECORDS);
}

/** The alignment is the one that the number of offsets gives. */
export function isByCount({ compared, counted }: Resume, records: number, maxRank: number): boolean {
  return records - compared - counted === maxRank;
}
