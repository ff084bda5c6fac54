import type { LostStretch, PartitionMap, Run, RunList, Translation } from './offset-map.js';

/** One of the two logs that a map speaks of. */
type Side = 'source' | 'target';

/**
 * Where a source position is at the target. A consumer that has read everything before it and goes on at the answer misses nothing, and
 * reads nothing again where the answer is exact, a hole or the head. Cost: a binary search.
 */
export function translate(map: PartitionMap, offset: bigint): Translation {
  return lookUp(map, offset, 'source', 'target');
}

/** Where a target position is at the source: the same rules, sides exchanged. In a `hole`, `source` is the target offset of the next copy. */
export function inverse(map: PartitionMap, targetOffset: bigint): Translation {
  return lookUp(map, targetOffset, 'target', 'source');
}

/** The run that holds the source offset. */
export function runAt({ runs }: PartitionMap, offset: bigint): Run | undefined {
  const run = runs.at(firstEndingBehind(runs, offset, 'source'));
  return run !== undefined && run.source <= offset && offset < run.source + run.length ? run : undefined;
}

/** Target and source offset are the same wherever something was copied, and from here on. False while nothing is known. */
export function isIdentical({ runs, lost = [], head }: PartitionMap): boolean {
  if (lost.length > 0 || head.source !== head.target) return false;
  for (const { source, target } of runs) if (source !== target) return false;
  return true;
}

function lookUp({ runs, lost = [], head }: PartitionMap, offset: bigint, from: Side, to: Side): Translation {
  const index = firstEndingBehind(runs, offset, from);
  const run = runs.at(index);
  if (index < runs.length && run !== undefined && run[from] <= offset) {
    return { kind: 'exact', offset: run[to] + (offset - run[from]) };
  }
  const next = index < runs.length ? run : undefined;
  const until = next?.[from] ?? head[from];
  const missing = lostBetween(lost, offset, until, from);
  if (missing !== undefined) return { kind: 'unknown', reason: missing.reason };
  const first = runs.at(0);
  const isBefore = first === undefined ? offset < head[from] : offset < first[from];
  if (isBefore && !(lost[0] !== undefined && lost[0][from].from <= offset)) {
    return {
      kind: 'before-mirror',
      first: first === undefined ? null : { source: first.source, target: first.target },
    };
  }
  if (next !== undefined) return { kind: 'hole', offset: next[to], source: next[from] };
  return { kind: 'head', offset: head[to], behind: offset > head[from] ? offset - head[from] : 0n };
}

/** Index of the first run that holds the offset or something behind it; how many runs there are where none does. */
function firstEndingBehind(runs: RunList, offset: bigint, side: Side): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const run = runs.at(middle) as Run;
    if (run[side] + run.length > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The stretch that makes the next known copy a mere guess: it ends behind the offset, and begins before that copy. */
function lostBetween(lost: readonly LostStretch[], offset: bigint, until: bigint, side: Side): LostStretch | undefined {
  return lost.find((stretch) => stretch[side].to > offset && stretch[side].from < until);
}
