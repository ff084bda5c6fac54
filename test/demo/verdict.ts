import type { ClusterComparison } from '../audit/compare-clusters.js';
import type { TopicLedger } from '../audit/load.js';
import { isClean } from '../audit/report.js';
import { type GalleryVerdict, NOT_SHOWN } from './gallery/gallery.js';
import type { FailoverReport, TakeoverReport } from './mayhem.js';

/** Fewer records than this prove little. */
export const MIN_RECORDS = 100_000;

export interface CheckFacts {
  readonly comparison: ClusterComparison;
  readonly ledgers: readonly TopicLedger[];
  readonly loadSeconds: number;
  /** From the end of the load until nothing was behind; -1: it never was, in the time given. */
  readonly lagZeroMs: number;
  readonly takeover?: TakeoverReport;
  readonly failover?: FailoverReport;
  readonly gallery?: GalleryVerdict;
  /** Nothing may come twice, whatever was killed. */
  readonly exactlyOnce?: boolean;
}

export interface Verdict {
  readonly ok: boolean;
  /** What speaks against it. */
  readonly faults: readonly string[];
  /** The line printed last. */
  readonly line: string;
}

/** Judges a run: repeats are allowed only after a SIGKILL and at-least-once, everything else never. */
export function verdictOf(facts: CheckFacts): Verdict {
  const { comparison, ledgers, lagZeroMs, takeover, failover, gallery } = facts;
  const { records, missing, duplicated, reordered, different, phantom, misplaced, targetRecords, ledger } = comparison;
  const partitions = ledgers.flatMap((topic) => topic.partitions);
  const unknown = partitions.reduce((sum, { unknown: count }) => sum + count, 0);
  const aborted = partitions.reduce((sum, { aborted: count }) => sum + count, 0);
  const mayRepeat = (takeover !== undefined || failover !== undefined) && facts.exactlyOnce !== true;
  const faults: string[] = [];
  if (!isClean(comparison, { allowDuplicates: mayRepeat }))
    faults.push('the target is not a faithful copy of the source');
  if (records <= MIN_RECORDS) faults.push(`${records} records were compared, more than ${MIN_RECORDS} are needed`);
  if (lagZeroMs < 0) faults.push('the lag did not come down to 0 in the time given');
  if (ledger.lost + ledger.altered + ledger.abortedButVisible > 0)
    faults.push('the source does not hold what it acknowledged');
  if (unknown === 0 && ledger.unacknowledged > 0) faults.push('the source holds records that nobody wrote');
  if (takeover !== undefined && takeover.lastMs < 0)
    faults.push(`not all partitions of ${takeover.worker} were taken over`);
  if (failover !== undefined && failover.newLeaderMs < 0) faults.push(`nobody led after ${failover.controller}`);
  if (gallery !== undefined && !gallery.clean)
    faults.push('the shapes were not all mirrored as they should', ...gallery.faults);
  const ok = faults.length === 0;
  const line = JSON.stringify({
    records,
    missing,
    duplicated,
    reordered,
    different,
    phantom,
    misplaced,
    clean: ok,
    targetRecords,
    topics: ledgers.length,
    partitions: partitions.length,
    acknowledged: ledger.records,
    aborted,
    source: { lost: ledger.lost, altered: ledger.altered, abortedButVisible: ledger.abortedButVisible },
    loadSeconds: facts.loadSeconds,
    lagZeroMs,
    ...(takeover === undefined ? {} : { takeover }),
    ...(failover === undefined ? {} : { failover }),
    ...(gallery === undefined ? {} : { shapes: shapesOf(gallery) }),
    ...(ok ? {} : { faults }),
  });
  return { ok, faults, line };
}

function shapesOf({ faults: _faults, ...counts }: GalleryVerdict): Readonly<Record<string, unknown>> {
  return { ...counts, notShown: NOT_SHOWN };
}
