/**
 * Source offsets [source, source + length) have their copies at the target offsets [target, target + length). Never valid beyond its
 * end (exactly-once.md 8.1). Runs of one timeline do not overlap on either side, and both sides grow together. The first one of a map may
 * have no length: there copying began, and nothing right behind it was copied.
 */
export interface Run {
  readonly source: bigint;
  readonly target: bigint;
  readonly length: bigint;
}

/** Runs in order; an array is one. */
export interface RunList extends Iterable<Run> {
  readonly length: number;
  at(index: number): Run | undefined;
}

/** Of the source offsets [source.from, source.to) nobody knows any more which were copied where, within the target's [target.from, target.to). */
export interface LostStretch {
  readonly source: { readonly from: bigint; readonly to: bigint };
  readonly target: { readonly from: bigint; readonly to: bigint };
  readonly reason: string;
}

/** What is known of one partition of a route: its runs in order, and how far copying has come. */
export interface PartitionMap {
  readonly timeline: number;
  readonly runs: RunList;
  /** Where no runs are known although something was copied, in order. Absent: nowhere. */
  readonly lost?: readonly LostStretch[];
  /** The pair behind all that is copied: the next source offset, and the target offset its copy will get at the earliest. */
  readonly head: { readonly source: bigint; readonly target: bigint };
}

/** Where a source position (the next offset to read) is at the target (design.md 5.4, exactly-once.md section 8). */
export type Translation =
  /** The record itself was copied: here it is. */
  | { readonly kind: 'exact'; readonly offset: bigint }
  /** It was not copied (a marker, an aborted or compacted record, a declared gap): the next copied one, whose source offset is `source`. */
  | { readonly kind: 'hole'; readonly offset: bigint; readonly source: bigint }
  /** Everything before the position is copied and nothing behind it: the target's next offset. `behind`: how many source offsets copying is short of it. */
  | { readonly kind: 'head'; readonly offset: bigint; readonly behind: bigint }
  /** Below where copying began: no answer (`first` is the first pair). */
  | { readonly kind: 'before-mirror'; readonly first: { readonly source: bigint; readonly target: bigint } | null }
  /** The map of this stretch was lost and could not be rebuilt. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** Internal topic at the target that keeps the fleet's offset maps, compacted by key (exactly-once.md section 8). */
export function offsetMapTopic(fleet: string): string {
  return `causeway.${fleet}.offset-map`;
}

/** Of the map topic, always: what is fenced and where a partition's runs lie both follow from it. */
export const OFFSET_MAP_PARTITIONS = 16;
