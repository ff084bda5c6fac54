import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { RecoveryView, RpoView } from '../../../common/api/recovery-shapes.js';
import { type Asked, FakeController, type Reply } from './fake-controller.js';
import { FakeTerminal } from './fake-terminal.js';

const ID = 'failover-20260101000000-abcdef';
const STEP = { act: 'survey', leg: 'out', startedAt: null, endedAt: null, attempts: 1, message: null } as const;
const AT = '2026-01-01T00:00:00.000Z';

function viewOf(state: RecoveryView['state'], extra: Partial<RecoveryView> = {}): RecoveryView {
  return {
    ...{ id: ID, kind: 'failover', route: 'r', reverse: null, dryRun: false, state, step: null, message: null },
    ...{ createdAt: AT, updatedAt: AT, topics: ['t'], options: {}, origin: null, points: [], audit: [] },
    steps: [
      { ...STEP, id: 'survey', state: 'done', evidence: { checks: 6, rows: [{ check: 'topics', verdict: 'ok' }] } },
      {
        ...STEP,
        id: 'stop',
        state: state === 'failed' ? 'failed' : 'done',
        message: state === 'failed' ? 'w1 not released' : null,
        evidence: null,
      },
    ],
    stranded: [
      {
        topic: 't',
        partition: 0,
        records: 4,
        ranges: [
          { from: '5', to: '7' },
          { from: '9', to: '9' },
        ],
        truncated: false,
      },
    ],
    ...extra,
  };
}

async function run(args: readonly string[], answer: (asked: Asked, count: number) => Reply) {
  let count = 0;
  const controller = await FakeController.start((asked) => answer(asked, count++));
  const terminal = new FakeTerminal();
  const pace = { monotonicMs: () => 0, sleep: () => Promise.resolve() };
  try {
    const code = await runCli(args, { terminal, environment: { CAUSEWAY_URL: controller.url }, pace });
    return { out: terminal.stdout, err: terminal.stderr, code, asked: [...controller.asked] };
  } finally {
    await controller.close();
  }
}

describe('recovery programs on the command line', () => {
  test('off a terminal a program needs --yes, and nobody is asked anything before', async () => {
    const { code, asked } = await run(['failover', 'r'], () => ({ body: viewOf('running') }));
    assert.deepEqual([code, asked], [2, []]);
  });

  test('options become the order, times in ms; with --watch each step is said once, and the exit code tells how it ended', async () => {
    const args = [
      'failback',
      'r',
      '-y',
      '--watch',
      '--still',
      '3',
      '--quarantine',
      '.q',
      '--no-switch-back',
      '--confirm',
      'none',
    ];
    const { code, asked, err, out } = await run(args, (_asked, count) => ({
      body: count < 3 ? viewOf('running') : viewOf('done'),
    }));
    assert.equal(code, 0);
    const options = { groups: true, confirm: [], stillMs: 3_000, switchBack: false, quarantineSuffix: '.q' };
    assert.deepEqual(asked[0]?.body, { kind: 'failback', route: 'r', dryRun: false, options });
    assert.equal(err.split('survey ').length, 2);
    assert.match(out, /t-0: 4 records at the old source: 5-7, 9\n/);
    const failed = await run(['failover', 'r', '-y', '--watch'], () => ({ body: viewOf('failed') }));
    assert.equal(failed.code, 3);
    assert.match(failed.out, /causeway recovery resume failover-/);
    assert.match(failed.out, /stop +failed +.*w1 not released/);
  });

  test('a dry run asks nobody, waits for its numbers, and ends with 3 where something stands in the way', async () => {
    const blocked = viewOf('done', {
      dryRun: true,
      steps: [{ ...STEP, id: 'survey', state: 'done', evidence: { blocking: 1 } }],
    });
    const { code, asked, out } = await run(['cutover', 'r', '--dry-run', '--read-only'], () => ({ body: blocked }));
    assert.equal(code, 3);
    const options = { groups: true, reverseCopy: false, readOnlySource: true };
    assert.deepEqual(asked[0]?.body, { kind: 'cutover', route: 'r', dryRun: true, options });
    assert.match(out, /dry run: nothing was changed/);
  });

  test('orders about a program carry their reason', async () => {
    const { asked, code } = await run(['recovery', 'abort', ID, '--reason', 'it is back'], () => ({
      body: viewOf('aborting'),
    }));
    assert.deepEqual(
      [code, asked[0]?.url, asked[0]?.body],
      [0, `/api/v1/recoveries/${ID}/abort`, { reason: 'it is back' }],
    );
  });

  test('an abort that was watched to its end is a success, and says what it undid; unless something could not be', async () => {
    const order = (detail: string) => {
      const audit = [{ at: AT, step: '', event: 'aborted', detail }];
      return run(['recovery', 'abort', ID, '--watch'], () => ({ body: viewOf('aborted', { audit }) }));
    };
    const whole = await order('stop: 1 topics are copied again on route r');
    assert.equal(whole.code, 0);
    assert.match(whole.out, /Given up: stop: 1 topics are copied again on route r\n/);
    assert.equal((await order('fence-producers: not undone: CLUSTER_UNREACHABLE')).code, 3);
  });

  test('numbers that nobody knows are said to be unknown', async () => {
    const evidence = { records: null, unknownPartitions: 2 };
    const steps = [{ ...STEP, act: 'rpo' as const, id: 'rpo', state: 'done' as const, evidence }];
    const { out } = await run(['recovery', 'describe', ID], () => ({ body: viewOf('done', { steps }) }));
    assert.match(out, /rpo +done +records=unknown unknownPartitions=2/);
  });

  test('rpo says what is unknown, and never 0 for it', async () => {
    const view: RpoView = {
      ...{ route: 'r', records: null, seconds: null, p99Records: 12, p99Seconds: 0.44, samples: 9, contactAt: AT },
      topics: [
        { topic: 't', records: 3, seconds: 0.25, partitions: 2, unknown: 0 },
        { topic: 'u', records: null, seconds: null, partitions: 1, unknown: 1 },
      ],
    };
    const { out, asked } = await run(['rpo', 'r'], () => ({ body: view }));
    assert.equal(asked[0]?.url, '/api/v1/routes/r/rpo');
    assert.match(out, /^RPO now of route r: unknown records \/ unknown s\n/);
    assert.match(out, /within 12 records \/ 0\.4 s/);
    assert.match(out, /u +unknown +unknown +1 +1\n/);
  });
});
