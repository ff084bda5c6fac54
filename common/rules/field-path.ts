import type { PathStep } from '../model/field-path.js';

/** Longer paths, or deeper ones, nobody writes by hand. */
export const MAX_PATH_LENGTH = 300;
export const MAX_PATH_DEPTH = 16;

/** The key or value itself. */
const ITSELF = '.';

/** Why the text is no path of a field; undefined: it is one. */
export function pathFault(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text === ITSELF) return undefined;
  if (text.length > MAX_PATH_LENGTH) return `it is longer than ${MAX_PATH_LENGTH} characters`;
  const names = split(text);
  if (names.length > MAX_PATH_DEPTH) return `it has more than ${MAX_PATH_DEPTH} steps`;
  return names.some((name) => name === '') ? 'a step of it is empty (a dot within a name is written \\.)' : undefined;
}

/** @param text without a `pathFault` */
export function parsePath(text: string): readonly PathStep[] {
  if (text === ITSELF) return [];
  return split(text).map((name) => {
    if (name === '*') return { any: true };
    const plain = name === '\\*' ? '*' : name;
    return { any: false, name: plain, index: /^(0|[1-9]\d{0,8})$/.test(plain) ? Number(plain) : -1 };
  });
}

/** As `parsePath` reads it. */
export function pathText(path: readonly PathStep[]): string {
  if (path.length === 0) return ITSELF;
  return path.map((step) => (step.any ? '*' : step.name === '*' ? '\\*' : step.name.replaceAll('.', '\\.'))).join('.');
}

/** At dots, but for those behind a backslash. */
function split(text: string): string[] {
  const names: string[] = [];
  let name = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '\\' && text[i + 1] === '.') {
      name += '.';
      i += 1;
    } else if (char === '.') {
      names.push(name);
      name = '';
    } else {
      name += char;
    }
  }
  return [...names, name];
}

/** Every value at the path; several where it has a `*`. */
export function valuesAt(document: unknown, path: readonly PathStep[]): unknown[] {
  let found: unknown[] = [document];
  for (const step of path) {
    found = found.flatMap((value) => {
      if (typeof value !== 'object' || value === null) return [];
      if (step.any) return Object.values(value);
      if (Array.isArray(value)) return step.index >= 0 && step.index < value.length ? [value[step.index]] : [];
      return Object.hasOwn(value, step.name) ? [(value as Record<string, unknown>)[step.name]] : [];
    });
  }
  return found;
}
