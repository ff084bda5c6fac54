import type { RuleCondition, Scalar, ValueTest } from '../model/record-rules.js';
import { NamePatterns } from '../patterns/name-patterns.js';
import { parsePath, valuesAt } from './json-path.js';
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
    case 'field': {
      const test = compileTest(condition);
      const path = parsePath(condition.name);
      return (record) => {
        const values = valuesAt(record.document(), path);
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
  if (test.equals !== undefined) return some((value) => value === test.equals);
  if (test.in !== undefined) {
    const set = new Set<unknown>(test.in);
    return some((value) => set.has(value));
  }
  if (test.matches !== undefined) {
    const pattern = new NamePatterns([test.matches]);
    return some((value) => {
      const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      return isPlain && pattern.matching(String(value)) !== undefined;
    });
  }
  const { below, atMost, above, atLeast } = test;
  if (below !== undefined) return some((value) => alike(value, below) && value < below);
  if (atMost !== undefined) return some((value) => alike(value, atMost) && value <= atMost);
  if (above !== undefined) return some((value) => alike(value, above) && value > above);
  if (atLeast !== undefined) return some((value) => alike(value, atLeast) && value >= atLeast);
  return () => false;
}

function some(holds: (value: unknown) => boolean): Test {
  return (values) => values.some(holds);
}

/** Numbers are compared with numbers, texts with texts. */
function alike<T extends string | number>(value: unknown, bound: T): value is T {
  return typeof value === typeof bound;
}
