import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePath, valuesAt } from '../../../common/rules/field-path.js';
import { removeAt, replaceAt } from '../../../common/rules/json-edit.js';

const names = fc.constantFrom('a', 'b', 'c', '0', '1', 'ä"\\', ' ');
const { tree: documents } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(1, -2.5e3, true, null, '', '{"a":1}', '},]', '\\"'),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(names, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const steps = fc.array(fc.constantFrom('a', 'b', '0', '1', '*'), { minLength: 1, maxLength: 4 });

test('what is masked reads as masked, and everything else as before', () => {
  fc.assert(
    fc.property(documents, steps, fc.boolean(), (document, path, blanks) => {
      const text = Buffer.from(JSON.stringify(document, null, blanks ? 1 : 0));
      const parsed = parsePath(path.join('.'));
      const masked = JSON.parse(replaceAt(text, parsed, () => Buffer.from('"M"')).toString());
      assert.deepEqual(
        masked,
        mapped(document, path, () => 'M'),
      );
      assert.ok(valuesAt(masked, parsed).every((value) => value === 'M'));
    }),
    { numRuns: 400 },
  );
});

test('what is removed is gone, and the rest is JSON that reads as before', () => {
  fc.assert(
    fc.property(documents, steps, fc.boolean(), (document, path, blanks) => {
      const text = Buffer.from(JSON.stringify(document, null, blanks ? 1 : 0));
      const removed = JSON.parse(removeAt(text, parsePath(path.join('.'))).toString());
      assert.deepEqual(
        removed,
        mapped(document, path, () => GONE),
      );
    }),
    { numRuns: 400 },
  );
});

const GONE = Symbol('gone');

/** The same by objects. */
function mapped(value: unknown, path: readonly string[], by: () => unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return by();
  if (typeof value !== 'object' || value === null) return value;
  const children = Object.entries(value).map(([key, child]) => {
    return [key, step === '*' || step === key ? mapped(child, rest, by) : child] as const;
  });
  const kept = children.filter(([, child]) => child !== GONE);
  return Array.isArray(value) ? kept.map(([, child]) => child) : Object.fromEntries(kept);
}
