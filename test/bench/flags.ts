/** Told to the person as it is, with the usage. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The command line of one benchmark: `--name value` pairs and switches, already split. */
export class Flags {
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;

  constructor(values: Readonly<Record<string, string | boolean | undefined>>) {
    this.#values = values;
  }

  /** Short windows, one round: to see that it works, not to measure. */
  get quick(): boolean {
    return this.#values['quick'] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return value === undefined ? undefined : String(value);
  }

  /** @throws UsageError unless a whole number within the bounds. */
  integer(name: string, max: number): number | undefined {
    const text = this.#values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    throw new UsageError(`--${name}: a whole number from 1 to ${max}, not "${text}"`);
  }

  one<T extends string>(name: string, known: readonly T[]): T | undefined {
    const text = this.#values[name];
    if (text === undefined) return undefined;
    const value = known.find((candidate) => candidate === text);
    if (value === undefined) throw new UsageError(`--${name}: ${known.join(' or ')}, not "${text}"`);
    return value;
  }

  /** Values separated by commas, each one of `known`, in the order of `known`. */
  list<T extends string>(name: string, known: readonly T[]): T[] | undefined {
    const text = this.#values[name];
    if (text === undefined) return undefined;
    const wanted = String(text).split(',');
    const stranger = wanted.find((value) => !known.includes(value as T));
    if (stranger !== undefined) throw new UsageError(`--${name}: no "${stranger}"; known: ${known.join(', ')}`);
    return known.filter((value) => wanted.includes(value));
  }

  /** Whole numbers separated by commas. */
  integers(name: string, max: number): number[] | undefined {
    const text = this.#values[name];
    if (text === undefined) return undefined;
    return String(text)
      .split(',')
      .map((part) => new Flags({ [name]: part }).integer(name, max) as number);
  }
}
