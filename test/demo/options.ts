import { parseArgs } from 'node:util';
import { ALL_SHAPES, BASIC_SHAPES, type TopicShape } from '../audit/shapes.js';

export type Victim = 'worker' | 'controller';

export interface DemoOptions {
  /** Bounded, without a terminal, with a verdict. */
  readonly check: boolean;
  readonly kill: readonly Victim[];
  readonly shapes: readonly TopicShape[];
  /** A topic for every kind of batch and refusal as well. */
  readonly gallery: boolean;
  /** Of load; undefined: until Ctrl-C. */
  readonly seconds: number | undefined;
  readonly recordsPerS: number;
  readonly delivery: DemoDelivery;
}

const DELIVERIES = ['at-least-once', 'exactly-once', 'transactional'] as const;
export type DemoDelivery = (typeof DELIVERIES)[number];

const DEFAULT_CHECK_SECONDS = 20;
const DEFAULT_RECORDS_PER_S = 10_000;
const MAX_SECONDS = 3_600;
const MAX_RECORDS_PER_S = 100_000;

export const DEMO_HELP = `npm run demo [-- options]

Starts two Kafka clusters, ZooKeeper, two controllers and two workers, writes live load to the source cluster, adds its
topics over REST and shows how they are mirrored. Ctrl-C stops everything.

  --check             bounded and without a terminal: about ${DEFAULT_CHECK_SECONDS} s of load, then lag 0, then both clusters are compared
                      record by record; prints one line of JSON last and ends with status 0 only if all is well
  --kill VICTIMS      worker, controller or both (comma-separated): SIGKILL a worker at a third of the load, the leading
                      controller at two thirds; with --delivery at-least-once repeats are then reported, not held against the run
  --delivery MODE     exactly-once (default), transactional or at-least-once: what the route promises
  --shapes SET        basic, usual or all (default usual): which topics the load has; all, with --check, adds a topic for each kind of
                      batch, refusal and change that a mirror meets, proves that the source really holds it, and audits it
  --seconds N         seconds of load (default: ${DEFAULT_CHECK_SECONDS} with --check, otherwise until Ctrl-C)
  --rate N            records per second over all topics (default ${DEFAULT_RECORDS_PER_S})
  --help              this text`;

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {
  override name = 'UsageError';
}

function integer(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new UsageError(`${name} must be 1 to ${max}, not "${text}"`);
  return value;
}

function victims(text: string): Victim[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  return names.map((name) => {
    if (name !== 'worker' && name !== 'controller')
      throw new UsageError(`--kill knows worker and controller, not "${name}"`);
    return name;
  });
}

function shapesOf(text: string): readonly TopicShape[] {
  if (text === 'basic') return BASIC_SHAPES;
  if (text === 'usual' || text === 'all') return ALL_SHAPES;
  throw new UsageError(`--shapes is basic, usual or all, not "${text}"`);
}

function deliveryOf(text: string): DemoDelivery {
  const delivery = DELIVERIES.find((candidate) => candidate === text);
  if (delivery !== undefined) return delivery;
  throw new UsageError(`--delivery is ${DELIVERIES.join(' or ')}, not "${text}"`);
}

/** @returns undefined when help was asked for. @throws UsageError */
export function parseDemoOptions(args: readonly string[]): DemoOptions | undefined {
  const options = {
    check: { type: 'boolean', default: false },
    kill: { type: 'string' },
    shapes: { type: 'string', default: 'usual' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    delivery: { type: 'string', default: 'exactly-once' },
    help: { type: 'boolean', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    values = parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help) return undefined;
  const seconds = values.seconds === undefined ? undefined : integer('--seconds', values.seconds, MAX_SECONDS);
  if (values.kill !== undefined && seconds === undefined && !values.check) {
    throw new UsageError('--kill needs a bounded run: add --check or --seconds');
  }
  return {
    check: values.check,
    kill: values.kill === undefined ? [] : victims(values.kill),
    shapes: shapesOf(values.shapes),
    gallery: values.check && values.shapes === 'all',
    seconds: seconds ?? (values.check ? DEFAULT_CHECK_SECONDS : undefined),
    delivery: deliveryOf(values.delivery),
    recordsPerS: values.rate === undefined ? DEFAULT_RECORDS_PER_S : integer('--rate', values.rate, MAX_RECORDS_PER_S),
  };
}
