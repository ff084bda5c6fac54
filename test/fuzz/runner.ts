import { AssertionError } from 'node:assert';
import { isCausewayError } from '../../common/errors/error.js';
import { AllocationCount } from './allocations.js';
import { caseSeed, Dice } from './dice.js';
import type { FuzzTarget } from './fuzz-target.js';
import { MAX_HEAP_GROWTH_MIB, MAX_RSS_GROWTH_MIB, MemoryGrowth, sampleMemory } from './memory.js';
import { mutate, sweep, sweepSize } from './mutate.js';

/** One input may take this long, twice in a row: a busy machine is forgiven once. */
export const MAX_CASE_MS = 1_500;
/** Buffers and arrays of one case, on top of the limit that its target names: so many times the input, and a little for small ones. */
const MAX_INPUT_MULTIPLE = 96;
const MIN_ALLOWANCE_BYTES = 256 * 1024;
/** What a limit bounds may exist twice: in parts while it is being read, and whole. */
const LIMIT_COPIES = 3;
const MEMORY_SAMPLES = 12;
/** A sweep takes at most this share of a run; shorter runs do without. */
const MAX_SWEEP_RATIO = 0.5;
const MAX_FAILURES = 20;

export interface FuzzFailure {
  readonly target: string;
  /** Number of the case in the run; -1 for a replay. */
  readonly index: number;
  readonly what: string;
  readonly hex: string;
}

export interface FuzzReport {
  readonly cases: number;
  readonly failures: number;
  readonly seed: number;
  readonly maxMsPerCase: number;
  readonly maxAllocatedMiB: number;
  readonly heapGrowthMiB: number;
  readonly rssGrowthMiB: number;
  readonly seconds: number;
  /** Cases per target. */
  readonly targets: Readonly<Record<string, number>>;
}

export interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
  /** Told before each case: who watches from outside sees a case that never ends. */
  readonly onCase?: (index: number) => void;
  readonly onFailure: (failure: FuzzFailure) => void;
}

interface Case {
  readonly target: FuzzTarget;
  readonly input: Buffer;
}

interface Sweep {
  readonly target: FuzzTarget;
  readonly valid: Buffer;
  /** Number of the first case behind it. */
  readonly until: number;
}

/** Makes cases by number, and judges what the decoders do with them. */
export class Fuzzer {
  readonly #targets: readonly FuzzTarget[];
  readonly #weights: number;
  readonly #allocations = AllocationCount.install();
  readonly #sweeps: Sweep[] = [];
  #sweepCases = 0;
  #maxMs = 0;
  #maxAllocated = 0;

  constructor(targets: readonly FuzzTarget[]) {
    this.#targets = targets;
    this.#weights = targets.reduce((sum, { weight }) => sum + weight, 0);
    for (const target of targets) {
      if (target.swept !== true) continue;
      for (const valid of target.valid) {
        this.#sweepCases += sweepSize(valid);
        this.#sweeps.push({ target, valid, until: this.#sweepCases });
      }
    }
  }

