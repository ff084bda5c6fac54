import type { JobRange } from '../../common/model/job.js';

/** Where a range is to begin or end. */
export type RangePlace =
  | { readonly kind: 'edge' }
  | { readonly kind: 'offset'; readonly offset: bigint }
  /** ms since 1970. */
  | { readonly kind: 'time'; readonly timestampMs: bigint };

export interface WantedRange {
  readonly partition: number;
  readonly from: RangePlace;
  readonly to: RangePlace;
}

/** What the partition's leader says just now. */
export interface RangeFacts {
  readonly earliest: bigint;
  /** End of what may be read under the job's isolation. */
  readonly latest: bigint;
  /** First offsets whose timestamps are those asked for or later; undefined: there is none. */
  readonly atFrom: bigint | undefined;
  readonly atTo: bigint | undefined;
}

/** The range in source offsets; or what is wrong with what was asked for. An empty range is no fault of its own. */
export function resolveRange(
  { partition, from, to }: WantedRange,
  { earliest, latest, atFrom, atTo }: RangeFacts,
): JobRange | { readonly fault: string } {
  if (from.kind === 'offset' && from.offset < earliest) {
    return { fault: `it is to begin at offset ${from.offset}, and the log of the source begins at ${earliest}` };
  }
  for (const place of [from, to]) {
    if (place.kind === 'offset' && place.offset > latest) {
      return { fault: `offset ${place.offset} may not be read yet: the source ends at ${latest}` };
    }
  }
  const start = from.kind === 'offset' ? from.offset : from.kind === 'time' ? (atFrom ?? latest) : earliest;
  const until = to.kind === 'offset' ? to.offset : to.kind === 'time' ? (atTo ?? latest) : latest;
  if (start > until && from.kind === 'offset' && to.kind === 'offset') {
    return { fault: `it is to begin at offset ${start}, behind its end at ${until}` };
  }
  // A time may be found in what may not be read yet. And timestamps need not ascend: what is later by the clock may lie before.
  const end = until < latest ? until : latest;
  return { partition, from: start < end ? start : end, until: end };
}
