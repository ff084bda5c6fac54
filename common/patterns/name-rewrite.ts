import { RE2JS } from 're2js';
import { patternFault } from './name-patterns.js';

/** What stands in a replacement for a part of the name: `$1`, `${1}`, `${name}`; `$$` is a dollar sign. */
const REFERENCE = /\$(?:(\d)|\{(\w+)\}|(\$)|)/g;
/** Longer than any topic's name with references in it. */
const MAX_REPLACEMENT_LENGTH = 500;

/** Why the two cannot rewrite names, or undefined. */
export function rewriteFault(match: string, replacement: string): string | undefined {
  const fault = patternFault(match);
  if (fault !== undefined) return fault;
  if (replacement.length > MAX_REPLACEMENT_LENGTH)
    return `the replacement is longer than ${MAX_REPLACEMENT_LENGTH} characters`;
  const regex = RE2JS.compile(match);
  for (const [whole, digit, name, dollar] of replacement.matchAll(REFERENCE)) {
    if (dollar !== undefined) continue;
    const group = digit ?? name;
    if (group === undefined) return `the replacement has "${whole}" without a group; write $$ for a dollar sign`;
    const known = /^\d+$/.test(group) ? Number(group) <= regex.groupCount() : group in regex.namedGroups();
    if (!known) return `the replacement names group ${group}, which the pattern does not have`;
  }
  return undefined;
}

/** A pattern of whole names, and what takes their place. */
export class NameRewrite {
  readonly #regex: RE2JS;
  readonly #replacement: string;

  /** @param match, @param replacement without a `rewriteFault` */
  constructor(match: string, replacement: string) {
    this.#regex = RE2JS.compile(match);
    this.#replacement = replacement;
  }

  /** Undefined: the pattern does not match. A group that took no part is empty. */
  rewrite(name: string): string | undefined {
    const matcher = this.#regex.matcher(name);
    if (!matcher.matches()) return undefined;
    return this.#replacement.replace(REFERENCE, (_whole, digit?: string, group?: string, dollar?: string) => {
      if (dollar !== undefined) return '$';
      const reference = digit ?? group ?? '0';
      return matcher.group(/^\d+$/.test(reference) ? Number(reference) : reference) ?? '';
    });
  }
}
