import { Violation } from './checks.js';
import { planFaults } from './faults.js';
import { Dice } from './kernel/dice.js';
import { prepare } from './seams.js';
import { World } from './world.js';

const LOAD_FROM_MS = 400;
/** So long after the healing all must be well. */
const PATIENCE_MS = 90_000;
/** For so long nothing may change hands once all is well: longer than a leader waits from round to round. */
const CALM_MS = 2_500;
const LOOK_MS = 250;
/** In such worlds most workers have several partitions on a lane: what happens to one of them concerns the others. */
const WIDE_SHARE = 0.3;
/** A world takes some thousands. */
const MAX_TURNS = 200_000;
/** Errors that product code handles are many, and nobody reads where they were made unless a world is shown. */
const TRACED_FRAMES = 20;

export interface Outcome {
  readonly seed: number;
  /** Undefined: nothing was wrong. */
  readonly violation: { readonly kind: string; readonly message: string } | undefined;
  readonly hash: string;
  readonly turns: number;
  /** Virtual. */
  readonly tookMs: number;
  readonly faults: readonly string[];
  readonly trace: readonly string[];
}

/** One world from its beginning to its end. */
export async function runSeed(seed: number, options: { readonly trace?: boolean } = {}): Promise<Outcome> {
  await prepare();
  const frames = Error.stackTraceLimit;
  Error.stackTraceLimit = options.trace === true ? TRACED_FRAMES : 0;
  try {
    return await liveThrough(seed, options);
  } finally {
    Error.stackTraceLimit = frames;
  }
}

async function liveThrough(seed: number, options: { readonly trace?: boolean }): Promise<Outcome> {
  const dice = new Dice(seed);
  const world = new World(dice, options.trace === true);
  const { timeline } = world;
  const faults: string[] = [];
  const healedMs = planFaults(world, (fault) => faults.push(`${Math.round(timeline.nowMs)} ${fault}`));
  found(world, healedMs);
  const rejected = (error: unknown): void => {
    world.fail(
      new Violation(
        'uncaught',
        error instanceof Error
          ? (error.stack ?? error.message).replace(/\n\s+at /g, ' < ').slice(0, 600)
          : String(error),
      ),
    );
  };
  process.on('unhandledRejection', rejected);
  let isSettled = false;
  watch(world, healedMs, () => {
    isSettled = true;
  });
  try {
    await timeline.run(
      healedMs + PATIENCE_MS,
      () => isSettled || world.violation !== undefined || timeline.turns > MAX_TURNS,
    );
    // Rejections that nobody handles are told between two turns of Node's loop.
    await new Promise((resolve) => setImmediate(resolve));
  } catch (error) {
    rejected(error);
  } finally {
    process.off('unhandledRejection', rejected);
  }
  if (!isSettled && world.violation === undefined) {
    const kind = timeline.turns > MAX_TURNS ? 'restless' : 'liveness';
    world.fail(new Violation(kind, world.unsettled() ?? 'partitions still change hands'));
  }
  const { violation, trace } = world;
  const outcome: Outcome = {
    seed,
    violation: violation && { kind: violation.kind, message: violation.message },
    hash: trace.hash,
    turns: timeline.turns,
    tookMs: Math.round(timeline.nowMs),
    faults,
    trace: trace.lines,
  };
  timeline.clear();
  return outcome;
}

/** Two controllers, two or three workers, one or two topics, and somebody who writes. */
function found(world: World, healedMs: number): void {
  const { timeline, source } = world;
  const dice = world.dice.of('founding');
  const starts = [
    ...['c1', 'c2'].map((id) => () => world.startController(id)),
    ...['w1', 'w2', 'w3'].slice(0, 2 + dice.below(2)).map((id) => () => world.startWorker(id)),
  ];
  for (const start of starts) timeline.after(dice.between(0, 500), start);
  const topics = 1 + dice.below(2);
  const isWide = dice.chance(WIDE_SHARE);
  for (let index = 0; index < topics; index += 1) {
    const partitions = isWide ? 3 + dice.below(3) : 1 + dice.below(3);
    timeline.after(index === 0 ? 0 : dice.between(0, 4_000), () => world.addTopic(`t${index + 1}`, partitions));
  }
  const load = dice.of('load');
  const meanMs = load.between(150, 700);
  const write = (): void => {
    if (timeline.nowMs > healedMs) return;
    for (const topic of source.topics.values()) world.produce(topic, load);
    timeline.after(load.between(0, 2 * meanMs), write);
  };
  timeline.after(LOAD_FROM_MS, write);
}

/** After everything is whole again: all is well, and stays as it is for a while. */
function watch(world: World, healedMs: number, settled: () => void): void {
  const { timeline, ownership } = world;
  let calmSinceMs: number | undefined;
  let changes = -1;
  const look = (): void => {
    const isWell = world.unsettled() === undefined;
    if (!isWell || ownership.changes !== changes) {
      calmSinceMs = isWell ? timeline.nowMs : undefined;
      changes = ownership.changes;
    } else if (timeline.nowMs - (calmSinceMs ?? timeline.nowMs) >= CALM_MS) {
      settled();
      return;
    }
    calmSinceMs ??= isWell ? timeline.nowMs : undefined;
    timeline.after(LOOK_MS, look);
  };
  timeline.after(healedMs + 1, look);
}
