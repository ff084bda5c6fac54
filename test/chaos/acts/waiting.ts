import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

/** Looks until it is so or the time is up. @returns whether it was */
export async function comesTrue(
  isSo: () => boolean | Promise<boolean>,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const untilMs = performance.now() + limitMs;
  while (!signal.aborted) {
    // What cannot be told now is asked again.
    if (await Promise.resolve(isSo()).catch(() => false)) return true;
    if (performance.now() >= untilMs) return false;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

/** By size: the value that this share of them does not exceed; -1 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? -1;
}
