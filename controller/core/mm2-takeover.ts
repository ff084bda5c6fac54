import type { PartitionStart } from '../../common/model/route.js';

/** One partition's log at the source. */
export interface LogRange {
  readonly start: bigint;
  /** High watermark. */
  readonly end: bigint;
}

export interface TakenTopic {
  /** One for each partition of the source. */
  readonly starts: readonly PartitionStart[];
  /** Records that retention took before anybody copied them. */
  readonly lost: readonly { readonly partition: number; readonly from: bigint; readonly to: bigint }[];
}

/**
 * Where copying goes on after MirrorMaker 2: behind the last record that it copied, and at the first record of a partition of which it copied none.
 * @param copied source offset of the last record copied, by partition
 * @param ranges by partition, of all that the source has
 */
export function takeOver(
  copied: ReadonlyMap<number, bigint>,
  ranges: readonly LogRange[],
): TakenTopic | { readonly fault: string } {
  for (const [partition, offset] of copied) {
    const range = ranges[partition];
    if (range === undefined)
      return { fault: `MirrorMaker 2 copied partition ${partition}, which the source topic has not` };
    if (offset < range.end) continue;
    return {
      fault: `MirrorMaker 2 copied partition ${partition} up to offset ${offset}, and the source ends at ${range.end}: it was truncated, or made anew`,
    };
  }
  const starts: PartitionStart[] = [];
  const lost: { partition: number; from: bigint; to: bigint }[] = [];
  for (const [partition, { start }] of ranges.entries()) {
    const last = copied.get(partition);
    starts.push({ partition, from: last === undefined ? 'earliest' : last + 1n });
    if (last !== undefined && last + 1n < start) lost.push({ partition, from: last + 1n, to: start });
  }
  return { starts, lost };
}
