import { RE2JS } from 're2js';

/** Longer than anybody writes; bounds what compiling one costs. */
export const MAX_PATTERN_LENGTH = 500;
export const MAX_PATTERNS = 200;
/** RE2's own measure of what matching one character may cost: a few nested counts multiply quickly. */
const MAX_PROGRAM_SIZE = 10_000;

/** A fleet has far fewer; the oldest is forgotten first. */
const MAX_REMEMBERED_FAULTS = 2_000;
/** Records name the same patterns whenever they are read, and compiling one costs more than all the rest of reading. */
const faults = new Map<string, string | undefined>();

/** Why the pattern cannot be used, or undefined. Patterns are RE2's: no look-around, no back references, time linear in the name. */
export function patternFault(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN_LENGTH) return `it is longer than ${MAX_PATTERN_LENGTH} characters`;
  if (faults.has(pattern)) return faults.get(pattern);
  const fault = compileFault(pattern);
  if (faults.size >= MAX_REMEMBERED_FAULTS) faults.delete(faults.keys().next().value as string);
  faults.set(pattern, fault);
  return fault;
}

function compileFault(pattern: string): string | undefined {
  try {
    return RE2JS.compile(pattern).programSize() > MAX_PROGRAM_SIZE ? 'it is too costly: use smaller counts' : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Operators' patterns; each has to match the whole name, as MirrorMaker 2's and uReplicator's do. */
export class NamePatterns {
  readonly #compiled: readonly { readonly pattern: string; readonly regex: RE2JS }[];

  /** @param patterns without a `patternFault` */
  constructor(patterns: readonly string[]) {
    this.#compiled = patterns.map((pattern) => ({ pattern, regex: RE2JS.compile(pattern) }));
  }

  /** The first pattern that matches the whole name. */
  matching(name: string): string | undefined {
    return this.#compiled.find(({ regex }) => regex.testExact(name))?.pattern;
  }
}
