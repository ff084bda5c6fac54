import type { Checkpoint } from '../../model/checkpoint.js';
import type { LostStretch, PartitionMap, Run, RunList } from '../../model/offset-map.js';
import {
  FIRST_OF_TIMELINE,
  linkBehind,
  type MapChain,
  targetStart,
  UNKNOWN_LINK,
} from '../../model/offset-map-record.js';
import { lostBefore, type PartitionRuns, untoldStretch } from './partition-runs.js';
import type { RunTable } from './run-table.js';

/** Runs of the map topic, and behind them the few that only the checkpoint names; the table is not copied. */
class JoinedRuns implements RunList {
  readonly #table: RunTable | undefined;
  readonly #count: number;
  readonly #last: Run | undefined;
  readonly #behind: readonly Run[];

  constructor(table: RunTable | undefined, behind: readonly Run[]) {
    const [first] = behind;
    this.#table = table;
    this.#behind = behind;
    if (table === undefined) this.#count = 0;
    else if (first === undefined) this.#count = table.length;
    else this.#count = table.countBefore(Number(first.source), Number(first.target));
    this.#last = this.#cut(first);
  }

  get length(): number {
    return this.#count + this.#behind.length;
  }

  at(index: number): Run | undefined {
    if (index < 0) return undefined;
    if (index === this.#count - 1) return this.#last;
    return index < this.#count ? this.#table?.at(index) : this.#behind[index - this.#count];
  }

  *[Symbol.iterator](): Iterator<Run> {
    for (let i = 0; i < this.length; i += 1) yield this.at(i) as Run;
  }

  /** The last one of the table, as far as it lies before those behind it. */
  #cut(next: Run | undefined): Run | undefined {
    const last = this.#table?.at(this.#count - 1);
    if (last === undefined || next === undefined) return last;
    const room = [last.length, next.source - last.source, next.target - last.target];
    return { ...last, length: room.reduce(lesser) };
  }
}

/** The map of one partition: what the map topic holds of it, and what its checkpoint adds. */
export function partitionMap(
  timeline: number,
  written: PartitionRuns | undefined,
  checkpoint: Checkpoint | undefined,
): PartitionMap | undefined {
  const known = written === undefined ? [] : written.lost;
  const end = { source: written?.sourceEnd ?? -1, target: written?.targetEnd ?? -1 };
  if (checkpoint === undefined) {
    if (written === undefined || end.target < 0) return undefined;
    return withLost({ timeline, runs: new JoinedRuns(written.table, []), head: pairOf(end) }, known);
  }
  const chain = chainOf(checkpoint);
  const position = { source: Number(checkpoint.sourceOffset), target: Number(checkpoint.targetOffset) };
  const first = chain.entries[0] ?? position;
  // The map topic is written before the checkpoint.
  const isAhead = (written?.ownersEnd ?? -1) >= Math.max(linkBehind(chain), position.target);
  const said = isAhead ? [] : chain.entries.map((entry) => saidOf(entry, written));
  const behind = said.flatMap(({ runs }) => runs);
  const untold = said.flatMap(({ lost }) => lost);
  const missing = isAhead ? undefined : lostBefore(chain, first, end);
  const runs = new JoinedRuns(written?.table, behind);
  const head = { source: Math.max(position.source, end.source), target: Math.max(position.target, end.target) };
  const before = isAhead ? known : known.filter((loss) => !speaksFor(chain, loss));
  const lost = [...before, ...(missing === undefined ? [] : [missing]), ...untold];
  return withLost({ timeline, runs, head: pairOf(head) }, lost);
}

/** All that the checkpoint says of runs; its own run is the last one. */
export function chainOf(checkpoint: Checkpoint): MapChain {
  const { history = { link: UNKNOWN_LINK, entries: [] }, runSourceStart, runTargetStart, targetOffset } = checkpoint;
  const length = Number(targetOffset - runTargetStart);
  const isBeginning = history.link === FIRST_OF_TIMELINE && history.entries.length === 0;
  if (length <= 0 && !isBeginning) return history;
  const open = { source: Number(runSourceStart), target: Number(runTargetStart), length, targetLength: length };
  return { link: history.link, entries: [...history.entries, { ...open, lost: false }] };
}

function withLost(map: PartitionMap, lost: readonly LostStretch[]): PartitionMap {
  return lost.length === 0 ? map : { ...map, lost };
}

function pairOf({ source, target }: { readonly source: number; readonly target: number }): PartitionMap['head'] {
  return { source: BigInt(source), target: BigInt(target) };
}

/** The chain begins before it and goes on behind it. */
function speaksFor(chain: MapChain, { target }: LostStretch): boolean {
  const first = chain.entries[0];
  if (first === undefined) return false;
  return Number(target.from) >= targetStart(chain, first) && Number(target.to) <= linkBehind(chain);
}

type Entry = MapChain['entries'][number];

/** What an entry of a checkpoint tells; where that is nothing, what was found in the logs since. */
function saidOf(
  entry: Entry,
  written: PartitionRuns | undefined,
): { readonly runs: readonly Run[]; readonly lost: readonly LostStretch[] } {
  if (!entry.lost) return { runs: [runOf(entry)], lost: [] };
  return written?.lookedInto(entry) ?? { runs: [], lost: [untoldStretch(entry)] };
}

function runOf({ source, target, length }: Entry): Run {
  return { source: BigInt(source), target: BigInt(target), length: BigInt(length) };
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
