import { parseArgs } from 'node:util';

export interface SimOptions {
  readonly from: number;
  readonly seeds: number;
  readonly processes: number;
  /** Shows the one seed step by step. */
  readonly trace: boolean;
  /** Goes on behind the first seed that fails. */
  readonly all: boolean;
  readonly help: boolean;
}

export const HELP = `The fleet on virtual time, beside models of ZooKeeper and Kafka: one world for each seed (docs/simulation.md).

  npm run sim                          500 seeds from 1 on
  npm run sim -- --seeds 10000         so many
  npm run sim -- --seeds 500 --from 7  from this one on
  npm run sim -- --seed 42 --trace     this one, step by step
      --processes N                    side by side; as many as there are cores, unless said
      --all                            do not stop at the first seed that fails
Ends with 1 when a seed fails.`;

/** @throws TypeError, RangeError for what cannot be meant */
export function readOptions(args: readonly string[], cores: number): SimOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      seed: { type: 'string' },
      processes: { type: 'string' },
      trace: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const one = values.seed === undefined ? undefined : whole('seed', values.seed);
  const seeds = one === undefined ? whole('seeds', values.seeds ?? '500') : 1;
  const processes = Math.min(seeds, whole('processes', values.processes ?? String(cores)));
  const { trace, all, help } = values;
  if (trace && one === undefined) throw new RangeError('--trace shows one seed: say which with --seed');
  return { from: one ?? whole('from', values.from ?? '1'), seeds, processes, trace, all, help };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`--${name} has to be a whole number from 1 on`);
  return value;
}
