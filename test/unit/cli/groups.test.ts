import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { GroupView } from '../../../common/api/group-shapes.js';
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

const position: GroupView['positions'][number] = {
  topic: 'orders',
  partition: 3,
  targetTopic: 'east.orders',
  sourceOffset: '100',
  translated: '97',
  quality: 'exact',
  targetOffset: '90',
  verdict: 'refuse',
  reason: 'moved',
  detail: null,
  rereads: '7',
};
const counts = { groups: 2, positions: 1, written: 0, kept: 0, refused: 1, rereads: '7' };
const head = { route: 'r', at: '2026-01-01T00:00:00.000Z', counts };
const moved: GroupView = { group: 'billing', targetGroup: 'dr-billing', fault: null, positions: [position] };
const broken: GroupView = { group: 'search', targetGroup: 'search', fault: 'it does not answer', positions: [] };

describe('causeway groups', () => {
  test('list goes through all pages, and says where a group stands, what becomes of it and why', async () => {
    const { code, stdout, asked } = await run(['groups', 'list', 'r'], ({ url }) =>
      url.includes('cursor=next')
        ? { body: { ...head, groups: [broken], next: null } }
        : { body: { ...head, groups: [moved], next: 'next' } },
    );
    assert.equal(code, 0);
    assert.match(stdout, /billing -> dr-billing +orders-3 +100 +97 +90 +refuse +moved +7/);
    assert.match(stdout, /search .*refuse +it does not answer/);
    assert.deepEqual(
      asked.map(({ method, url }) => [method, url.replace(/\?.*/, '')]),
      [
        ['GET', '/api/v1/routes/r/groups'],
        ['GET', '/api/v1/routes/r/groups'],
      ],
    );
  });

  test('sync asks for what was said; an overwriting one is confirmed first, and refused without a word', async () => {
    const answer = (): Reply => ({ body: { ...head, groups: [moved], dryRun: false, truncated: false } });
    const plain = await run(['groups', 'sync', 'r', '--group', 'billing', 'search'], answer);
    assert.deepEqual(plain.asked[0]?.body, { takeover: false, dryRun: false, groups: ['billing', 'search'] });
    const dry = await run(['groups', 'sync', 'r', '--takeover', '--dry-run'], answer);
    assert.deepEqual(dry.asked[0]?.body, { takeover: true, dryRun: true });
    const refused = await run(['groups', 'sync', 'r', '--takeover'], answer, 'n');
    assert.deepEqual([refused.code === 0, refused.asked], [false, []]);
    const agreed = await run(['groups', 'sync', 'r', '--takeover', '--allow-rewind', '--yes'], answer);
    assert.deepEqual(agreed.asked[0]?.body, { takeover: true, dryRun: false, allowRewind: true });
  });

  test('what the controller refuses is said with its code', async () => {
    const { code, stderr } = await run(['groups', 'list', 'none'], () =>
      problem(404, 'ROUTE_UNKNOWN', 'no such route'),
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /^ROUTE_UNKNOWN: /);
  });
});
