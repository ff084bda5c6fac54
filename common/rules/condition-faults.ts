import { patternFault } from '../patterns/name-patterns.js';
import { pathFault } from './field-path.js';

/** One thing wrong with rules, and where. */
export interface RuleFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Conditions nest at most so deep, and a rule has at most so many of them. */
const MAX_CONDITION_DEPTH = 6;
const MAX_CONDITIONS = 200;
/** Of an `in`. */
const MAX_VALUES = 1_000;
const MAX_TEXT_LENGTH = 1_000;

const SUBJECTS = ['key', 'header', 'timestamp', 'field', 'key-field'] as const;
const TESTS = ['exists', 'equals', 'in', 'matches', 'below', 'atMost', 'above', 'atLeast'] as const;
const COMBINATIONS = ['all', 'any', 'not'] as const;

/** Everything wrong with a condition; an operator's text may be anything. */
export function conditionFaults(value: unknown, path: RuleFault['path']): readonly RuleFault[] {
  const check = new ConditionCheck();
  check.condition(value, path, 1);
  return check.faults;
}

class ConditionCheck {
  readonly faults: RuleFault[] = [];
  #conditions = 0;

  condition(value: unknown, path: RuleFault['path'], depth: number): void {
    this.#conditions += 1;
    if (this.#conditions === MAX_CONDITIONS + 1) this.#fault(path, `a rule has at most ${MAX_CONDITIONS} conditions`);
    if (this.#conditions > MAX_CONDITIONS) return;
    if (depth > MAX_CONDITION_DEPTH) {
      this.#fault(path, `conditions nest at most ${MAX_CONDITION_DEPTH} deep`);
      return;
    }
    if (!isRecord(value)) {
      this.#fault(path, 'write a condition: {on: ..., equals: ...}, or {all: [...]}, {any: [...]}, {not: ...}');
      return;
    }
    const combination = COMBINATIONS.filter((word) => value[word] !== undefined);
    if (combination.length === 0) this.#leaf(value, path);
    else this.#combined(value, combination[0] as (typeof COMBINATIONS)[number], path, depth);
  }

  #combined(
    value: Record<string, unknown>,
    word: (typeof COMBINATIONS)[number],
    path: RuleFault['path'],
    depth: number,
  ): void {
    for (const key of Object.keys(value)) {
      if (key !== word) this.#fault([...path, key], `${word} stands alone`);
    }
    const parts = value[word];
    if (word === 'not') this.condition(parts, [...path, word], depth + 1);
    else if (!Array.isArray(parts) || parts.length === 0) this.#fault([...path, word], 'write a list of conditions');
    else for (const [i, part] of parts.entries()) this.condition(part, [...path, word, i], depth + 1);
  }

  #leaf(value: Record<string, unknown>, path: RuleFault['path']): void {
    const { on, name } = value;
    const allowed = new Set<string>(['on', 'name', ...TESTS]);
    for (const key of Object.keys(value)) {
      if (!allowed.has(key)) this.#fault([...path, key], `unknown; allowed here: ${[...allowed].join(', ')}`);
    }
    if (!SUBJECTS.includes(on as (typeof SUBJECTS)[number])) {
      this.#fault([...path, 'on'], `one of ${SUBJECTS.join(', ')}`);
      return;
    }
    if (on === 'key' || on === 'timestamp') {
      if (name !== undefined) this.#fault([...path, 'name'], `a ${on} has no name`);
    } else if (typeof name !== 'string' || name === '' || name.length > MAX_TEXT_LENGTH) {
      this.#fault([...path, 'name'], on === 'header' ? 'the header’s name' : 'the path of the field');
    } else if (on === 'field' || on === 'key-field') {
      const fault = pathFault(name);
      if (fault !== undefined) this.#fault([...path, 'name'], fault);
    }
    const tests = TESTS.filter((test) => value[test] !== undefined);
    const [test] = tests;
    if (test === undefined || tests.length > 1) this.#fault(path, `give one of ${TESTS.join(', ')}`);
    else this.#test(on as string, test, value[test], [...path, test]);
  }

  #test(on: string, test: (typeof TESTS)[number], value: unknown, path: RuleFault['path']): void {
    switch (test) {
      case 'exists':
        if (typeof value !== 'boolean') this.#fault(path, 'true or false');
        return;
      case 'equals':
        this.#scalar(on, value, path);
        return;
      case 'in':
        if (!Array.isArray(value) || value.length === 0 || value.length > MAX_VALUES) {
          this.#fault(path, `a list of 1 to ${MAX_VALUES} values`);
        } else for (const [i, one] of value.entries()) this.#scalar(on, one, [...path, i]);
        return;
      case 'matches': {
        const fault = typeof value === 'string' ? patternFault(value) : 'a pattern (RE2) for the whole text';
        if (fault !== undefined) this.#fault(path, fault);
        else if (on === 'timestamp') this.#fault(path, 'timestamps are compared with below, atMost, above, atLeast');
        return;
      }
      default:
        if (typeof value !== 'string' && typeof value !== 'number') this.#fault(path, 'a number or a text');
        else this.#scalar(on, value, path);
    }
  }

  #scalar(on: string, value: unknown, path: RuleFault['path']): void {
    if (on === 'timestamp') {
      if (typeof value === 'number' ? Number.isSafeInteger(value) : isDate(value)) return;
      this.#fault(path, 'a time: ms since 1970, or ISO 8601 such as 2026-01-31T00:00:00Z');
    } else if (typeof value === 'string') {
      if (value.length > MAX_TEXT_LENGTH) this.#fault(path, `a text of at most ${MAX_TEXT_LENGTH} characters`);
    } else if (on !== 'field' && on !== 'key-field' && value !== null) {
      this.#fault(path, `a ${on} is compared with texts`);
    } else if (value !== null && typeof value !== 'boolean' && !Number.isFinite(value)) {
      this.#fault(path, 'a text, a number, true, false or null');
    }
  }

  #fault(path: RuleFault['path'], message: string): void {
    this.faults.push({ path, message });
  }
}

/** With a time zone: without one it would mean another instant in every process. */
export function isDate(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  return (
    /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
