import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { configReference } from '../../../common/config/reference.js';
import { ERROR_CODES } from '../../../common/errors/codes.js';
import { STALLS } from '../../../common/model/stalls.js';
import { METRICS } from '../../../common/observability/metric-catalogue.js';

const BEGIN = '<!-- generated from the code; UPDATE_DOCS=1 npm test writes it anew -->';
const END = '<!-- end of the generated part -->';

export function projectRoot(folder: string = dirname(fileURLToPath(import.meta.url))): string {
  try {
    const parsed = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly name?: string };
    if (parsed.name === 'causeway') return folder;
  } catch {
    // Further up.
  }
  return projectRoot(dirname(folder));
}

/** The generated part of a page, as it is and as it should be; with UPDATE_DOCS=1 the page is written first. */
export function comparePage(page: string, wanted: string): { readonly found: string; readonly wanted: string } {
  const path = join(projectRoot(), 'docs', page);
  let text = readFileSync(path, 'utf8');
  const bounds = (): [number, number] => [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  if (process.env['UPDATE_DOCS'] === '1') {
    const [begin, end] = bounds();
    text = `${text.slice(0, begin)}\n\n${wanted.trim()}\n\n${text.slice(end)}`;
    writeFileSync(path, text);
  }
  const [begin, end] = bounds();
  return { found: text.slice(begin, end).trim(), wanted: wanted.trim() };
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

export function configurationTable(): string {
  const lines = configReference().map(({ path, form, defaultText, required, meaning }) => {
    const fallback = defaultText === undefined ? (required ? 'required' : '') : `\`${defaultText}\``;
    return row(`\`${path}\``, cell(form), fallback, meaning.replaceAll('|', '\\|'));
  });
  return ['| Key | Form | Default | Meaning |', '|---|---|---|---|', ...lines].join('\n');
}

export function errorTable(): string {
  const lines = Object.entries(ERROR_CODES).map(([code, { httpStatus, exitCode, retryable, meaning }]) =>
    row(`\`${code}\``, String(httpStatus), String(exitCode), retryable ? 'yes' : 'no', meaning),
  );
  return ['| Code | HTTP | Exit | Retry | Meaning |', '|---|---|---|---|---|', ...lines].join('\n');
}

export function metricTable(): string {
  const lines = Object.entries(METRICS).map(([name, { type, labels, help }]) =>
    row(`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help),
  );
  return ['| Metric | Type | Labels | Meaning |', '|---|---|---|---|', ...lines].join('\n');
}

const CURES = {
  source: 'the source',
  target: 'the target',
  operator: 'whoever set the limit',
  move: 'another worker',
  worker: 'the worker itself',
} as const;

export function stallTable(): string {
  const lines = Object.entries(STALLS).map(([code, { cure, meaning, fix }]) =>
    row(`\`${code}\``, meaning, CURES[cure], fix),
  );
  return ['| Cause | Meaning | Who can help | What to do |', '|---|---|---|---|', ...lines].join('\n');
}

/** Said once above the table. */
const SHARED_OPTIONS = new Set(['--url', '--token', '--token-file', '--output', '--debug']);

/** Every command with its arguments and options, in the order of the help. */
export function commandTable(program: Command): string {
  const lines: string[] = [];
  const visit = (command: Command, path: string): void => {
    if (command.commands.length > 0) {
      for (const child of command.commands) visit(child, `${path} ${child.name()}`);
      return;
    }
    const words = command.registeredArguments.map((argument) => {
      const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
      return argument.required ? `<${name}>` : `[${name}]`;
    });
    const options = command.options
      .filter((option) => !option.hidden && !SHARED_OPTIONS.has(option.long ?? ''))
      .map((option) => `\`${option.flags}\``);
    lines.push(
      row(`\`${[path, ...words].join(' ')}\``, command.description(), options.join(' ').replaceAll('|', '\\|')),
    );
  };
  visit(program, program.name());
  return ['| Command | What it does | Options |', '|---|---|---|', ...lines].join('\n');
}
