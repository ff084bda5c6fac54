/** What the `${...}` references of a text came to. */
export interface Interpolated {
  readonly text: string;
  /** What is wrong with the references; the text is then of no use. */
  readonly faults: readonly string[];
  readonly changed: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$${` (an escaped `${`), or `${` up to the next `}`. */
const REFERENCE = /\$\$\{|\$\{([^}]*)(\})?/g;
const MALFORMED = `malformed reference; write \${NAME} or \${NAME:-default}, and $\${ for a literal \${`;
const FORM = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}` by environment variables; `$${` stands for a literal `${`.
 * As in shells the default also replaces an empty variable; a variable that is not set and has no default is a fault.
 */
export function interpolate(text: string, environment: Environment): Interpolated {
  const faults: string[] = [];
  const result = text.replace(REFERENCE, (whole: string, inner: string | undefined, end: string | undefined) => {
    if (inner === undefined) return '${';
    const match = end === undefined ? null : FORM.exec(inner);
    if (match === null) {
      faults.push(MALFORMED);
      return whole;
    }
    const [, name = '', fallback] = match;
    const value = environment[name];
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value === undefined)
      faults.push(`environment variable ${name} is not set; set it or write \${${name}:-default}`);
    return value ?? '';
  });
  return { text: result, faults, changed: result !== text };
}
