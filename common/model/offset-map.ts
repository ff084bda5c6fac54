/**
 * Source offsets [source, source + length) have their copies at the target offsets [target, target + length). Never valid beyond its
 * end (exactly-once.md 8.1). Runs of one timeline do not overlap on either side, and both sides grow together.
 */
export interface Run {
  readonly source: bigint;
  readonly target: bigint;
  readonly length: bigint;
}

/** What is known of one partition of a route: its runs in order, and how far copying has come. */
export interface PartitionMap {
  readonly timeline: number;
  readonly runs: readonly Run[];
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
  /** Below the first copied record: no answer (`first` is that record's pair). */
  | { readonly kind: 'before-mirror'; readonly first: { readonly source: bigint; readonly target: bigint } | null }
  /** The map of this stretch was lost and could not be rebuilt. */
  | { readonly kind: 'unknown'; readonly reason: string };
