/** The longest time a partition stood still with something to copy. */
export interface Pause {
  readonly ms: number;
  /** `topic-partition`; '' where there was none. */
  readonly partition: string;
  /** When it was seen to end, or to last still, on the meter's clock. */
  readonly untilMs: number;
}

interface Progress {
  targetEnd: number;
  /** Where the source ended when the target last grew. */
  sourceEnd: number;
  /** Since when the source has had more while the target got nothing; undefined: it is not waiting. */
  waitingSinceMs: number | undefined;
}

/** Watches the ends of both logs. A partition waits when its source has grown since its target last did. */
export class PauseMeter {
  readonly #progress = new Map<string, Progress>();
  #longest: Pause = { ms: 0, partition: '', untilMs: 0 };

  get longest(): Pause {
    return this.#longest;
  }

  /** @param ends by `topic-partition`; what is not known at the moment is left out */
  saw(atMs: number, sourceEnds: ReadonlyMap<string, number>, targetEnds: ReadonlyMap<string, number>): void {
    for (const [partition, sourceEnd] of sourceEnds) {
      const targetEnd = targetEnds.get(partition);
      if (targetEnd !== undefined) this.#sawPartition(atMs, partition, sourceEnd, targetEnd);
    }
  }

  #sawPartition(atMs: number, partition: string, sourceEnd: number, targetEnd: number): void {
    const progress = this.#progress.get(partition);
    if (progress === undefined) {
      this.#progress.set(partition, { targetEnd, sourceEnd, waitingSinceMs: undefined });
      return;
    }
    if (progress.waitingSinceMs !== undefined) {
      const ms = Math.round(atMs - progress.waitingSinceMs);
      if (ms > this.#longest.ms) this.#longest = { ms, partition, untilMs: atMs };
    }
    if (targetEnd > progress.targetEnd) {
      progress.targetEnd = targetEnd;
      progress.sourceEnd = sourceEnd;
      progress.waitingSinceMs = undefined;
    } else if (sourceEnd > progress.sourceEnd) progress.waitingSinceMs ??= atMs;
  }
}

/** Offsets as stretches: how many, and the first of them in words. */
export class Stretches {
  readonly #offsets = new Map<string, number[]>();

  add(partition: string, offset: number): void {
    const offsets = this.#offsets.get(partition);
    if (offsets === undefined) this.#offsets.set(partition, [offset]);
    else offsets.push(offset);
  }

  /** `orders-3 [100..219]`, by partition and offset. */
  list(): string[] {
    return [...this.#offsets].flatMap(([partition, offsets]) =>
      stretchesOf(offsets).map(([first, last]) => `${partition} [${first}..${last}]`),
    );
  }
}

function stretchesOf(offsets: readonly number[]): [number, number][] {
  const stretches: [number, number][] = [];
  for (const offset of [...offsets].sort((a, b) => a - b)) {
    const last = stretches.at(-1);
    if (last !== undefined && offset <= last[1] + 1) last[1] = offset;
    else stretches.push([offset, offset]);
  }
  return stretches;
}
