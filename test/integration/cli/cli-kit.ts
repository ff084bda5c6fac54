import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BedChild } from '../../bed/child.js';
import { waitUntil } from '../../bed/wait.js';
import type { Workspace } from '../../bed/workspace.js';

/** The built command line, beside the built tests. */
const MAIN = fileURLToPath(new URL('../../../cli/main.js', import.meta.url));
const COMMAND_TIMEOUT_MS = 90_000;

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end. */
export function causeway(args: readonly string[], url?: string): Promise<CommandResult> {
  const env = { ...process.env, ...(url === undefined ? {} : { CAUSEWAY_URL: url }) };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env, timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** A role as a process of its own. */
export class RoleProcess {
  readonly child: BedChild;

  private constructor(child: BedChild) {
    this.child = child;
  }

  static start(workspace: Workspace, role: string, name: string, config: string): RoleProcess {
    const file = workspace.path(`${name}.yaml`);
    writeFileSync(file, config);
    const child = BedChild.start({
      name: `${role} ${name}`,
      command: process.execPath,
      args: [MAIN, role, '-c', file],
      logFile: workspace.path(`${name}.log`),
    });
    return new RoleProcess(child);
  }

  /** The events logged so far. */
  events(): Record<string, unknown>[] {
    return readFileSync(this.child.logFile, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The HTTP address it says it started on. */
  async started(): Promise<string> {
    const find = (): Record<string, unknown> | undefined =>
      this.events().find(({ event }) => event === 'process.started');
    await waitUntil(`${this.child.name} has started`, () => find() !== undefined, {
      child: this.child,
    });
    return String(find()?.['http']);
  }
}
