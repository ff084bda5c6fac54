import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'causeway-bed-';
const keepLogsMs = 86_400_000;
const open = new Set<Workspace>();
let swept = false;

/**
 * A temporary folder of one cluster: `data/` (always removed in the end) and logs beside it, which outlive a failure.
 * CAUSEWAY_BED_KEEP=1 keeps everything.
 */
export class Workspace {
  readonly folder: string;
  #failed = false;

  constructor(name: string) {
    sweepLeftovers();
    this.folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-${name}-`));
    open.add(this);
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** Something went wrong in here: the logs stay. */
  markFailed(): void {
    this.#failed = true;
  }

  remove(): void {
    open.delete(this);
    if (process.env['CAUSEWAY_BED_KEEP'] === '1') return;
    rmSync(this.#failed ? this.path('data') : this.folder, { recursive: true, force: true, maxRetries: 3 });
    if (this.#failed) process.stderr.write(`test bed: logs kept in ${this.folder}\n`);
  }
}

/** Removes what is still open; `failed` keeps the logs. Called once the children are dead. */
export function removeAllWorkspaces(failed: boolean): void {
  for (const workspace of open) {
    if (failed) workspace.markFailed();
    workspace.remove();
  }
}

/** Folders of processes that were killed before they could clean up. */
function sweepLeftovers(): void {
  if (swept) return;
  swept = true;
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(/^causeway-bed-(\d+)-/.exec(name)?.[1]);
    if (!(pid > 0) || existsSync(`/proc/${pid}`)) continue;
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') sweep(join(tmpdir(), name));
    }
  }
}

function sweep(folder: string): void {
  try {
    const isOld = Date.now() - statSync(folder).mtimeMs > keepLogsMs;
    rmSync(isOld ? folder : join(folder, 'data'), { recursive: true, force: true });
  } catch (error) {
    // Another process that starts at the same moment sweeps as well.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}
