/** Names of one pattern, and combinations of its parts, that are worth trying. */
const MAX_SAMPLES = 32;
/** A pattern's groups nest as deep as people write. */
const MAX_DEPTH = 10;

/** The one name that the pattern is, where it is a name; an unescaped dot counts as the dot that was meant. */
export function literalName(pattern: string): string | undefined {
  return /^[\w-]+(?:\\?\.[\w-]+)*$/.test(pattern) ? pattern.replaceAll('\\.', '.') : undefined;
}

/**
 * Some names that a pattern (RE2) may match: what of it is understood is tried with few and many, the rest is left out. Nothing says that they
 * do match: ask the pattern.
 */
export function sampleNames(pattern: string): readonly string[] {
  const literal = literalName(pattern);
  return literal === undefined ? new Sampler(pattern).names() : [literal];
}

class Sampler {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  names(): readonly string[] {
    return this.#alternatives(0);
  }

  #alternatives(depth: number): readonly string[] {
    const found = [...this.#sequence(depth)];
    while (this.#text[this.#at] === '|') {
      this.#at += 1;
      found.push(...this.#sequence(depth));
    }
    return [...new Set(found)].slice(0, MAX_SAMPLES);
  }

  #sequence(depth: number): readonly string[] {
    let found: readonly string[] = [''];
    while (this.#at < this.#text.length && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      const tails = this.#repeated(this.#atom(depth));
      found = found.flatMap((head) => tails.map((tail) => head + tail)).slice(0, MAX_SAMPLES);
    }
    return found;
  }

  #repeated(atom: readonly string[]): readonly string[] {
    const [, count] = this.#take(/^\{(\d{1,3})(?:,\d*)?\}\??/) ?? [];
    if (count !== undefined) return atom.map((one) => one.repeat(Number(count)));
    const [sign] = this.#take(/^[*+?]\??/) ?? [];
    return sign === undefined || sign.startsWith('+') ? atom : ['', ...atom];
  }

  #atom(depth: number): readonly string[] {
    const [group] = this.#take(/^\((?:\?P?<\w+>|\?[a-zA-Z]*:)?/) ?? [];
    if (group !== undefined && depth < MAX_DEPTH) {
      const found = this.#alternatives(depth + 1);
      this.#at += 1;
      return found;
    }
    const [set] = this.#take(/^\[\^?\]?(?:\\.|[^\]\\])*\]/) ?? [];
    if (set !== undefined) return set.startsWith('[^') ? ['x', '0'] : [set.replace(/^\[\\?/, '')[0] ?? 'x'];
    const [escaped] = this.#take(/^\\./s) ?? [];
    if (escaped !== undefined) return [CLASSES[escaped] ?? (escaped[1] as string)];
    const char = this.#text[this.#at] as string;
    this.#at += 1;
    if (char === '^' || char === '$') return [''];
    return char === '.' ? ['x', '.'] : [char];
  }

  #take(form: RegExp): RegExpExecArray | undefined {
    const found = form.exec(this.#text.slice(this.#at));
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found;
  }
}

const CLASSES: Readonly<Record<string, string>> = {
  '\\d': '0',
  '\\w': 'x',
  '\\D': 'x',
  '\\b': '',
  '\\A': '',
  '\\z': '',
};
