import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { LocationView, MapSummaries, MapView, TranslationList } from '../../../common/api/offset-shapes.js';
import { type Asked, FakeController, type Reply } from './fake-controller.js';
import { FakeTerminal } from './fake-terminal.js';

async function run(args: readonly string[], answer: (asked: Asked) => Reply, said?: string) {
  const controller = await FakeController.start(answer);
  const terminal = new FakeTerminal(said);
  const pace = { monotonicMs: () => 0, sleep: () => Promise.resolve() };
  try {
    const code = await runCli(['offsets', ...args], { terminal, environment: { CAUSEWAY_URL: controller.url }, pace });
    return { code, stdout: terminal.stdout, stderr: terminal.stderr, asked: controller.asked };
  } finally {
    await controller.close();
  }
}

const names = { route: 'r', topic: 'orders', targetTopic: 'east.orders' };
const nothing = { translated: null, next: null, behind: null, first: null, reason: null };
const list: TranslationList = {
  ...names,
  translations: [
    { ...nothing, partition: 0, offset: '7', kind: 'hole', translated: '5', next: '8' },
    { ...nothing, partition: 1, offset: '2', kind: 'before-mirror', first: { source: '4', target: '0' } },
    { ...nothing, partition: 2, offset: '9', kind: 'unknown', reason: 'it was lost' },
    { ...nothing, partition: 3, offset: '9', kind: 'head', translated: '6', behind: '3' },
  ],
};
const summary: MapSummaries['partitions'][number] = {
  partition: 0,
  timeline: 2,
  isIdentical: false,
  runs: 2,
  lost: 1,
  first: { source: '4', target: '0' },
  head: { source: '20', target: '15' },
};

describe('causeway offsets', () => {
  test('translate says what each answer rests on', async () => {
    const { code, stdout, asked } = await run(['translate', 'r', 'orders', '--group', 'billing'], () => ({
      body: list,
    }));
    assert.equal(code, 0);
    assert.match(stdout, /0 +7 +hole +5 +the next copied record has offset 8/);
    assert.match(stdout, /1 +2 +before-mirror +- +copying began at 4 -> 0/);
    assert.match(stdout, /2 +9 +unknown +- +it was lost/);
    assert.match(stdout, /3 +9 +head +6 +copying is 3 offsets short of it/);
    assert.equal(asked[0]?.url, '/api/v1/routes/r/topics/orders/offsets/translate?group=billing');
  });

  test('a position goes to translate, or with --inverse to inverse; half of one is refused before anybody is asked', async () => {
    const answer = (): Reply => ({ body: list });
    const position = ['--partition', '3', '--offset', '17'];
    const there = await run(['translate', 'r', 'orders', ...position], answer);
    assert.equal(there.asked[0]?.url, '/api/v1/routes/r/topics/orders/offsets/translate?partition=3&offset=17');
    const back = await run(['translate', 'r', 'orders', ...position, '--inverse'], answer);
    assert.equal(back.asked[0]?.url, '/api/v1/routes/r/topics/orders/offsets/inverse?partition=3&offset=17');
    for (const half of [[], ['--offset', '5'], [...position, '--group', 'g'], ['--timestamp', 'yesterday']]) {
      const { code, asked } = await run(['translate', 'r', 'orders', ...half], answer);
      assert.deepEqual([code, asked.length], [2, 0], half.join(' '));
    }
  });

  test('locate shows where the record is, when it was written and which run holds it', async () => {
    const view: LocationView = {
      ...names,
      partition: 3,
      sourceOffset: '17',
      targetPartition: 3,
      isCopied: true,
      targetOffset: '12',
      kind: 'exact',
      reason: null,
      timeline: 1,
      run: { source: '10', target: '5', length: '40' },
      timestampMs: Date.UTC(2026, 0, 2),
    };
    const { stdout } = await run(['locate', 'r', 'orders', '3', '17'], () => ({ body: view }));
    assert.match(
      stdout,
      /orders-3 +17 +yes +exact +east\.orders-3 +12 +2026-01-02T00:00:00\.000Z +10 -> 5, 40 offsets/,
    );
    // A producer may write any 64 bits.
    for (const timestampMs of [Number(2n ** 63n - 1n), -1]) {
      const shown = await run(['locate', 'r', 'orders', '3', '17'], () => ({ body: { ...view, timestampMs } }));
      assert.match(shown.stdout, /east\.orders-3 +12 +- +10 -> 5/, String(timestampMs));
    }
  });

  test('map shows partitions, or the runs of one, what is lost and how to go on', async () => {
    const all = await run(['map', 'r', 'orders'], () => ({ body: { ...names, partitions: [summary] } }));
    assert.match(all.stdout, /0 +2 +no +2 +1 +4 -> 0 +20 -> 15/);
    const range = { from: '8', to: '11' };
    const view: MapView = {
      ...names,
      ...summary,
      entries: [{ source: '4', target: '0', length: '4' }],
      lostStretches: [{ source: range, target: { from: '4', to: '6' }, reason: 'it was lost' }],
      next: 'MQ',
    };
    const one = await run(['map', 'r', 'orders', '--partition', '0', '--limit', '1'], () => ({ body: view }));
    assert.equal(one.asked[0]?.url, '/api/v1/routes/r/topics/orders/offsets/map/0?limit=1');
    assert.match(one.stdout, /4 +0 +4\n/);
    assert.match(one.stdout, /source offsets 8 to 11: it was lost/);
    assert.match(one.stdout, /--cursor MQ/);
  });

  test('rebuild asks before it has logs read', async () => {
    const answer = (): Reply => ({ body: { route: 'r', topic: 'orders', orderedAt: '2026-01-01T00:00:00.000Z' } });
    assert.equal((await run(['rebuild', 'r', 'orders'], answer, 'no')).asked.length, 0);
    const { asked, code } = await run(['rebuild', 'r', 'orders', '--yes'], answer);
    assert.deepEqual(
      [code, asked[0]?.method, asked[0]?.url],
      [0, 'POST', '/api/v1/routes/r/topics/orders/offsets/rebuild'],
    );
  });
});
