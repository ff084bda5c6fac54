import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../../bed/kafka-set.js';

interface TestFiles {
  selectTestFiles(): { readonly fast: readonly string[]; readonly real: readonly string[] };
  batchesOf(files: readonly string[]): readonly (readonly string[])[];
  longestFirst(files: readonly string[]): readonly string[];
}

const script = join(projectRoot(), 'scripts', 'lib', 'test-files.mjs');
const { selectTestFiles, batchesOf, longestFirst } = (await import(pathToFileURL(script).href)) as TestFiles;
const { fast, real } = selectTestFiles();

test('every file is run once, whatever the order', () => {
  assert.ok(fast.length > 100 && real.length > 30);
  assert.deepEqual(batchesOf(fast).flat().sort(), [...fast].sort());
  assert.deepEqual([...longestFirst(real)].sort(), [...real].sort());
});

test('files that are named for their length or their needs are there', () => {
  const named = readFileSync(script, 'utf8').matchAll(/'(test\/\S+\.test\.ts)'/g);
  const missing = [...named].map(([, file]) => file as string).filter((file) => ![...fast, ...real].includes(file));
  assert.deepEqual(missing, []);
});

test('what needs a process of its own shares none', () => {
  const own = batchesOf(fast).filter((batch) => batch.includes('test/unit/kafka/records/missing-codec.test.ts'));
  assert.deepEqual(
    own.map((batch) => batch.length),
    [1],
  );
});
