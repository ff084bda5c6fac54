/** Rounding noise of n x capacity / total must not turn 3 into 2.9999. */
const EPSILON = 1e-9;

export interface Vessel {
  readonly capacity: number;
  /** What it has of other things already; 0 unless said. */
  readonly base?: number;
}

/**
 * Each one's part of `total`, so that with what they have already all are equally full by capacity, as far as `total` goes: those above
 * the common level get nothing.
 */
export function fairShares(vessels: readonly Vessel[], total: number): number[] {
  const fill = ({ capacity, base = 0 }: Vessel): number => base / capacity;
  const order = [...vessels].sort((a, b) => fill(a) - fill(b));
  let capacity = 0;
  let contents = total;
  let level = 0;
  for (const vessel of order) {
    if (capacity > 0 && fill(vessel) >= level) break;
    capacity += vessel.capacity;
    contents += vessel.base ?? 0;
    level = contents / capacity;
  }
  return vessels.map(({ capacity: own, base = 0 }) => Math.max(0, level * own - base));
}

/** Whole numbers that a share may be rounded to. */
export function shareBounds(share: number): { readonly low: number; readonly high: number } {
  return { low: Math.floor(share + EPSILON), high: Math.ceil(share - EPSILON) };
}

/**
 * How many partitions each worker should have: the floor or the ceiling of its share, adding up to `total`.
 * The spare units go first to those that hold them already (so that a balanced fleet stays as it is), then to the larger fraction,
 * then to the earlier one.
 */
export function fairQuotas(workers: readonly (Vessel & { readonly current: number })[], total: number): number[] {
  const shares = fairShares(workers, total);
  const quotas = shares.map((share) => shareBounds(share).low);
  let spare = total - quotas.reduce((sum, quota) => sum + quota, 0);
  const order = workers
    .map((worker, index) => {
      const quota = quotas[index] as number;
      return { index, holds: worker.current > quota ? 1 : 0, fraction: (shares[index] as number) - quota };
    })
    .sort((a, b) => {
      const aHas = a.fraction > EPSILON ? 1 : 0;
      const bHas = b.fraction > EPSILON ? 1 : 0;
      const fraction = Math.abs(a.fraction - b.fraction) > EPSILON ? b.fraction - a.fraction : 0;
      return bHas - aHas || b.holds - a.holds || fraction || a.index - b.index;
    });
  for (let i = 0; spare > 0 && order.length > 0; i = (i + 1) % order.length, spare--) {
    const index = (order[i] as { index: number }).index;
    quotas[index] = (quotas[index] as number) + 1;
  }
  return quotas;
}
