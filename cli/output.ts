import { stringify } from 'yaml';
import { CausewayError } from '../common/errors/error.js';

export type OutputFormat = 'table' | 'json' | 'yaml' | 'name';
export const OUTPUT_FORMATS: readonly OutputFormat[] = ['table', 'json', 'yaml', 'name'];

/** Where data and talk go; a double stands in for it in tests. */
export interface Terminal {
  /** Data: stdout. */
  out(text: string): void;
  /** Talk: stderr. */
  err(text: string): void;
  /** A person can be asked and will see the question. */
  readonly interactive: boolean;
  /** The answer to a question on stderr. */
  ask(question: string): Promise<string>;
}

/** What a command found: the value as REST gave it, and how to show it as rows. */
export interface Result {
  readonly value: unknown;
  /** Column heads without spaces; the first column is the name. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Lines above the table. */
  readonly preface?: readonly string[];
  /** Lines below the table. */
  readonly notes?: readonly string[];
  /** Said on stderr under a table that has no rows. */
  readonly empty?: string;
}

/** Lines below a table: what should be known of something that was saved. @param of which of several it is */
export function warningNotes(warnings: readonly string[], of?: string): readonly string[] {
  return warnings.map((warning) => `Warning: ${of === undefined ? '' : `${of}: `}${warning}`);
}

export function printResult(terminal: Terminal, format: OutputFormat, result: Result): void {
  switch (format) {
    case 'json':
      terminal.out(`${JSON.stringify(result.value, undefined, 2)}\n`);
      return;
    case 'yaml':
      terminal.out(stringify(result.value));
      return;
    case 'name':
      for (const row of result.rows) terminal.out(`${printable(row[0] ?? '')}\n`);
      return;
    case 'table':
      for (const line of result.preface ?? []) terminal.out(`${printable(line)}\n`);
      if (result.rows.length > 0) terminal.out(formatTable(result.columns, result.rows));
      else if (result.empty !== undefined) terminal.err(`${result.empty}\n`);
      for (const line of result.notes ?? []) terminal.out(`${printable(line)}\n`);
      return;
  }
}

/** Left-aligned columns two spaces apart, as kubectl prints them; numbers to the right. */
export function formatTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [columns, ...rows].map((row) => columns.map((_, i) => printable(row[i] ?? '')));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  const numeric = columns.map((_, i) => rows.length > 0 && rows.every((row) => /^(?:-?[\d.,]+|-)$/.test(row[i] ?? '')));
  const lines = cells.map((row) =>
    row
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** Names and messages come from brokers and people: control characters must not reach the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

/**
 * Asks before something is destroyed; a script says `--yes`.
 * @throws USAGE when nobody can be asked, or the answer was not yes
 */
export async function confirm(terminal: Terminal, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!terminal.interactive) {
    throw new CausewayError('USAGE', 'this needs a confirmation and nobody can be asked', { fix: 'Add --yes.' });
  }
  const answer = await terminal.ask(`${printable(question)} [y/N] `);
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new CausewayError('USAGE', 'not confirmed; nothing was changed');
}
