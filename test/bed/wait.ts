import { setTimeout as sleep } from 'node:timers/promises';
import { BedError } from './bed-error.js';
import type { BedChild } from './child.js';

const pollMs = 40;
/** Only what fails waits this long: a busy machine gets the time it needs. */
const leastTimeoutMs = 60_000;

/**
 * Polls until `check` is true.
 * @throws BedError after `timeoutMs` (a minute at least, the default), or at once when `child` has ended.
 */
export async function waitUntil(
  what: string,
  check: () => Promise<boolean> | boolean,
  { timeoutMs: askedMs = leastTimeoutMs, child }: { timeoutMs?: number; child?: BedChild } = {},
): Promise<void> {
  const timeoutMs = Math.max(askedMs, leastTimeoutMs);
  const giveUpAt = Date.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    const checkedAt = Date.now();
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
    // A check that costs much is made less often: others want the processor, too.
    await sleep(Math.max(pollMs, 2 * (Date.now() - checkedAt)));
  }
}
