import { RE2JS } from 're2js';

/** Steps that one match may take: the pattern's size, as RE2 measures it, by the text's characters. */
const MAX_STEPS = 50_000_000;

/** An operator's pattern (RE2) for texts of any length, each to be matched whole. */
export class TextPattern {
  readonly #regex: RE2JS;
  /** Longer ones would hold everybody up. */
  readonly maxChars: number;

  /** @param pattern without a `patternFault` */
  constructor(pattern: string) {
    this.#regex = RE2JS.compile(pattern);
    this.maxChars = Math.floor(MAX_STEPS / Math.max(1, this.#regex.programSize()));
  }

  /** @param text of at most `maxChars` */
  matches(text: string): boolean {
    return this.#regex.testExact(text);
  }
}
