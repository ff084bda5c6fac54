import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { SyncPlan } from '../../../common/api/sync-shapes.js';
import { type Asked, FakeController, problem, type Reply } from './fake-controller.js';
import { FakeTerminal } from './fake-terminal.js';

async function run(args: readonly string[], answer: (asked: Asked) => Reply, said?: string) {
  const controller = await FakeController.start(answer);
  const terminal = new FakeTerminal(said);
  const pace = { monotonicMs: () => 0, sleep: () => Promise.resolve() };
  try {
    const code = await runCli(args, { terminal, environment: { CAUSEWAY_URL: controller.url }, pace });
    return { code, stdout: terminal.stdout, stderr: terminal.stderr, asked: controller.asked };
  } finally {
    await controller.close();
  }
}

const HASH = 'a'.repeat(64);
const base = { cluster: 'west', topic: 'orders', sourceTopic: 'orders' };
const change = { ...base, kind: 'config', name: 'retention.ms', action: 'change', before: '1', after: '2' } as const;
const extra = { ...base, kind: 'partitions-extra', action: 'report', before: '4', after: '3' } as const;
const PLAN: SyncPlan = {
  ...{ route: 'r', hash: HASH, at: '2026-01-01T00:00:00.000Z' },
  items: [
    { ...change, reason: 'the source topic has this value', applies: true },
    { ...extra, reason: 'more', applies: false },
  ],
  more: 3,
  unread: [{ part: 'acls', message: 'KAFKA_ERROR: not allowed' }],
};
const applied = (done: boolean): Reply => {
  const results = [{ item: PLAN.items[0], done, error: done ? null : 'KAFKA_ERROR: no' }];
  return { body: { route: 'r', hash: HASH, results } };
};

describe('causeway drift and sync', () => {
  test('drift shows what differs, what would be done about it, and what could not be read', async () => {
    const { code, stdout, asked } = await run(['drift', '--route', 'r'], () => ({ body: PLAN }));
    assert.equal(code, 0);
    assert.match(stdout, /change +config orders retention\.ms +1 +2 +the source topic has this value/);
    assert.match(stdout, /report +partitions-extra orders +4 +3/);
    assert.match(stdout, /not read +acls .*not allowed/);
    assert.match(stdout, /and 3 more/);
    assert.deepEqual([asked[0]?.method, asked[0]?.url], ['GET', '/api/v1/routes/r/drift']);
  });

  test('plan says the hash, apply takes it without asking for another plan', async () => {
    const plan = await run(['sync', 'plan', '--route', 'r'], () => ({ body: PLAN }));
    assert.match(plan.stderr, new RegExp(HASH));
    const { code, asked } = await run(['sync', 'apply', '--route', 'r', '--hash', HASH], () => applied(true));
    assert.equal(code, 0);
    assert.deepEqual(
      asked.map(({ method, url, body }) => [method, url, body]),
      [['POST', '/api/v1/routes/r/apply', { hash: HASH }]],
    );
  });

  test('apply shows the plan and asks; without a yes nothing is sent', async () => {
    const answer = ({ url }: Asked): Reply => (url.endsWith('/plan') ? { body: PLAN } : applied(true));
    const no = await run(['sync', 'apply', '--route', 'r'], answer, 'n');
    assert.equal(no.code, 2);
    assert.equal(no.asked.length, 1);
    assert.match(no.stdout, /retention\.ms/);
    const silent = await run(['sync', 'apply', '--route', 'r'], answer);
    assert.equal(silent.code, 2);
    const yes = await run(['sync', 'apply', '--route', 'r'], answer, 'y');
    assert.equal(yes.code, 0);
    assert.equal(yes.asked.length, 2);
  });

  test('what failed ends with 1, and a plan that is out of date is said', async () => {
    const answer = ({ url }: Asked): Reply => (url.endsWith('/plan') ? { body: PLAN } : applied(false));
    const failed = await run(['sync', 'apply', '--route', 'r', '--yes'], answer);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /no +config orders retention\.ms .*KAFKA_ERROR: no/);
    const stale = await run(['sync', 'apply', '--route', 'r', '--hash', HASH], () =>
      problem(412, 'PRECONDITION_FAILED', 'there is something else to do now'),
    );
    assert.equal(stale.code, 1);
    assert.match(stale.stderr, /something else to do now/);
  });
});
