import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../../bed/kafka-set.js';

/** How many rules each section of the protocol has. */
const RULES: Readonly<Record<number, number>> = { 2: 7, 3: 5, 4: 5, 5: 8, 6: 6, 7: 7, 8: 4 };
/** In the last column instead of a test: the reason why there is none. */
const UNTESTED = /^no test: \S/;

const numbers = Object.entries(RULES).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, i) => `${section}.${i + 1}`),
);

interface Row {
  readonly rule: string;
  readonly code: readonly string[];
  readonly tests: string;
}

function table(): Row[] {
  const text = readFileSync(join(projectRoot(), 'docs/ownership.md'), 'utf8');
  return [...text.matchAll(/^\| (\d\.\d) \| .+ \| (.+) \| (.+) \|$/gm)].map(([, rule = '', code = '', tests = '']) => ({
    rule,
    code: pathsIn(code),
    tests,
  }));
}

const pathsIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);

function testFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Whether a title, or an entry of a table of cases, names the rule. */
function names(source: string, rule: string): boolean {
  const number = rule.replace('.', '\\.');
  return new RegExp(`['"\`](?:[^'"\`\n]*[^\\d.])?${number}(?![.\\d])`).test(source);
}

test('the table has every rule of the protocol once, with code and tests that are there', () => {
  const rows = table();
  assert.deepEqual(
    rows.map(({ rule }) => rule),
    numbers,
  );
  for (const { rule, code, tests } of rows) {
    assert.ok(code.length > 0, rule);
    for (const path of [...code, ...pathsIn(tests)])
      assert.ok(existsSync(join(projectRoot(), path)), `${rule}: ${path}`);
  }
});

test('every rule has a test whose title carries its number, or a reason why not', () => {
  const sources = new Map(testFiles(join(projectRoot(), 'test')).map((path) => [path, readFileSync(path, 'utf8')]));
  for (const { rule, tests } of table()) {
    if (UNTESTED.test(tests)) continue;
    const shown = pathsIn(tests);
    assert.ok(shown.length > 0, rule);
    for (const path of shown) {
      const source = sources.get(join(projectRoot(), path));
      assert.ok(source !== undefined && names(source, rule), `${rule} is in no title of ${path}`);
    }
  }
});
