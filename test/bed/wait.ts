import { setTimeout as sleep } from 'node:timers/promises';
import { BedError } from './bed-error.js';
import type { BedChild } from './child.js';

const pollMs = 30;

/**
 * Polls until `check` is true.
 * @throws BedError after `timeoutMs`, or at once when `child` has ended.
 */
export async function waitUntil(
  what: string,
  check: () => Promise<boolean> | boolean,
  { timeoutMs = 60_000, child }: { timeoutMs?: number; child?: BedChild } = {},
): Promise<void> {
  const giveUpAt = Date.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      if (await check()) return;
    } catch (error) {
      lastError = error;
    }
    if (child?.status !== undefined) {
      const { code, signal } = child.status;
      throw new BedError(`${child.name} ended (${signal ?? `status ${code}`}) before: ${what}`, child.logFile);
    }
    if (Date.now() > giveUpAt) {
      const reason = lastError === undefined ? '' : ` (last error: ${String(lastError)})`;
      throw new BedError(`not within ${timeoutMs} ms: ${what}${reason}`, child?.logFile, { cause: lastError });
    }
    await sleep(pollMs);
  }
}
