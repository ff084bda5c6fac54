/** Rounding noise of n x capacity / total must not turn 3 into 2.9999. */
const EPSILON = 1e-9;

/**
 * How many partitions each worker should have: the floor or the ceiling of its share by capacity, adding up to `total`.
 * The spare units go first to those that hold them already (so that a balanced fleet stays as it is), then to the larger fraction,
 * then to the earlier one.
 */
export function fairQuotas(
  workers: readonly { readonly capacity: number; readonly current: number }[],
  total: number,
): number[] {
  const capacity = workers.reduce((sum, worker) => sum + worker.capacity, 0);
  const shares = workers.map((worker) => (total * worker.capacity) / capacity);
  const quotas = shares.map((share) => Math.floor(share + EPSILON));
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
