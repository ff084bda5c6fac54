import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../../bed/kafka-set.js';

interface NodeCheck {
  requireNode(version?: string): void;
}

const file = join(projectRoot(), 'scripts', 'lib', 'node-check.mjs');
const { requireNode } = (await import(pathToFileURL(file).href)) as NodeCheck;

test('too old a Node is refused in one sentence that says what to install', () => {
  for (const version of ['18.20.4', '20.18.3']) {
    assert.throws(
      () => requireNode(version),
      /^SetupError: Causeway needs Node\.js 20\.19 or newer, this is [\d.]+: install /,
    );
  }
});

test('Node 20.19 and everything newer is accepted', () => {
  for (const version of ['20.19.0', '20.20.2', '22.0.0', '24.1.0', process.versions.node]) requireNode(version);
});
