/** Upper bounds of the histogram's buckets, in ms; the last bucket has none. */
export const bucketEdgesMs: readonly number[] = [
  0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000,
];

/** How long records took, in ms. */
export interface LatencyFigures {
  readonly records: number;
  /** Produced in the window and not seen at the end; they count with the time waited. */
  readonly missing: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Counts per bucket of `bucketEdgesMs`, one more than there are edges. */
  readonly histogram: readonly number[];
}

export type Percentile = 'p50' | 'p90' | 'p99' | 'p999' | 'max';
export const percentiles: readonly Percentile[] = ['p50', 'p90', 'p99', 'p999', 'max'];

/** @param missing how many never came; each counts as `waitedMs`. */
export function latencyFigures(seenMs: Float64Array, missing: number, waitedMs: number): LatencyFigures {
  const values = new Float64Array(seenMs.length + missing);
  values.set(seenMs);
  values.fill(waitedMs, seenMs.length);
  values.sort();
  // Nearest rank: the smallest value that is not exceeded by this share of all.
  const at = (share: number) => round(values[Math.max(0, Math.ceil(share * values.length) - 1)] ?? Number.NaN);
  const histogram = new Array<number>(bucketEdgesMs.length + 1).fill(0);
  let bucket = 0;
  for (const value of values) {
    while (bucket < bucketEdgesMs.length && value > (bucketEdgesMs[bucket] as number)) bucket += 1;
    histogram[bucket] = (histogram[bucket] ?? 0) + 1;
  }
  const figures = { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
  return { records: values.length, missing, ...figures, histogram };
}

/** One line for people. */
export function latencyLine(name: string, figures: LatencyFigures): string {
  const { p50, p90, p99, p999, max, records, missing } = figures;
  const lost = missing === 0 ? '' : `, ${missing} NOT SEEN`;
  return `${name.padEnd(14)} p50 ${p50}  p90 ${p90}  p99 ${p99}  p99.9 ${p999}  max ${max} ms (${records} records${lost})`;
}

function round(value: number): number {
  return Number(value.toFixed(value < 10 ? 2 : 1));
}
