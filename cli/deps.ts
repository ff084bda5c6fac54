import type { Terminal } from './output.js';

/** What commands need of the world around them. */
export interface CliDeps {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pace: Pace;
  /** Sets the exit code of a command that worked. */
  readonly exit: (code: number) => void;
}

/** Time, for commands that wait. */
export interface Pace {
  monotonicMs(): number;
  sleep(delayMs: number): Promise<void>;
}
