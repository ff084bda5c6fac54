import { Walk, type WalkResult, type WalkStart, type WalkTerms } from '../core/walk.js';
import {
  alignByContent,
  alignByCount,
  hiddenCopies,
  isByCount,
  judgeAlignment,
  maxFirstRank,
  type ShrunkLogs,
} from '../core/walk-alignment.js';
import { CandidateScan, FirstRecordSearch, type ScanResult } from '../core/walk-scan.js';
import { type Driving, drive, type Interrupted } from './drive.js';
import { outcomeOf, type WalkOutcome } from './walk-outcome.js';

/** What all walks over one partition share. */
export interface Walking {
  readonly terms: WalkTerms;
  readonly driving: Omit<Driving, 'targetFrom'>;
  /** A walk has begun; for progress. */
  readonly begun: (walk: Walk) => void;
}

type Resume = WalkResult & { readonly kind: 'resume' };

/** One walk from a start. */
export function walkFrom({ terms, driving, begun }: Walking, start: WalkStart): Promise<WalkResult | Interrupted> {
  const walk = new Walk(start, terms);
  begun(walk);
  return drive(walk, { ...driving, targetFrom: start.targetOffset });
}

/**
 * Finds the position though the beginning of one or both logs is gone (exactly-once.md 6.6): by count where only the target's is, by what
 * the source's first record looks like where the source's is.
 */
export async function walkShrunk(walking: Walking, logs: ShrunkLogs): Promise<WalkOutcome | Interrupted> {
  return logs.sourceStart > logs.sourceOffset
    ? await alignedByContent(walking, logs)
    : await countedTarget(walking, logs);
}

async function countedTarget(walking: Walking, logs: ShrunkLogs): Promise<WalkOutcome | Interrupted> {
  const [first, ...others] = alignByCount(logs);
  const counted = await walkFrom(walking, first);
  if (counted.kind === 'interrupted') return counted;
  if (counted.kind === 'resume' && isBorneOut(counted)) return outcomeOf(counted, 'count');
  if (counted.kind === 'foreign') return outcomeOf(counted, 'count');
  // Markers among what is gone make the copies fewer than the offsets.
  const matches = await matching(walking, others);
  if (!Array.isArray(matches)) return matches;
  if (counted.kind === 'resume') return uncertainCount(logs, counted, matches);
  const borneOut = matches.filter(({ compared }) => compared > 0);
  const [match] = borneOut;
  if (match === undefined) return outcomeOf(counted, 'count');
  if (borneOut.length === 1) return outcomeOf(match, 'alignment');
  const ends = borneOut.map(({ sourceOffset }) => sourceOffset);
  return unknownGap(logs, Math.min(...ends), Math.max(...ends));
}

/** Something that is left agrees with the count, or nothing was counted unseen. */
function isBorneOut({ compared, counted }: Resume): boolean {
  return compared > 0 || counted === 0;
}

/**
 * Nothing that could be compared is left: how many of the offsets that are gone were markers nobody can tell any more, and one marker too few
 * in the count would leave a record out without a word (exactly-once.md 6.6).
 */
function uncertainCount(logs: ShrunkLogs, counted: Resume, fewer: readonly Resume[]): WalkOutcome {
  return unknownGap(
    logs,
    Math.min(...[counted, ...fewer].map(({ sourceOffset }) => sourceOffset)),
    counted.sourceOffset,
  );
}

async function alignedByContent(walking: Walking, logs: ShrunkLogs): Promise<WalkOutcome | Interrupted> {
  const { terms, driving } = walking;
  const { sourceStart, targetStart, targetOffset, closedEnd } = logs;
  const first = await drive(new FirstRecordSearch(sourceStart, terms.skips, terms.open), {
    ...driving,
    targetFrom: targetStart,
  });
  if (first.kind === 'interrupted') return first;
  const from = Math.max(targetStart, targetOffset);
  const scan = await drive<ScanResult>(
    new CandidateScan(
      { from, closedEnd, ours: terms.ours },
      {
        searched: first.kind === 'record' ? first : undefined,
        hidden: hiddenCopies(logs),
        maxRank: maxFirstRank(logs),
      },
      terms.open,
    ),
    { ...driving, targetFrom: from },
  );
  if (scan.kind === 'interrupted') return scan;
  if (scan.kind === 'foreign') {
    const agreed = { sourceOffset: BigInt(logs.sourceOffset), targetOffset: BigInt(targetOffset) };
    return { ...scan, offset: BigInt(scan.offset), agreed };
  }
  const matches = await matching(walking, alignByContent(logs, scan));
  if (!Array.isArray(matches)) return matches;
  return judged(logs, scan, matches);
}

/** The starts from which the walk ends well, or what hindered it. */
async function matching(walking: Walking, starts: readonly WalkStart[]): Promise<Resume[] | Interrupted> {
  const matches: Resume[] = [];
  for (const start of starts) {
    const result = await walkFrom(walking, start);
    if (result.kind === 'interrupted') return result;
    if (result.kind === 'resume') matches.push(result);
  }
  return matches;
}

function judged(
  logs: ShrunkLogs,
  scan: ScanResult & { readonly kind: 'scanned' },
  matches: readonly Resume[],
): WalkOutcome {
  const verdict = judgeAlignment(logs, scan, matches);
  switch (verdict.kind) {
    case 'resume':
      if (verdict.by === 'count') return resumeByCount(logs, verdict.sourceOffset, scan.records);
      return outcomeOf(
        verdict.result,
        isByCount(verdict.result, scan.records, maxFirstRank(logs)) ? 'count' : 'alignment',
      );
    case 'unknown':
      return unknownGap(logs, verdict.from, verdict.to);
    case 'diverged':
      return {
        kind: 'diverged',
        rank: maxFirstRank(logs),
        sourceOffset: BigInt(logs.sourceStart),
        targetOffset: BigInt(verdict.targetOffset),
        what: 'value',
        agreed: { sourceOffset: BigInt(logs.sourceOffset), targetOffset: BigInt(logs.targetOffset) },
      };
  }
}

function resumeByCount({ closedEnd, skips }: ShrunkLogs, sourceOffset: number, counted: number): WalkOutcome {
  return {
    kind: 'resume',
    sourceOffset: BigInt(sourceOffset),
    targetOffset: BigInt(closedEnd),
    sourceLeaderEpoch: -1,
    basis: 'count',
    compared: 0,
    counted,
    runs: [],
    runsLeftOut: 0,
    declared: skips.from(sourceOffset),
  };
}

function unknownGap({ closedEnd }: ShrunkLogs, from: number, to: number): WalkOutcome {
  const message = `of the source records [${from}, ${to}) it cannot be told which were copied, and some are gone`;
  return {
    kind: 'pause',
    code: 'SOURCE_OFFSET_GONE',
    message,
    gap: { from: BigInt(from), to: BigInt(to) },
    targetOffset: BigInt(closedEnd),
  };
}
