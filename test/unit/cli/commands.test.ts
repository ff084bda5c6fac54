import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { FleetStatus, PartitionView, TopicDetail } from '../../../common/api/fleet-shapes.js';
import { DEFAULT_CONTINUITY } from '../../../common/model/continuity.js';
import { type Asked, FakeController, problem, type Reply } from './fake-controller.js';
import { FakeTerminal } from './fake-terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'causeway-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly asked: readonly Asked[];
}

async function run(
  args: readonly string[],
  answer: (asked: Asked) => Reply = () => problem(404, 'NOT_FOUND', 'no'),
  options: { readonly environment?: Record<string, string>; readonly answer?: string } = {},
): Promise<Run> {
  const controller = await FakeController.start(answer);
  const terminal = new FakeTerminal(options.answer);
  let nowMs = 0;
  const pace = {
    monotonicMs: () => nowMs,
    sleep: (delayMs: number) => {
      nowMs += delayMs;
      return Promise.resolve();
    },
  };
  try {
    const environment = { CAUSEWAY_URL: controller.url, ...options.environment };
    const code = await runCli(args, { terminal, environment, pace });
    return { code, stdout: terminal.stdout, stderr: terminal.stderr, asked: controller.asked };
  } finally {
    await controller.close();
  }
}

const route = (name: string): object => ({
  name,
  source: 'a',
  target: 'b',
  naming: { policy: 'identity' },
  delivery: 'exactly-once',
  start: 'earliest',
  isolation: 'read_committed',
  targetTopics: { create: true },
  compression: 'source',
  onRefusedRecord: 'pause',
  continuity: DEFAULT_CONTINUITY,
  limits: {},
  topics: 0,
  deliveryReason: 'because',
});
const topic = (name: string): object => ({
  route: 'r',
  topic: name,
  targetTopic: name,
  partitions: 'all',
  paused: false,
  skips: [],
  resolutions: [],
  limits: {},
  addedAt: '2026-01-01T00:00:00Z',
});

describe('topic commands', () => {
  test('add posts each topic to the only route and prints what was added', async () => {
    const { code, stdout, asked } = await run(
      ['topic', 'add', 't1', 't2', '--partitions', '3', '-o', 'name'],
      ({ method, body }) =>
        method === 'GET'
          ? { body: { routes: [route('r')], next: null } }
          : { status: 201, etag: '"1"', body: topic((body as { topic: string }).topic) },
    );
    assert.equal(code, 0);
    assert.equal(stdout, 't1\nt2\n');
    assert.deepEqual(
      asked.slice(1).map(({ method, url, body }) => [method, url, body]),
      [
        ['POST', '/api/v1/routes/r/topics', { topic: 't1', partitions: 3, paused: false }],
        ['POST', '/api/v1/routes/r/topics', { topic: 't2', partitions: 3, paused: false }],
      ],
    );
  });

  test('one topic that fails is named with code and fix, does not keep the others, and makes the exit code 1', async () => {
    const { code, stdout, stderr } = await run(['topic', 'add', 'bad', 'good', '-r', 'r', '-o', 'json'], ({ body }) => {
      const { topic: name } = body as { topic: string };
      if (name === 'bad') return problem(422, 'TOPIC_UNKNOWN_AT_SOURCE', 'the source has no such topic', 'Create it.');
      return { status: 201, body: topic(name) };
    });
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), { topics: [topic('good')] });
    assert.equal(stderr, 'bad: TOPIC_UNKNOWN_AT_SOURCE: the source has no such topic\n  Create it.\n');
  });

  test('without --route and with several routes nothing is guessed', async () => {
    const { code, stderr, asked } = await run(['topic', 'add', 't'], () => ({
      body: { routes: [route('r'), route('s')], next: null },
    }));
    assert.equal(code, 2);
    assert.match(stderr, /which route is meant\?\n {2}Add --route; there are r, s\./);
    assert.ok(asked.every(({ method }) => method === 'GET'));
  });

  test('list reads all pages', async () => {
    const { stdout } = await run(['topic', 'list', '-r', 'r', '-o', 'name'], ({ url }) =>
      url.includes('cursor=next')
        ? { body: { topics: [topic('b')], next: null } }
        : { body: { topics: [topic('a')], next: 'next' } },
    );
    assert.equal(stdout, 'a\nb\n');
  });

  test('remove needs --yes off a terminal and a yes on it', async () => {
    const refused = await run(['topic', 'remove', 't', '-r', 'r']);
    assert.equal(refused.code, 2);
    assert.deepEqual(refused.asked, []);
    assert.equal((await run(['topic', 'remove', 't', '-r', 'r'], undefined, { answer: 'n' })).asked.length, 0);
    const gone = (): Reply => ({ status: 200, body: {} });
    const done = await run(['topic', 'remove', 't', '-r', 'r', '--yes'], gone);
    assert.deepEqual(
      [done.code, done.asked[0]?.method, done.asked[0]?.url],
      [0, 'DELETE', '/api/v1/routes/r/topics/t'],
    );
    assert.equal((await run(['topic', 'remove', 't', '-r', 'r'], gone, { answer: 'y' })).code, 0);
  });

  test('pause, resume and expand patch the topic', async () => {
    for (const [args, body] of [
      [['pause', 't'], { paused: true }],
      [['resume', 't'], { paused: false }],
      [['expand', 't', '--partitions', 'all'], { partitions: 'all' }],
    ] as const) {
      const { code, asked } = await run(['topic', ...args, '-r', 'r'], () => ({ body: topic('t') }));
      assert.equal(code, 0);
      assert.deepEqual([asked[0]?.method, asked[0]?.body], ['PATCH', body]);
    }
  });

  test('describe shows partitions, unknown numbers as dashes, and problems', async () => {
    const { stdout, code } = await run(['topic', 'describe', 't', '-r', 'r'], () => ({
      body: detail([5, null], 'KAFKA_ERROR'),
    }));
    assert.equal(code, 0);
    assert.match(stdout, /Topic: {3}t on route r\n/);
    assert.match(stdout, /PARTITION {2}STATE {4}WORKER/);
    assert.match(stdout, /0 {2}running {2}w1/);
    assert.match(stdout, /KAFKA_ERROR: something/);
  });
});

