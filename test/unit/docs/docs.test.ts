import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { buildProgram } from '../../../cli/cli.js';
import type { CliDeps } from '../../../cli/deps.js';
import { openApiDocument } from '../../../common/api/openapi.js';
import { formatFault } from '../../../common/config/faults.js';
import { checkConfigText } from '../../../common/config/load.js';
import {
  commandTable,
  comparePage,
  configurationTable,
  errorTable,
  metricTable,
  projectRoot,
  stallTable,
} from './generated-docs.js';

const quiet: CliDeps = {
  terminal: { out: () => undefined, err: () => undefined, interactive: false, ask: () => Promise.resolve('') },
  environment: {},
  pace: { monotonicMs: () => 0, sleep: () => Promise.resolve() },
  exit: () => undefined,
};

describe('the documentation', () => {
  const pages: readonly (readonly [string, () => string])[] = [
    ['configuration.md', configurationTable],
    ['errors.md', errorTable],
    ['metrics.md', metricTable],
    ['stalls.md', stallTable],
    ['cli.md', () => commandTable(buildProgram(quiet))],
  ];
  for (const [page, generate] of pages) {
    test(`docs/${page} lists exactly what the code has`, () => {
      const { found, wanted } = comparePage(page, generate());
      assert.equal(found, wanted);
    });
  }

  test('docs/rest.md names every operation of the API', () => {
    const text = readFileSync(join(projectRoot(), 'docs', 'rest.md'), 'utf8');
    const { paths = {} } = openApiDocument();
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item)
        .filter((method) => ['get', 'put', 'post', 'patch', 'delete'].includes(method))
        .map((method) => `\`${method.toUpperCase()} ${path.replace('/api/v1', '')}\``),
    );
    assert.ok(operations.length > 10);
    assert.deepEqual(
      operations.filter((operation) => !text.includes(operation)),
      [],
    );
  });

  const documents = [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync(join(projectRoot(), 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];

  test('every relative link leads to a file', () => {
    for (const document of documents) {
      const text = readFileSync(join(projectRoot(), document), 'utf8');
      for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        assert.ok(existsSync(join(projectRoot(), dirname(document), target)), `${document}: ${target}`);
      }
    }
  });

  test('every configuration sample is a valid configuration', () => {
    let samples = 0;
    for (const document of documents) {
      const text = readFileSync(join(projectRoot(), document), 'utf8');
      for (const [, sample = ''] of text.matchAll(/```yaml\n([\s\S]*?)```/g)) {
        if (!/^coordination:/m.test(sample)) continue;
        samples += 1;
        const outcome = checkConfigText(sample, document, {
          environment: { CAUSEWAY_TOKEN: '0123456789abcdef', POD_NAME: 'w' },
        });
        assert.ok(outcome.ok, outcome.ok ? '' : outcome.faults.map(formatFault).join('\n'));
      }
    }
    assert.ok(samples >= 2);
  });
});
