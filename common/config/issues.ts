import type { z } from 'zod';
import type { ConfigFault, ConfigPath } from './faults.js';
import { samePath } from './faults.js';
import { suggestion } from './nearest.js';
import { isRecord, valueAt } from './schema-tree.js';

type Issue = z.core.$ZodIssue;

/** The schema's complaints in an operator's words. `meant` are keys present under a misspelt name: not missing a second time. */
export function faultsOfIssues(issues: readonly Issue[], root: unknown, meant: readonly ConfigPath[]): ConfigFault[] {
  return issues
    .map((issue): ConfigFault => {
      const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
      return {
        path,
        message: messageOf(issue, path.reduce(valueAt, root)),
        ...(issue.code === 'invalid_key' ? { atKey: true } : {}),
      };
    })
    .filter(({ path, message }) => !(message.startsWith(MISSING) && meant.some((other) => samePath(path, other))));
}

const MISSING = 'is missing';

function messageOf(issue: Issue, found: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeMessage(issue.expected, found);
    case 'invalid_value':
      return choiceMessage(issue.values.map(String), found);
    case 'invalid_union':
      return choiceMessage(((issue as { options?: readonly unknown[] }).options ?? []).map(String), found);
    case 'invalid_key':
      return `illegal name: ${issue.issues[0]?.message ?? 'it has the wrong form'}`;
    case 'too_small':
      return found === undefined ? MISSING : boundMessage(issue.origin, 'at least', issue.minimum);
    case 'too_big':
      return boundMessage(issue.origin, 'at most', issue.maximum);
    default:
      return issue.message;
  }
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a section (key: value lines)',
  record: 'a section (key: value lines)',
  array: 'a list',
};

function typeMessage(expected: string, found: unknown): string {
  const wanted = NAMES[expected] ?? expected;
  if (found === undefined) return `${MISSING}; expected ${wanted}`;
  const advice = expected === 'string' && ['number', 'boolean'].includes(typeof found) ? '; put it in quotes' : '';
  return `expected ${wanted}, found ${nameOf(found)}${advice}`;
}

/** What is there, by kind only: the value could be a secret. */
function nameOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isRecord(value)) return 'a section';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'a number with a fraction';
  return typeof value === 'boolean' ? 'true or false' : 'a string';
}

function choiceMessage(allowed: readonly string[], found: unknown): string {
  const list = allowed.map((value) => `"${value}"`).join(', ');
  if (found === undefined) return `${MISSING}; allowed: ${list}`;
  const said = typeof found === 'string' ? `"${found}"` : nameOf(found);
  const hint = typeof found === 'string' ? suggestion(found, allowed) : '';
  return `${said} is not allowed; allowed: ${list}${hint}`;
}

function boundMessage(origin: string, bound: string, limit: number | bigint): string {
  if (origin === 'string')
    return limit === 1 && bound === 'at least' ? 'must not be empty' : `must have ${bound} ${limit} characters`;
  if (origin === 'array' || origin === 'set')
    return `must have ${bound} ${limit} ${Number(limit) === 1 ? 'entry' : 'entries'}`;
  return `must be ${bound} ${limit}`;
}