function detail(lags: readonly (number | null)[], code?: string): TopicDetail {
  const partitions = lags.map(
    (lagRecords, partition): PartitionView => ({
      partition,
      worker: 'w1',
      state: 'running',
      reason: null,
      stall: null,
      throttledBy: null,
      thread: 0,
      sourceOffset: '1',
      targetOffset: '1',
      sourceEndOffset: '6',
      lagRecords,
      lagSeconds: 0,
      recordsPerS: 1,
      bytesPerS: 1,
      gapRecords: 0,
    }),
  );
  return {
    route: 'r',
    topic: 't',
    targetTopic: 't',
    paused: false,
    assigned: lags.length,
    excluded: [],
    states: { running: lags.length },
    workers: ['w1'],
    lagRecords: null,
    lagSeconds: 0,
    recordsPerS: 1,
    bytesPerS: 1,
    recordsCopied: 1,
    throttled: 0,
    partitions,
    problems: code === undefined ? [] : [{ route: 'r', topic: 't', code, message: 'something' }],
  };
}

describe('topic wait', () => {
  const wait = ['topic', 'wait', 't', '-r', 'r', '--lag-below', '10', '--timeout', '5', '-o', 'json'];

  test('ends with 0 when every partition runs and is known, and the lag is below', async () => {
    const halted = { ...detail([0]), partitions: detail([0]).partitions.map((each) => ({ ...each, state: 'paused' })) };
    const answers = [detail([]), detail([null, 0]), detail([6, 5]), halted, detail([6, 3])];
    let asked = 0;
    const { code, stdout } = await run(wait, () => ({ body: answers[asked++] }));
    assert.equal(code, 0);
    assert.equal(asked, 5);
    assert.deepEqual(JSON.parse(stdout), { caughtUp: true, topics: [{ topic: 't', lagRecords: 9 }] });
  });

  test('ends with 3 after the timeout, and survives a controller without leader meanwhile', async () => {
    const { code, stderr, asked } = await run(wait, () => problem(503, 'NO_LEADER', 'nobody leads'));
    assert.equal(code, 3);
    assert.match(stderr, /not caught up within 5 s/);
    assert.ok(asked.length >= 10);
  });

  test('ends with 1 at once when the topic is not mirrored', async () => {
    const { code, asked } = await run(wait, () => problem(404, 'TOPIC_UNKNOWN', 'not mirrored'));
    assert.deepEqual([code, asked.length], [1, 1]);
  });
});

describe('route apply', () => {
  test('creates, leaves alone and changes, the latter with the version it read', async () => {
    const file = join(folder, 'routes.yaml');
    writeFileSync(
      file,
      'routes:\n  new: { source: a, target: b }\n  same: { source: a, target: b }\n  other: { source: a, target: b, start: latest }\n',
    );
    const { code, stdout, asked } = await run(['route', 'apply', '-f', file, '-o', 'json'], ({ method, url }) => {
      const name = url.split('/').at(-1) ?? '';
      if (method === 'GET' && name === 'new') return problem(404, 'ROUTE_UNKNOWN', 'no');
      return { body: route(name), etag: '"7"' };
    });
    assert.equal(code, 0);
    const { routes } = JSON.parse(stdout) as { routes: { result: string }[] };
    assert.deepEqual(
      routes.map(({ result }) => result),
      ['created', 'unchanged', 'changed'],
    );
    const puts = asked.filter(({ method }) => method === 'PUT');
    assert.deepEqual(
      puts.map(({ url, ifMatch }) => [url, ifMatch]),
      [
        ['/api/v1/routes/new', undefined],
        ['/api/v1/routes/other', '"7"'],
      ],
    );
  });

  test('needs a file or a route with both clusters', async () => {
    assert.equal((await run(['route', 'apply', 'r', '--source', 'a'])).code, 2);
    assert.equal((await run(['route', 'apply', '-f', join(folder, 'none.yaml')])).code, 2);
  });
});