  /** The case of that number; the same for the same seed and count. */
  caseOf(index: number, { seed, count }: Pick<FuzzOptions, 'seed' | 'count'>): Case {
    const swept = this.#sweepCases <= count * MAX_SWEEP_RATIO;
    if (swept && index < this.#sweepCases) return this.#sweepCase(index);
    const dice = new Dice(caseSeed(seed, index));
    const target = this.#pickTarget(dice);
    const valid = dice.pick(target.valid);
    return { target, input: target.damage?.(dice, valid) ?? mutate(dice, valid, target.valid) };
  }

  async run(options: FuzzOptions): Promise<FuzzReport> {
    const { count, seed } = options;
    const startedAt = performance.now();
    const memory = new MemoryGrowth();
    const sampleEvery = Math.max(1, Math.floor(count / MEMORY_SAMPLES));
    const cases: Record<string, number> = {};
    let failures = await this.#undamaged(options);
    for (let index = 0; index < count && failures < MAX_FAILURES; index += 1) {
      options.onCase?.(index);
      const made = this.caseOf(index, options);
      const group = made.target.name.split('/')[0] as string;
      cases[group] = (cases[group] ?? 0) + 1;
      const verdict = this.judge(made);
      const what = verdict instanceof Promise ? await verdict : verdict;
      if (what !== undefined) {
        failures += 1;
        options.onFailure({ target: made.target.name, index, what, hex: made.input.toString('hex') });
      }
      if (index % sampleEvery === sampleEvery - 1) memory.add(sampleMemory());
    }
    for (const [what, grown, limit] of [
      ['live memory', memory.heapMiB, MAX_HEAP_GROWTH_MIB],
      ['resident memory', memory.rssMiB, MAX_RSS_GROWTH_MIB],
    ] as const) {
      if (grown <= limit) continue;
      failures += 1;
      options.onFailure({ target: 'all', index: -1, what: `${what} grew by ${grown} MiB, limit ${limit}`, hex: '' });
    }
    return {
      cases: Object.values(cases).reduce((sum, some) => sum + some, 0),
      failures,
      seed,
      maxMsPerCase: Math.round(this.#maxMs * 10) / 10,
      maxAllocatedMiB: Math.round((this.#maxAllocated / 1024 / 1024) * 10) / 10,
      heapGrowthMiB: memory.heapMiB,
      rssGrowthMiB: memory.rssMiB,
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
      targets: cases,
    };
  }

  /** What is wrong with the decoder's behaviour; undefined: nothing. A promise only where the decoder is asynchronous. */
  judge(made: Case): string | undefined | Promise<string | undefined> {
    const attempt = this.#attempt(made);
    if (!(attempt instanceof Promise)) return attempt.ms <= MAX_CASE_MS ? attempt.what : this.#again(made);
    return attempt.then(({ ms, what }) => (ms <= MAX_CASE_MS ? what : this.#again(made)));
  }

  async #again(made: Case): Promise<string | undefined> {
    const { ms, what } = await this.#attempt(made);
    return what ?? (ms <= MAX_CASE_MS ? undefined : `took ${Math.round(ms)} ms, limit ${MAX_CASE_MS}`);
  }

  #attempt({ target, input }: Case): Attempt | Promise<Attempt> {
    // From the input alone, so that a replay of the bytes is a replay of the case.
    const dice = new Dice(input.length * 0x9e3779b1 + (input[input.length >> 1] ?? 0));
    this.#allocations.bytes = 0;
    const since = performance.now();
    const ended = (error?: unknown): Attempt => {
      const ms = performance.now() - since;
      const allocated = this.#allocations.bytes;
      this.#maxMs = Math.max(this.#maxMs, ms);
      this.#maxAllocated = Math.max(this.#maxAllocated, allocated);
      const what = error === undefined ? undefined : faultOf(target, error);
      return { ms, what: what ?? allocationFault(target, input, allocated) };
    };
    try {
      const running = target.run(input, dice);
      return running instanceof Promise ? running.then(() => ended(), ended) : ended();
    } catch (error) {
      return ended(error);
    }
  }

  /** A decoder that refuses what is in order would pass everything else. */
  async #undamaged(options: FuzzOptions): Promise<number> {
    let failures = 0;
    for (const target of this.#targets) {
      for (const input of target.valid) {
        try {
          await target.run(input, new Dice(1));
        } catch (error) {
          failures += 1;
          const what = `refused undamaged: ${String((error as Error).stack)}`;
          options.onFailure({ target: target.name, index: -1, what, hex: input.toString('hex') });
        }
      }
    }
    return failures;
  }

  #sweepCase(index: number): Case {
    let low = 0;
    let high = this.#sweeps.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sweeps[middle]?.until ?? 0) > index) high = middle;
      else low = middle + 1;
    }
    const { target, valid, until } = this.#sweeps[low] as Sweep;
    return { target, input: sweep(valid, index - (until - sweepSize(valid))) };
  }

  #pickTarget(dice: Dice): FuzzTarget {
    let rest = dice.below(this.#weights);
    for (const target of this.#targets) {
      rest -= target.weight;
      if (rest < 0) return target;
    }
    return this.#targets[0] as FuzzTarget;
  }
}

interface Attempt {
  readonly ms: number;
  readonly what: string | undefined;
}

function faultOf(target: FuzzTarget, error: unknown): string | undefined {
  if (isCausewayError(error)) {
    return target.codes.includes(error.code) ? undefined : `${error.code} is not declared: ${error.stack}`;
  }
  if (error instanceof AssertionError) return String(error.stack);
  const declared = target.alsoThrows?.some((kind) => error instanceof kind) === true;
  // A RangeError may be declared for impossible lengths, never for an exhausted stack.
  if (declared && !/call stack/.test((error as Error).message)) return undefined;
  return `not a declared error: ${error instanceof Error ? error.stack : String(error)}`;
}

function allocationFault(target: FuzzTarget, input: Buffer, allocated: number): string | undefined {
  const allowed = MIN_ALLOWANCE_BYTES + input.length * MAX_INPUT_MULTIPLE + (target.limitBytes ?? 0) * LIMIT_COPIES;
  if (allocated <= allowed) return undefined;
  return `allocated ${allocated} bytes for an input of ${input.length}, ${allowed} are allowed`;
}
