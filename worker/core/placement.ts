/**
 * Which thread holds which partition: what is placed stays, new keys go to the thread with the fewest.
 * @param placed thread by key, of those that are still wanted or not yet released
 * @param keys keys that need a thread
 */
export function placeKeys(
  placed: ReadonlyMap<string, number>,
  keys: readonly string[],
  threads: number,
): Map<string, number> {
  const counts = new Array<number>(threads).fill(0);
  for (const thread of placed.values()) counts[thread] = (counts[thread] ?? 0) + 1;
  const placement = new Map<string, number>();
  for (const key of keys) {
    const known = placed.get(key);
    const thread = known ?? counts.indexOf(Math.min(...counts));
    if (known === undefined) counts[thread] = (counts[thread] ?? 0) + 1;
    placement.set(key, thread);
  }
  return placement;
}
