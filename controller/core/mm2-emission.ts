import type { PartitionMap, Run, RunList, Translation } from '../../common/model/offset-map.js';
import { translate } from '../../common/model/offset-map-lookup.js';

/** A pair of offsets of one partition: what an offset sync says, and what a checkpoint says of a group. */
export interface OffsetPair {
  readonly upstream: bigint;
  readonly downstream: bigint;
}

/** Runs that a partition begins with at most, where nothing was written of it yet: a Java reader keeps 64 syncs. */
const MAX_FIRST_RUNS = 64;
/** Syncs of one partition at a time; those between are left out evenly. */
const MAX_SYNCS = 100n;

/** Where a checkpoint says that the group goes on; undefined: none is written, as MirrorMaker 2 would not. */
export function checkpointOffset(map: PartitionMap, translation: Translation): bigint | undefined {
  // Of a partition of which nothing was copied there are no offset syncs either.
  if (lastCopied(map) === undefined) return undefined;
  switch (translation.kind) {
    case 'exact':
    case 'hole':
    case 'head':
      return translation.offset;
    case 'before-mirror':
    case 'unknown':
      return undefined;
  }
}

/** MirrorCheckpointTask.checkpointIsMoreRecent: the first of its partition, the consumer went back at the source, or it went on at the target. */
export function isMoreRecent(last: OffsetPair | undefined, next: OffsetPair): boolean {
  return last === undefined || next.upstream < last.upstream || next.downstream > last.downstream;
}

/** What was written of a partition, and what was seen then. */
export interface SyncState {
  readonly last: OffsetPair | undefined;
  /** The last copied record at the latest look. */
  readonly seen: OffsetPair | undefined;
}

/**
 * Offset syncs that are due, each of a record that was copied: the first of every run, one at least every `lagMax` records, and the last one when
 * nothing comes after it any more. In the order of both logs.
 */
export function dueSyncs(map: PartitionMap, { last, seen }: SyncState, lagMax: bigint): OffsetPair[] {
  const end = lastCopied(map);
  if (end === undefined) return [];
  // Not of this map: the partition was begun anew.
  const from = last !== undefined && isIn(map, last) ? last : undefined;
  if (from !== undefined && end.upstream <= from.upstream) return [];
  const due: OffsetPair[] = [];
  let at = from;
  const add = (pair: OffsetPair): OffsetPair => {
    due.push(pair);
    return pair;
  };
  for (const run of runsBehind(map, from)) {
    if (at === undefined || run.source > at.upstream) at = add({ upstream: run.source, downstream: run.target });
    for (const pair of within(run, at, lagMax)) at = add(pair);
  }
  const isQuiet = seen !== undefined && seen.upstream === end.upstream;
  if (at !== undefined && at.upstream < end.upstream && (isQuiet || from === undefined)) due.push(end);
  return thinned(due);
}

/** The last record that was copied; undefined: none was. */
export function lastCopied({ runs }: PartitionMap): OffsetPair | undefined {
  for (let index = runs.length - 1; index >= 0; index -= 1) {
    const run = runs.at(index);
    if (run !== undefined && run.length > 0n) {
      return { upstream: run.source + run.length - 1n, downstream: run.target + run.length - 1n };
    }
  }
  return undefined;
}

function isIn(map: PartitionMap, { upstream, downstream }: OffsetPair): boolean {
  const found = translate(map, upstream);
  return found.kind === 'exact' && found.offset === downstream;
}

/** Runs with something behind `from`; where nothing was written yet the first one and the last ones. Looks at no others: there may be many. */
function runsBehind({ runs }: PartitionMap, from: OffsetPair | undefined): Run[] {
  const behind: Run[] = [];
  for (let index = runs.length - 1; index >= 0; index -= 1) {
    const run = runs.at(index) as Run;
    if (run.length === 0n) continue;
    if (from !== undefined && run.source + run.length - 1n <= from.upstream) break;
    if (from === undefined && behind.length === MAX_FIRST_RUNS - 1) {
      const first = firstCopied(runs);
      if (first !== undefined) behind.push(first);
      break;
    }
    behind.push(run);
  }
  return behind.reverse();
}

function firstCopied(runs: RunList): Run | undefined {
  for (const run of runs) if (run.length > 0n) return run;
  return undefined;
}

/** More than `lagMax` records behind `at` each, as OffsetSyncWriter counts them: 0 means every record. */
function within(run: Run, at: OffsetPair, lagMax: bigint): OffsetPair[] {
  const lastDownstream = run.target + run.length - 1n;
  const step = max(lagMax + 1n, (lastDownstream - at.downstream) / MAX_SYNCS);
  const pairs: OffsetPair[] = [];
  for (let downstream = at.downstream + step; downstream <= lastDownstream; downstream += step) {
    pairs.push({ upstream: run.source + (downstream - run.target), downstream });
  }
  return pairs;
}

/** Evenly fewer where there are too many; the last one stays. */
function thinned(due: readonly OffsetPair[]): OffsetPair[] {
  const keepEvery = Math.ceil(due.length / Number(MAX_SYNCS));
  return due.filter((_, index) => (due.length - 1 - index) % Math.max(1, keepEvery) === 0);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
