import type { ClusterComparison } from '../audit/compare-clusters.js';
import { isClean } from '../audit/report.js';
import type { WriterTrace } from '../audit/writers.js';
import type { Findings } from './acts/act.js';
import type { Pause } from './meters.js';
import type { ToldStalls } from './told-stalls.js';

/** Fewer records than this prove nothing. */
export const MIN_RECORDS = 1_000;

export interface ChaosFacts {
  readonly seed: number;
  readonly minutes: number;
  readonly allowDuplicates: boolean;
  readonly comparison: ClusterComparison;
  /** Stretches of source offsets that are missing and not declared. */
  readonly missingStretches: number;
  readonly longestPause: Pause;
  /** From each SIGKILL of a worker until the last of its partitions moved again; -1: not within a minute. */
  readonly takeoverMs: readonly number[];
  /** From each end (or silence) of a leader until another one led; -1: not within a minute. */
  readonly failoverMs: readonly number[];
  /** From the end of the load until nothing was behind; -1: it never was, in the time given. */
  readonly lagZeroMs: number;
  readonly stalls: ToldStalls;
  /** What each producer wrote to the mirrored topics at the target. */
  readonly writers: readonly WriterTrace[];
  /** What was done has its own say. */
  readonly findings: Findings;
  /** Processes that ended though nobody ended them, and other trouble of the run itself. */
  readonly troubles: readonly string[];
}

export interface ChaosVerdict {
  readonly ok: boolean;
  /** What speaks against it. */
  readonly reasons: readonly string[];
  /** The line printed last. */
  readonly line: string;
}

/** Judges a run. */
export function chaosVerdict(facts: ChaosFacts): ChaosVerdict {
  const { comparison, allowDuplicates, lagZeroMs, troubles, findings } = facts;
  const undeclaredGaps = facts.missingStretches + comparison.gapFaults.length;
  const reasons = [...troubles, ...findings.reasons, ...comparison.gapFaults];
  const fenced = facts.writers.filter(({ markers }) => markers > 0);
  const behindMarker = facts.writers.reduce((sum, writer) => sum + writer.behindMarker, 0);
  const { records, missing, duplicated, reordered, different, phantom, ledger } = comparison;
  if (!isClean(comparison, { allowDuplicates })) reasons.push('the target is not a faithful copy of the source');
  if (undeclaredGaps > 0) reasons.push(`${undeclaredGaps} gaps are not declared as they are`);
  if (behindMarker > 0) reasons.push(`${behindMarker} batches lie behind the marker of their producer’s fence`);
  if (records < MIN_RECORDS) reasons.push(`${records} records were compared, at least ${MIN_RECORDS} are needed`);
  if (lagZeroMs < 0) reasons.push('the lag did not come down to 0 after everything was healed');
  if (ledger.lost + ledger.altered + ledger.abortedButVisible > 0)
    reasons.push('the source does not hold what it acknowledged');
  if (ledger.unacknowledged > 0) reasons.push('the source holds records that were not acknowledged');
  const { kicks, causes, silentThreads } = facts.stalls;
  if (kicks.length > 0) reasons.push(`${kicks.length} partitions had to be pushed, the first: ${kicks[0]}`);
  if (silentThreads > 0) reasons.push(`${silentThreads} data threads hung and were ended`);
  const ok = reasons.length === 0;
  const { targetRecords, declaredGaps, contradicted } = comparison;
  const line = JSON.stringify({
    records,
    missing,
    duplicated,
    reordered,
    different,
    undeclaredGaps,
    longestPauseMs: facts.longestPause.ms,
    takeoverMs: facts.takeoverMs,
    failoverMs: facts.failoverMs,
    clean: ok,
    seed: facts.seed,
    minutes: facts.minutes,
    ...findings.facts,
    producersFenced: fenced.length,
    batchesBehindMarker: behindMarker,
    allowDuplicates,
    phantom,
    contradicted,
    declaredGaps,
    targetRecords,
    lagZeroMs,
    kicks: kicks.length,
    stalls: causes,
    ...(ok ? {} : { reasons }),
  });
  return { ok, reasons, line };
}
