import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind, isFaultKind, specOf } from './catalogue.js';

/** `mixed`: faults drawn by the seed. */
export const SCENARIOS = ['mixed', 'zombies', 'takeovers', 'zookeeper-outage'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface ChaosOptions {
  readonly scenario: Scenario;
  /** Of zombies or takeovers. */
  readonly count: number;
  /** Of one further topic; 0: there is none. */
  readonly partitions: number;
  readonly minutes: number;
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  /** The route delivers at least once; exactly once otherwise. */
  readonly allowDuplicates: boolean;
  /** The route delivers in transactions of the target. */
  readonly transactional: boolean;
  readonly recordsPerS: number;
  /** The plan is printed and nothing started. */
  readonly planOnly: boolean;
  /** Logs and configurations stay, whatever the verdict. */
  readonly keepsLogs: boolean;
}

const DEFAULT_MINUTES = 3;
const ZOMBIE_MINUTES = 60;
const MIN_MINUTES = 0.5;
const MAX_MINUTES = 240;
const MAX_SEED = 2 ** 32 - 1;
const DEFAULT_COUNT = 10;
const MAX_COUNT = 1_000;
const MAX_PARTITIONS = 2_000;
const DEFAULT_RECORDS_PER_S = 2_500;
const MAX_RECORDS_PER_S = 50_000;
const NAME_COLUMNS = 26;

const faultList = FAULT_KINDS.map((kind) => {
  const { about, needsFence, byName } = specOf(kind);
  return `  ${kind.padEnd(NAME_COLUMNS)}${about}${needsFence === true ? ' *' : ''}${byName === true ? ' **' : ''}`;
}).join('\n');

export const CHAOS_HELP = `npm run chaos [-- options]

Two Kafka clusters of two brokers each, ZooKeeper, two controllers and three workers under load, and faults that a seed decides. In the end
everything is healed and both clusters are compared record by record. Prints a timeline, a verdict and last one line of JSON; the status is 0
only if nothing is missing, repeated, out of order or altered.

  --minutes N         how long faults go on, ${MIN_MINUTES} to ${MAX_MINUTES} (default ${DEFAULT_MINUTES})
  --seed S            0 to ${MAX_SEED}; the same seed, minutes and faults give the same plan (default: by the clock, printed)
  --faults A,B        only these (default: all but **)
  --allow-duplicates  the route delivers at least once (else exactly once): repeats are counted and not held against the run, and faults
                      that this is not safe against (*) are left out unless --faults names them
  --transactional     the route delivers in transactions: nothing may come twice for readers that are read_committed
  --scenario NAME     instead of mixed faults:
                        zombies: workers are stopped with batches on their way, two at a time; those arrive, and the worker goes on,
                        when its partitions move under others. Every late batch must be refused with 47, none lie behind a fence's marker,
                        and no zombie get a new epoch. None are made after --minutes
                        takeovers: workers are killed one at a time, each when the fleet is whole again: median and 99th percentile
                        zookeeper-outage: ZooKeeper is killed and stays away for --minutes: rates before and meanwhile, moves afterwards
  --count N           how many zombies or takeovers (default ${DEFAULT_COUNT})
  --partitions N      one further topic of so many partitions (default: none)
  --rate N            records per second over all topics (default ${DEFAULT_RECORDS_PER_S})
  --keep-logs         keeps all logs (else only those of a run that failed) and says where they are
  --plan              prints the plan and starts nothing
  --help              this text

Faults:
${faultList}`;

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {
  override name = 'UsageError';
}

function number(name: string, text: string, least: number, most: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= least && value <= most)) throw new UsageError(`${name} must be ${least} to ${most}, not "${text}"`);
  return value;
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = number(name, text, least, most);
  if (!Number.isInteger(value)) throw new UsageError(`${name} must be a whole number, not "${text}"`);
  return value;
}

function scenarioOf(text: string): Scenario {
  const found = SCENARIOS.find((name) => name === text);
  if (found === undefined) throw new UsageError(`--scenario knows no "${text}"; it knows ${SCENARIOS.join(', ')}`);
  return found;
}

function kindsOf(text: string): FaultKind[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  return names.map((name) => {
    if (!isFaultKind(name)) throw new UsageError(`--faults knows no "${name}"; it knows ${FAULT_KINDS.join(', ')}`);
    return name;
  });
}

function usualKinds(allowDuplicates: boolean): readonly FaultKind[] {
  return FAULT_KINDS.filter((kind) => {
    const { needsFence, byName } = specOf(kind);
    return byName !== true && !(allowDuplicates && needsFence === true);
  });
}

/**
 * @param seedByClock the seed where none is given
 * @returns undefined when help was asked for
 * @throws UsageError
 */
export function parseChaosOptions(args: readonly string[], seedByClock: number): ChaosOptions | undefined {
  const options = {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    faults: { type: 'string' },
    scenario: { type: 'string', default: 'mixed' },
    count: { type: 'string' },
    partitions: { type: 'string' },
    'allow-duplicates': { type: 'boolean', default: false },
    transactional: { type: 'boolean', default: false },
    rate: { type: 'string' },
    plan: { type: 'boolean', default: false },
    'keep-logs': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    values = parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help) return undefined;
  const { minutes, seed, faults, rate, count, partitions } = values;
  const { 'allow-duplicates': allowDuplicates, transactional } = values;
  if (allowDuplicates && transactional)
    throw new UsageError('--allow-duplicates and --transactional are two ways to deliver');
  const scenario = scenarioOf(values.scenario);
  return {
    scenario,
    count: count === undefined ? DEFAULT_COUNT : integer('--count', count, 1, MAX_COUNT),
    partitions: partitions === undefined ? 0 : integer('--partitions', partitions, 0, MAX_PARTITIONS),
    minutes:
      minutes === undefined
        ? scenario === 'zombies'
          ? ZOMBIE_MINUTES
          : DEFAULT_MINUTES
        : number('--minutes', minutes, MIN_MINUTES, MAX_MINUTES),
    seed: seed === undefined ? seedByClock % MAX_SEED : integer('--seed', seed, 0, MAX_SEED),
    kinds: faults === undefined ? usualKinds(allowDuplicates) : kindsOf(faults),
    allowDuplicates,
    transactional,
    recordsPerS: rate === undefined ? DEFAULT_RECORDS_PER_S : integer('--rate', rate, 1, MAX_RECORDS_PER_S),
    planOnly: values.plan,
    keepsLogs: values['keep-logs'],
  };
}
