// One process at a time fills a part of the cache. A lock is a file made with O_EXCL that holds its owner's pid; a dead
// owner's lock is taken over.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './project.mjs';

const waitLimitMs = 900_000;
const pollMs = 200;
// An owner writes its pid right after creating the file; an empty lock older than this has no owner.
const emptyLockGraceMs = 5_000;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isStale(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    if (pid > 0) return !isAlive(pid);
    return Date.now() - statSync(path).mtimeMs > emptyLockGraceMs;
  } catch {
    return false;
  }
}

/** Runs `action` while holding the lock file at `path`. */
export async function withLock(path, action) {
  mkdirSync(dirname(path), { recursive: true });
  const giveUpAt = Date.now() + waitLimitMs;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale(path)) rmSync(path, { force: true });
    else if (Date.now() > giveUpAt) throw new SetupError(`another process holds ${path}; remove the file if none does`);
    else await sleep(pollMs);
  }
  try {
    return await action();
  } finally {
    rmSync(path, { force: true });
  }
}
