import { readFileSync, readlinkSync } from 'node:fs';
import { open, readdir, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { CausewayError } from '../../errors/error.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';

const PREFIX = 'lock.';
const PRIVATE_FILE = 0o600;
/** How often a holder shows that it lives, for processes that cannot see it (another container on the same volume). */
const TOUCH_MS = 2_000;
const FOREIGN_STALE_MS = 10_000;
/** Two that start at the same moment both step back; one of them soon finds the folder free. */
const TIE_ATTEMPTS = 5;
const TIE_PAUSE_MS = 100;

/** Who holds a claim; written into the claim's name, so that it is complete the moment it exists. */
interface Holder {
  readonly pid: number;
  /** Kernel ticks at the start of the process (tells it from a later one with the same pid); '0' where not known. */
  readonly startedAt: string;
  /** Pid namespace, in which the pid means something; '0' where not known. */
  readonly namespace: string;
}

/**
 * A folder for one process. Every contender first creates a claim file with a name of its own and then looks for others: of two,
 * at least one sees the other. Claims of dead processes are removed; their names are unique, so never somebody's fresh one.
 */
export class FolderLock {
  readonly #path: string;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  private constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#touchLater();
  }

  /** Throws STORE_LOCKED while another process holds the folder. */
  static async take(dir: string, clock: Clock, random: Random): Promise<FolderLock> {
    const own = claimName(currentHolder(), random);
    const foreignUntilMs = clock.monotonicMs() + FOREIGN_STALE_MS;
    for (let attempt = 1; ; attempt += 1) {
      await (await open(join(dir, own), 'wx', PRIVATE_FILE)).close();
      const rival = await findRival(dir, own, clock);
      if (rival === undefined) return new FolderLock(join(dir, own), clock);
      await removeIfThere(join(dir, own));
      // One that cannot be seen is dead only when it has not shown itself for a while.
      const wait = rival.visible ? attempt < TIE_ATTEMPTS : clock.monotonicMs() < foreignUntilMs + TIE_PAUSE_MS;
      if (!wait) throw locked(dir, rival.holder);
      await clock.sleep(TIE_PAUSE_MS * (1 + random.unit()));
    }
  }

  async release(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await removeIfThere(this.#path);
  }

  #touchLater(): void {
    this.#timer = this.#clock.after(TOUCH_MS, () => {
      const now = this.#clock.wallMs() / 1000;
      // A claim that cannot be touched still holds against everybody who sees the process.
      void utimes(this.#path, now, now).catch(() => undefined);
      if (this.#timer !== undefined) this.#touchLater();
    });
  }
}

interface Rival {
  readonly holder: Holder;
  readonly visible: boolean;
}

async function findRival(dir: string, own: string, clock: Clock): Promise<Rival | undefined> {
  const us = currentHolder();
  for (const name of await readdir(dir)) {
    if (!name.startsWith(PREFIX) || name === own) continue;
    const holder = parseClaim(name);
    if (holder === undefined) continue;
    const visible = holder.namespace === us.namespace;
    const lives = visible ? isAlive(holder) : await isFresh(join(dir, name), clock);
    if (lives) return { holder, visible };
    await removeIfThere(join(dir, name));
  }
  return undefined;
}

function claimName(holder: Holder, random: Random): string {
  return `${PREFIX}${holder.namespace}.${holder.pid}.${holder.startedAt}.${random.uuid()}`;
}

function parseClaim(name: string): Holder | undefined {
  const match = /^lock\.(\d+)\.(\d+)\.(\d+)\.[0-9a-f-]+$/.exec(name);
  if (match === null) return undefined;
  const [, namespace = '', pid = '', startedAt = ''] = match;
  return { namespace, pid: Number(pid), startedAt };
}

function currentHolder(): Holder {
  return { pid: process.pid, startedAt: startOf(process.pid) ?? '0', namespace: pidNamespace() };
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives under another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const startedAt = startOf(holder.pid);
  return startedAt === undefined || holder.startedAt === '0' || startedAt === holder.startedAt;
}

async function isFresh(path: string, clock: Clock): Promise<boolean> {
  try {
    return Math.abs(clock.wallMs() - (await stat(path)).mtimeMs) < FOREIGN_STALE_MS;
  } catch {
    return false;
  }
}

/** Field 22 of /proc/<pid>/stat; undefined where there is no such thing. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in parentheses may hold spaces and parentheses.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const locked = (dir: string, holder: Holder): CausewayError =>
  new CausewayError('STORE_LOCKED', `process ${holder.pid} uses the embedded store's folder`, {
    place: { path: dir },
    fix: 'Stop that process, or give this one a folder of its own.',
  });
