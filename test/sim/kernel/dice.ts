import { type Random, seededRandom } from '../../../common/runtime/random.js';

/** Everything that is left to chance in one place of a world; a place of its own for each, so that one does not shift the others. */
export class Dice implements Random {
  readonly #random: Random;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
  }

  unit(): number {
    return this.#random.unit();
  }

  uuid(): string {
    return this.#random.uuid();
  }

  /** Chances of their own, the same for the same name. */
  of(name: string): Dice {
    let hash = this.#seed ^ 0x9e37_79b9;
    for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x0100_0193);
    return new Dice(hash >>> 0);
  }

  /** In [from, to). */
  between(from: number, to: number): number {
    return from + this.unit() * (to - from);
  }

  /** A whole number in [0, end). */
  below(end: number): number {
    return Math.floor(this.unit() * end);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}
