import type { Environment } from './environment.js';
import type { Flags } from './flags.js';
import type { GoalRow } from './goal-rows.js';

/** One subcommand of `npm run bench`. */
export interface Bench {
  readonly name: string;
  /** One sentence: what is measured. */
  readonly about: string;
  /** About how long it takes with its defaults on 2 cores. */
  readonly minutes: number;
  /** Its flags beside --json and --quick, with what they mean. */
  readonly flags: Readonly<Record<string, string>>;
  /** It makes certificates. */
  readonly needsOpenssl?: boolean;
  /** @throws UsageError before anything is started. */
  run(flags: Flags, log: (line: string) => void): Promise<object>;
}

/** What `--json` holds, but for `mirror`, whose form is older. */
export interface BenchReport {
  readonly bench: string;
  /** True: short windows; the figures prove that the benchmark runs, and nothing else. */
  readonly quick: boolean;
  readonly rows: readonly GoalRow[];
  readonly details: unknown;
  readonly environment: Environment;
  /** The whole benchmark, brokers' start included. */
  readonly seconds: number;
}
