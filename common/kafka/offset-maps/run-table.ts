import type { Run, RunList } from '../../model/offset-map.js';

/** One more run, in the order in which they were written. Offsets are guarded numbers (< 2^53). */
export interface AddedRun {
  readonly source: number;
  readonly target: number;
  readonly length: number;
}

interface DatedRun extends AddedRun {
  readonly order: number;
}

const FIRST_CAPACITY = 16;

/**
 * Runs in order, 24 bytes each. They come as the map topic has them: mostly each behind the one before, sometimes a stretch again, longer or
 * shorter. Where two say different things of a target offset the later one holds; where a source offset was copied twice, the later copy does.
 */
export class RunTable implements RunList {
  #source = new Float64Array(FIRST_CAPACITY);
  #target = new Float64Array(FIRST_CAPACITY);
  #length = new Float64Array(FIRST_CAPACITY);
  #size = 0;
  /** Not behind what was known when they came. */
  #unsorted: AddedRun[] = [];

  get length(): number {
    this.#sort();
    return this.#size;
  }

  /** Of memory. */
  get capacity(): number {
    return this.#source.length + this.#unsorted.length;
  }

  at(index: number): Run | undefined {
    const run = this.numbersAt(index);
    if (run === undefined) return undefined;
    return { source: BigInt(run.source), target: BigInt(run.target), length: BigInt(run.length) };
  }

  numbersAt(index: number): AddedRun | undefined {
    this.#sort();
    if (index < 0 || index >= this.#size) return undefined;
    return {
      source: this.#source[index] as number,
      target: this.#target[index] as number,
      length: this.#length[index] as number,
    };
  }

  *[Symbol.iterator](): Iterator<Run> {
    for (let i = 0; i < this.length; i += 1) yield this.at(i) as Run;
  }

  add(run: AddedRun): void {
    if (this.#unsorted.length > 0 || !this.#append(run)) this.#unsorted.push(run);
  }

  /** Forgets the oldest. @returns how far those reached; undefined: there were none */
  dropOldest(count: number): AddedRun | undefined {
    this.#sort();
    const gone = Math.min(count, this.#size);
    const last = this.numbersAt(gone - 1);
    this.#source = this.#source.slice(gone, this.#size);
    this.#target = this.#target.slice(gone, this.#size);
    this.#length = this.#length.slice(gone, this.#size);
    this.#size -= gone;
    return last;
  }

  /** Runs from this pair on, as far as they lie before `until` at the target. */
  within(from: { readonly source: number; readonly target: number }, until: number): Run[] {
    const runs: Run[] = [];
    for (let i = Math.max(0, this.countBefore(from.source, from.target) - 1); i < this.length; i += 1) {
      const { source, target, length } = this.numbersAt(i) as AddedRun;
      if (target >= until) break;
      const before = Math.max(0, from.source - source, from.target - target);
      const count = Math.min(length, until - target) - before;
      if (count <= 0) continue;
      runs.push({ source: BigInt(source + before), target: BigInt(target + before), length: BigInt(count) });
    }
    return runs;
  }

  /** How many runs begin before both. */
  countBefore(source: number, target: number): number {
    this.#sort();
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [runSource, runTarget] = [this.#source[middle] as number, this.#target[middle] as number];
      // Where copying began may be where the first run begins on one side.
      const isEmpty = this.#length[middle] === 0 && runTarget <= target && runSource <= source;
      if (isEmpty || (runTarget < target && runSource < source)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** False where it is not behind all others. */
  #append({ source, target, length }: AddedRun): boolean {
    const last = this.#size - 1;
    if (last >= 0) {
      const sourceEnd = (this.#source[last] as number) + (this.#length[last] as number);
      const targetEnd = (this.#target[last] as number) + (this.#length[last] as number);
      if (source < sourceEnd || target < targetEnd) return false;
      // Only the first one may be empty.
      if (length === 0) return true;
      if (source === sourceEnd && target === targetEnd) {
        this.#length[last] = (this.#length[last] as number) + length;
        return true;
      }
    }
    if (this.#size === this.#source.length) this.#grow();
    this.#source[this.#size] = source;
    this.#target[this.#size] = target;
    this.#length[this.#size] = length;
    this.#size += 1;
    return true;
  }

  #grow(): void {
    const larger = (numbers: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(Math.max(FIRST_CAPACITY, numbers.length * 2));
      grown.set(numbers);
      return grown;
    };
    this.#source = larger(this.#source);
    this.#target = larger(this.#target);
    this.#length = larger(this.#length);
  }

  #sort(): void {
    if (this.#unsorted.length === 0) return;
    const dated: DatedRun[] = [];
    for (let i = 0; i < this.#size; i += 1) {
      dated.push({
        source: this.#source[i] as number,
        target: this.#target[i] as number,
        length: this.#length[i] as number,
        order: -1,
      });
    }
    for (const [order, run] of this.#unsorted.entries()) dated.push({ ...run, order });
    this.#unsorted = [];
    this.#size = 0;
    for (const run of laterCopies(withoutOverlaps(dated))) this.#append(run);
  }
}

/** By target offset; where two overlap and say different things the later one holds. */
function withoutOverlaps(runs: DatedRun[]): DatedRun[] {
  const pending = runs.sort((a, b) => b.target - a.target || b.order - a.order);
  const sorted: DatedRun[] = [];
  for (let run = pending.pop(); run !== undefined; run = pending.pop()) {
    const last = sorted.at(-1);
    if (last === undefined || last.target + last.length <= run.target) {
      sorted.push(run);
      continue;
    }
    const end = run.target + run.length;
    const lastEnd = last.target + last.length;
    if (run.order < last.order) {
      if (end > lastEnd) insert(pending, cut(run, lastEnd - run.target));
    } else {
      sorted[sorted.length - 1] = { ...last, length: run.target - last.target };
      if (last.length === 0 || run.target === last.target) sorted.pop();
      if (lastEnd > end) insert(pending, cut(last, end - last.target));
      insert(pending, run);
    }
  }
  return sorted;
}

/** Without its first offsets. */
function cut(run: DatedRun, count: number): DatedRun {
  return { ...run, source: run.source + count, target: run.target + count, length: run.length - count };
}

/** Into a list that is sorted by target offset, the highest first. */
function insert(pending: DatedRun[], run: DatedRun): void {
  let at = pending.length;
  while (at > 0 && (pending[at - 1] as DatedRun).target < run.target) at -= 1;
  pending.splice(at, 0, run);
}

/** Of what was copied twice the copy that lies further behind; empty runs but for the first go. */
function laterCopies(sorted: readonly DatedRun[]): DatedRun[] {
  const kept: DatedRun[] = [];
  let next = Number.POSITIVE_INFINITY;
  for (let i = sorted.length - 1; i >= 0; i -= 1) {
    const run = sorted[i] as DatedRun;
    const length = Math.min(run.length, next - run.source);
    if (length < 0 || (length === 0 && i > 0)) continue;
    kept.push({ ...run, length });
    next = run.source;
  }
  return kept.reverse();
}
