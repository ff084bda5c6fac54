/** What a partition costs its thread: bytes a second, with a charge for records, since those that must be decoded cost by the record. */
export function loadOf(rates: { readonly bytesPerS: number; readonly recordsPerS: number }): number {
  return IDLE_LOAD + rates.bytesPerS + BYTES_PER_RECORD * rates.recordsPerS;
}

const BYTES_PER_RECORD = 50;
/** So that idle partitions are spread by their number. */
export const IDLE_LOAD = 1;

/**
 * Which thread holds which partition: what is placed stays; a new key goes to the thread with the least load, where that is equal to the
 * one with the fewest. A key whose load nobody has measured counts as much as the known ones do on average.
 * @param placed thread by key, of those that are still wanted or not yet released
 * @param keys keys that need a thread
 * @param loads measured load by key
 */
export function placeKeys(
  placed: ReadonlyMap<string, number>,
  keys: readonly string[],
  threads: number,
  loads: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const known = [...loads.values()];
  const assumed = known.length === 0 ? IDLE_LOAD : known.reduce((sum, load) => sum + load, 0) / known.length;
  const sums = Array.from({ length: threads }, () => ({ load: 0, count: 0 }));
  const add = (key: string, thread: number): void => {
    const sum = sums[thread];
    if (sum === undefined) return;
    sum.load += loads.get(key) ?? assumed;
    sum.count += 1;
  };
  for (const [key, thread] of placed) add(key, thread);
  const placement = new Map<string, number>();
  for (const key of keys) {
    const present = placed.get(key);
    const thread = present ?? least(sums);
    if (present === undefined) add(key, thread);
    placement.set(key, thread);
  }
  return placement;
}

function least(sums: readonly { readonly load: number; readonly count: number }[]): number {
  let best = 0;
  for (const [thread, { load, count }] of sums.entries()) {
    const other = sums[best];
    if (other === undefined || load < other.load || (load === other.load && count < other.count)) best = thread;
  }
  return best;
}
