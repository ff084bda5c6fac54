import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { BedError } from './bed-error.js';
import { removeAllWorkspaces } from './workspace.js';

export interface ChildOptions {
  /** How errors call it: `broker 1 of "source"`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Gets stdout and stderr, appended. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export type ExitStatus = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

const running = new Set<BedChild>();
let guarded = false;

/** A child process that cannot outlive this one. */
export class BedChild {
  readonly name: string;
  readonly logFile: string;
  /** Settles when the process has ended; never rejects. */
  readonly exited: Promise<ExitStatus>;
  readonly #process: ChildProcess;
  #status: ExitStatus | undefined;

  private constructor(options: ChildOptions, child: ChildProcess) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.#process = child;
    this.exited = new Promise((resolve) => {
      const end = (status: ExitStatus) => {
        this.#status ??= status;
        running.delete(this);
        resolve(this.#status);
      };
      child.once('exit', (code, signal) => end({ code, signal }));
      child.once('error', () => end({ code: 127, signal: null }));
    });
    running.add(this);
  }

  static start(options: ChildOptions): BedChild {
    guardAgainstOrphans();
    const log = openSync(options.logFile, 'a');
    try {
      const [command, args] = tiedToParent(options.command, options.args);
      const child = spawn(command, args, {
        // A process group of its own: Ctrl-C reaches us, and we stop the children in order.
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...process.env, ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      });
      return new BedChild(options, child);
    } finally {
      closeSync(log);
    }
  }

  /** @throws BedError when it could not be started at all. */
  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new BedError(`${this.name} could not be started`, this.logFile);
    return pid;
  }

  /** How it ended; undefined while it runs. */
  get status(): ExitStatus | undefined {
    return this.#status;
  }

  /** Stops it where it stands (SIGSTOP): its sockets stay open and silent. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.exited;
  }

  killNow(): void {
    this.#signal('SIGKILL');
  }

  /** SIGTERM; after `graceMs` SIGKILL. */
  async terminate(graceMs = 10_000): Promise<ExitStatus> {
    this.#signal('SIGCONT');
    this.#signal('SIGTERM');
    const killer = setTimeout(() => this.#signal('SIGKILL'), graceMs);
    const status = await this.exited;
    clearTimeout(killer);
    return status;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#status === undefined) this.#process.kill(signal);
  }
}

/** Linux can tie a child's life to its parent's, which covers even our own SIGKILL. */
function tiedToParent(command: string, args: readonly string[]): [string, string[]] {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => process.platform === 'linux' && existsSync(path));
  return setpriv === undefined ? [command, [...args]] : [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]];
}

function guardAgainstOrphans(): void {
  if (guarded) return;
  guarded = true;
  process.on('exit', (code) => {
    for (const child of running) child.killNow();
    removeAllWorkspaces(code !== 0);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const onSignal = () => {
      // Whoever else listens decides how to end; the exit handler above still runs then.
      if (process.listenerCount(signal) === 1) process.exit(1);
    };
    process.on(signal, onSignal);
  }
}
