/** Keys and list positions from the top of the file. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong with a configuration. */
export interface ConfigFault {
  readonly path: ConfigPath;
  /** What is wrong and what would be right; never the value of a secret. */
  readonly message: string;
  /** True when the key itself is wrong: the position is then the key's, not the value's. */
  readonly atKey?: boolean;
}

/** A fault and where it stands in the file (both from 1). */
export interface PlacedFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `clusters.source.bootstrap[0]`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** `file:line:column: path: message`, as editors and compilers know it. */
export function formatFault(fault: PlacedFault): string {
  const path = fault.path === '' ? '' : `${fault.path}: `;
  return `${fault.file}:${fault.line}:${fault.column}: ${path}${fault.message}`;
}

export function samePath(a: ConfigPath, b: ConfigPath): boolean {
  return a.length === b.length && a.every((part, i) => String(part) === String(b[i]));
}
