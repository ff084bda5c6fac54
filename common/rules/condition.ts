import { AvroTime } from '../avro/scalar.js';
import type { RuleCondition, Scalar, ValueTest } from '../model/record-rules.js';
import { TextPattern } from '../patterns/text-pattern.js';
import { isDate } from './condition-faults.js';
import { Unreadable } from './document.js';
import { parsePath } from './field-path.js';
import type { RecordInHand } from './record-in-hand.js';

export type Predicate = (record: RecordInHand) => boolean;

/** @param condition without faults (condition-faults.ts) */
export function compileCondition(condition: RuleCondition): Predicate {
  if ('all' in condition) {
    const parts = condition.all.map(compileCondition);
    return (record) => parts.every((part) => part(record));
  }
  if ('any' in condition) {
    const parts = condition.any.map(compileCondition);
    return (record) => parts.some((part) => part(record));
  }
  if ('not' in condition) {
    const part = compileCondition(condition.not);
    return (record) => !part(record);
  }
  return leaf(condition);
}

type Leaf = Extract<RuleCondition, { on: string }>;

function leaf(condition: Leaf): Predicate {
  switch (condition.on) {
    case 'key': {
      const test = compileTest(condition);
      return (record) => test(record.key === null ? [null] : [record.key.toString('utf8')], record.key !== null);
    }
    case 'timestamp': {
      const test = compileTest(inMs(condition));
      return (record) => test([Number(record.timestamp)], record.timestamp >= 0n);
    }
    case 'header': {
      const test = compileTest(condition);
      const name = Buffer.from(condition.name);
      return (record) => {
        const values = record.headers.filter(([key]) => key.equals(name)).map(([, value]) => value);
        return test(
          values.map((value) => value?.toString('utf8') ?? null),
          values.length > 0,
        );
      };
    }
    case 'field':
    case 'key-field': {
      const test = compileTest(condition);
      const path = parsePath(condition.name);
      const part = condition.on === 'field' ? 'value' : 'key';
      return (record) => {
        const values = record.document(part)?.valuesAt(path) ?? [];
        return test(values, values.length > 0);
      };
    }
  }
}

function inMs({ name: _, ...condition }: Leaf & { readonly name?: string }): ValueTest {
  const ms = (value: Scalar): Scalar => (typeof value === 'string' ? Date.parse(value) : value);
  return Object.fromEntries(
    Object.entries(condition).map(([test, value]) => {
      if (test === 'in') return [test, (value as readonly Scalar[]).map(ms)];
      return [test, test === 'exists' ? value : ms(value as Scalar)];
    }),
  );
}

/** Of several values (repeated headers, a `*` in a path) one is enough. */
type Test = (values: readonly unknown[], exists: boolean) => boolean;

function compileTest(test: ValueTest): Test {
  if (test.exists !== undefined) return (_, exists) => exists === test.exists;
  if (test.equals !== undefined) return some(equalTo(test.equals));
  if (test.in !== undefined) {
    const set = new Set<unknown>(test.in);
    const tests = test.in.map(equalTo);
    return some((value) => (isOfAvro(value) ? tests.some((holds) => holds(value)) : set.has(value)));
  }
  if (test.matches !== undefined) {
    const pattern = new TextPattern(test.matches);
    return some((value) => {
      const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      return (isPlain || isOfAvro(value)) && matches(pattern, String(value));
    });
  }
  const { below, atMost, above, atLeast } = test;
  if (below !== undefined) return compared(below, (value, bound) => value < bound);
  if (atMost !== undefined) return compared(atMost, (value, bound) => value <= bound);
  if (above !== undefined) return compared(above, (value, bound) => value > bound);
  if (atLeast !== undefined) return compared(atLeast, (value, bound) => value >= bound);
  return () => false;
}

type Comparable = string | number | bigint;

/** Numbers are compared with numbers, texts with texts; times with both. */
function compared(bound: string | number, holds: (value: Comparable, bound: Comparable) => boolean): Test {
  const time = msOf(bound);
  return some((value) => {
    if (value instanceof AvroTime) {
      return typeof bound === 'number' ? holds(value.stored, bound) : time !== undefined && holds(value.ms, time);
    }
    if (typeof value === 'bigint') return typeof bound === 'number' && holds(value, bound);
    return typeof value === typeof bound && holds(value as Comparable, bound);
  });
}

function equalTo(expected: Scalar): (value: unknown) => boolean {
  const time = msOf(expected);
  return (value) => {
    if (value instanceof AvroTime) {
      return typeof expected === 'number' ? isSame(value.stored, expected) : time !== undefined && value.ms === time;
    }
    if (typeof value === 'bigint') return typeof expected === 'number' && isSame(value, expected);
    return value === expected;
  };
}

/** A bigint and a number of one value are not identical. */
function isSame(value: number | bigint, expected: number): boolean {
  return value === expected || (typeof value === 'bigint' && !(value < expected) && !(value > expected));
}

/** Undefined: it is no time. */
function msOf(value: Scalar): number | undefined {
  return typeof value === 'string' && isDate(value) ? Date.parse(value) : undefined;
}

function matches(pattern: TextPattern, text: string): boolean {
  if (text.length <= pattern.maxChars) return pattern.matches(text);
  throw new Unreadable(
    `it has a text of ${text.length} characters for a pattern that can be asked about ${pattern.maxChars}`,
  );
}

/** Not to be had from JSON. */
function isOfAvro(value: unknown): value is AvroTime | bigint {
  return typeof value === 'bigint' || value instanceof AvroTime;
}

function some(holds: (value: unknown) => boolean): Test {
  return (values) => values.some(holds);
}
