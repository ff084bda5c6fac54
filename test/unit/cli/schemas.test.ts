import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { SchemasView } from '../../../common/api/schema-shapes.js';
import { type Asked, FakeController, problem, type Reply } from './fake-controller.js';
import { FakeTerminal } from './fake-terminal.js';

async function run(args: readonly string[], answer: (asked: Asked) => Reply) {
  const controller = await FakeController.start(answer);
  const terminal = new FakeTerminal();
  const pace = { monotonicMs: () => 0, sleep: () => Promise.resolve() };
  try {
    const code = await runCli(args, { terminal, environment: { CAUSEWAY_URL: controller.url }, pace });
    return { code, stdout: terminal.stdout, stderr: terminal.stderr, asked: controller.asked };
  } finally {
    await controller.close();
  }
}

const VIEW: SchemasView = {
  route: 'r',
  mode: 'api',
  promotedAt: null,
  source: { cluster: 'east', registryMode: 'READWRITE', subjects: 2, versions: 5 },
  target: { cluster: 'west', registryMode: 'IMPORT', subjects: 1, versions: 4 },
  items: [
    {
      kind: 'schema-version',
      action: 'create',
      cluster: 'west',
      subject: 'orders-value',
      version: 3,
      id: 17,
      before: null,
      after: 'AVRO id 17',
      reason: 'at the source, not at the target',
      applies: true,
    },
  ],
  differences: 1,
};

describe('causeway schemas', () => {
  test('drift shows both registries and what differs', async () => {
    const { code, stdout, asked } = await run(['schemas', 'drift', '--route', 'r'], () => ({ body: VIEW }));
    assert.equal(code, 0);
    assert.match(stdout, /west: 1 subjects, 4 versions, mode IMPORT/);
    assert.match(stdout, /schema-version +orders-value +3 +17 +create +- +AVRO id 17/);
    assert.deepEqual([asked[0]?.method, asked[0]?.url], ['GET', '/api/v1/routes/r/schemas']);
  });

  test('sync and promote send what was said, and nothing that was not', async () => {
    const done = { route: 'r', dryRun: true, registered: 2, deleted: 0, levels: 1, left: 0, registryMode: 'IMPORT' };
    const sync = await run(['schemas', 'sync', '--route', 'r', '--dry-run', '--takeover'], () => ({ body: done }));
    assert.deepEqual(sync.asked[0]?.body, { dryRun: true, takeover: true, resume: false });
    assert.match(sync.stdout, /TO REGISTER/);
    const view = {
      route: 'r',
      promotedAt: '2026-01-01T00:00:00.000Z',
      before: 'IMPORT',
      registryMode: 'READWRITE',
      lastSync: null,
    };
    const promote = await run(['schemas', 'promote', '--route', 'r', '--reason', 'x', '--no-last-sync'], () => ({
      body: view,
    }));
    assert.deepEqual(
      [promote.asked[0]?.url, promote.asked[0]?.body],
      ['/api/v1/routes/r/schemas/promote', { reason: 'x', lastSync: false }],
    );
    assert.match(promote.stdout, /IMPORT +READWRITE +not asked for/);
  });

  test('conflicts are told as they are', async () => {
    const { code, stderr } = await run(['schemas', 'sync', '--route', 'r'], () =>
      problem(409, 'SCHEMA_CONFLICT', 'id 1 is a at the source and b at the target'),
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /id 1 is a at the source and b at the target/);
  });
});