describe('status --check', () => {
  const healthy: FleetStatus = {
    fleet: 'f',
    fleetId: 'x',
    epoch: 1,
    leader: { controller: 'c', http: 'h', epoch: 1 },
    controllers: [],
    counts: { routes: 1, topics: 1, assigned: 2, workers: 1, answeringWorkers: 1 },
    topics: [detail([0, 0])],
    problems: [],
    alarms: [],
  };

  test('exits 0 when all is in order, 3 with the reasons otherwise', async () => {
    const good = await run(['status', '--check'], () => ({ body: healthy }));
    assert.equal(good.code, 0, good.stderr);
    const broken: readonly [Partial<FleetStatus>, RegExp][] = [
      [{ leader: null }, /no controller leads/],
      [{ problems: null }, /does not tell/],
      [{ problems: [{ route: 'r', topic: 't', code: 'TARGET_CONFLICT', message: 'm' }] }, /TARGET_CONFLICT/],
      [{ counts: { ...healthy.counts, answeringWorkers: 0 } }, /do not answer/],
      [{ topics: [{ ...detail([0]), states: { paused: 1 } }] }, /1 partitions are paused/],
      [{ topics: [{ ...detail([0]), states: {} }] }, /none of its partitions/],
    ];
    for (const [change, reason] of broken) {
      const bad = await run(['status', '--check'], () => ({ body: { ...healthy, ...change } }));
      assert.equal(bad.code, 3);
      assert.match(bad.stderr, reason);
    }
    const paused = { ...detail([0]), paused: true, states: { paused: 1 } };
    assert.equal((await run(['status', '--check'], () => ({ body: { ...healthy, topics: [paused] } }))).code, 0);
  });

  test('without --check the exit code is 0 whatever the state', async () => {
    assert.equal((await run(['status', '-o', 'json'], () => ({ body: { ...healthy, leader: null } }))).code, 0);
  });
});

describe('the connection', () => {
  const empty = (): Reply => ({ body: { workers: [] } });

  test('the token comes from option, file or environment and goes into the header', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, 'from-file\n');
    const header = async (args: readonly string[], environment = {}): Promise<string | undefined> =>
      (await run(['workers', ...args], empty, { environment })).asked[0]?.authorization;
    assert.equal(await header([]), undefined);
    assert.equal(await header(['--token', 't']), 'Bearer t');
    assert.equal(await header(['--token-file', file], { CAUSEWAY_TOKEN: 'e' }), 'Bearer from-file');
    assert.equal(await header([], { CAUSEWAY_TOKEN: 'e' }), 'Bearer e');
    assert.equal((await run(['workers', '--token', 't', '--token-file', file])).code, 2);
  });

  test('a controller that cannot be reached is said with its address, and a wrong address is a usage fault', async () => {
    const closed = await run(['workers', '--url', 'http://127.0.0.1:1']);
    assert.equal(closed.code, 1);
    assert.match(closed.stderr, /CONNECTION_LOST: .*127\.0\.0\.1:1/);
    assert.equal((await run(['workers', '--url', 'localhost:9080'])).code, 2);
  });

  test('usage faults of all kinds exit 2, help and version 0', async () => {
    for (const args of [
      ['nonsense'],
      ['topic'],
      ['topic', 'add'],
      ['workers', '--nope'],
      ['workers', '-o', 'xml'],
      ['worker'],
      [],
    ]) {
      assert.equal((await run(args)).code, 2, args.join(' '));
    }
    for (const args of [['--help'], ['--version'], ['topic', 'add', '--help']]) assert.equal((await run(args)).code, 0);
  });

  test('every role refuses a wrong configuration with 78 and the list of its faults', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'fleat: x\nclusters: {}\n');
    for (const role of ['worker', 'controller', 'standalone']) {
      const { code, stderr, stdout } = await run([role, '-c', file]);
      assert.equal(code, 78, role);
      assert.equal(stdout, '');
      assert.match(stderr, /CONFIG_INVALID: .*\n.*wrong\.yaml:1:1: fleat: unknown key; did you mean "fleet"\?\n/);
    }
    const checked = await run(['config', 'validate', '-c', file, '-o', 'json']);
    assert.equal(checked.code, 78);
    assert.equal((JSON.parse(checked.stdout) as { valid: boolean }).valid, false);
  });
});
