import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const settledKb = 32 * 1024;
const limitMs = 90_000;
const pollMs = 250;

/** Writes back what earlier runs left in the page cache, so that no run pays for another's disk traffic. Returns the time it took. */
export async function settleDisk(): Promise<number> {
  const startedAt = Date.now();
  await promisify(execFile)('sync', [], { timeout: limitMs });
  while (unwrittenKb() > settledKb && Date.now() - startedAt < limitMs) await sleep(pollMs);
  return Date.now() - startedAt;
}

function unwrittenKb(): number {
  const meminfo = readFileSync('/proc/meminfo', 'utf8');
  return Number(/^Dirty:\s+(\d+)/m.exec(meminfo)?.[1]) + Number(/^Writeback:\s+(\d+)/m.exec(meminfo)?.[1]);
}
