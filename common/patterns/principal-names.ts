import { NamePatterns } from './name-patterns.js';
import { NameRewrite } from './name-rewrite.js';

/** How the principals of a source are called at a target, and who is left alone. */
export class PrincipalNames {
  readonly #rules: readonly NameRewrite[];
  readonly #excluded: NamePatterns;

  constructor(policy: {
    readonly map: readonly { readonly match: string; readonly to: string }[];
    readonly exclude: readonly string[];
  }) {
    this.#rules = policy.map.map(({ match, to }) => new NameRewrite(match, to));
    this.#excluded = new NamePatterns(policy.exclude);
  }

  /** Undefined: left alone. */
  at(source: string): string | undefined {
    if (this.#excluded.matching(source) !== undefined) return undefined;
    for (const rule of this.#rules) {
      const name = rule.rewrite(source);
      if (name !== undefined) return name;
    }
    return source;
  }
}
