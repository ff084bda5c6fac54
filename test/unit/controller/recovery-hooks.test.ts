import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { Recovery, RecoveryStep } from '../../../common/model/recovery.js';
import type { RecoveryHook } from '../../../common/model/recovery-hook.js';
import { type Clock, systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { Hooks } from '../../../controller/recovery/hooks.js';

const RECOVERY = { id: 'failover-1', kind: 'failover', route: 'r', topics: ['t'] } as unknown as Recovery;
const STEP = { id: 'hook-h', act: 'hook', leg: 'out' } as unknown as RecoveryStep;
const BASE = {
  name: 'h',
  when: 'after',
  step: 'groups',
  kinds: [],
  timeoutMs: 2_000,
  retries: 1,
  onFailure: 'stop',
} as const;
/** Waits are over at once. */
const quick: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  after: (delayMs, callback) => systemClock.after(delayMs, callback),
  sleep: () => Promise.resolve(),
};

interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function receiver(statuses: readonly number[]): Promise<{ url: string; calls: Call[]; server: Server }> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      calls.push({ headers: request.headers, body });
      response.statusCode = statuses[calls.length - 1] ?? 500;
      response.end('done');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`, calls, server };
}

const run = (hook: RecoveryHook, name = 'h') =>
  new Hooks({ hooks: [hook], clock: quick, random: systemRandom }).run(
    name,
    RECOVERY,
    STEP,
    new AbortController().signal,
  );

describe('hooks', () => {
  test('a webhook gets what happens as JSON, signed and with its token, and is tried again', async () => {
    const { url, calls, server } = await receiver([503, 204]);
    try {
      const outcome = await run({ ...BASE, type: 'webhook', url, secret: 'sixteen-letters-x', token: 'let-me-in' });
      assert.equal(outcome.kind, 'done');
      assert.equal(calls.length, 2);
      const { headers, body } = calls[1] as Call;
      assert.deepEqual(JSON.parse(body), {
        ...{ hook: 'h', recovery: 'failover-1', kind: 'failover', route: 'r', reverse: null },
        ...{ topics: ['t'], when: 'after', step: 'groups', leg: 'out' },
      });
      const signature = createHmac('sha256', 'sixteen-letters-x').update(body).digest('hex');
      assert.deepEqual(
        [headers['x-causeway-signature'], headers['authorization']],
        [`sha256=${signature}`, 'Bearer let-me-in'],
      );
    } finally {
      server.close();
    }
  });

  test('a webhook that goes on refusing fails its step, without its address or secrets in the reason', async () => {
    const { url, calls, server } = await receiver([]);
    try {
      const outcome = await run({ ...BASE, type: 'webhook', url: `${url}?key=hidden`, token: 'hidden' });
      assert.deepEqual([outcome.kind, calls.length], ['failed', 2]);
      assert.doesNotMatch(JSON.stringify(outcome), /hidden/);
    } finally {
      server.close();
    }
  });

  test('a command is run without a shell, with the JSON as its input', async () => {
    const script =
      'let s="";process.stdin.on("data",c=>s+=c).on("end",()=>console.log(JSON.parse(s).route,process.argv[1],Object.keys(process.env).length<3))';
    const outcome = await run({ ...BASE, type: 'command', command: [process.execPath, '-e', script, '$(x);`y`'] });
    assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
    assert.equal(outcome.kind === 'done' && outcome.evidence?.['output'], 'r $(x);`y` true');
  });

  test('a command that fails, or does not end, fails its step with what it said', async () => {
    const failing = await run({
      ...BASE,
      type: 'command',
      command: [process.execPath, '-e', 'console.error("no zone");process.exit(3)'],
    });
    assert.match(failing.kind === 'failed' ? failing.message : '', /ended with 3: no zone/);
    const endless = { ...BASE, timeoutMs: 200, retries: 0, type: 'command' as const };
    const late = await run({ ...endless, command: [process.execPath, '-e', 'setInterval(() => 0, 1000)'] });
    assert.match(late.kind === 'failed' ? late.message : '', /ended after 200 ms/);
  });

  test('what a command started and left behind does not keep its step waiting; too much output ends it', async () => {
    const base = { ...BASE, timeoutMs: 300, retries: 0, type: 'command' as const };
    const startMs = systemClock.monotonicMs();
    const held = await run({ ...base, command: ['/bin/sh', '-c', 'sleep 30; true'] });
    assert.match(held.kind === 'failed' ? held.message : '', /ended after 300 ms/);
    const left = await run({ ...base, timeoutMs: 5_000, command: ['/bin/sh', '-c', 'echo done; sleep 30 & exit 0'] });
    assert.equal(left.kind === 'done' && left.evidence?.['output'], 'done');
    assert.ok(systemClock.monotonicMs() - startMs < 10_000);
    const loud = await run({ ...base, timeoutMs: 5_000, command: ['/bin/sh', '-c', 'while true; do echo yes; done'] });
    assert.match(loud.kind === 'failed' ? loud.message : '', /wrote more than/);
    const missing = await run({ ...base, command: ['/no/such/command'] });
    assert.match(missing.kind === 'failed' ? missing.message : '', /could not be started: .*ENOENT/);
  });

  test('nothing is begun any more when the reign of its controller is over', async () => {
    const over = AbortSignal.abort();
    const hook = { ...BASE, type: 'command' as const, command: [process.execPath, '-e', 'setInterval(() => 0, 1000)'] };
    const startMs = systemClock.monotonicMs();
    const hooks = new Hooks({ hooks: [hook], clock: quick, random: systemRandom });
    assert.equal((await hooks.run('h', RECOVERY, STEP, over)).kind, 'failed');
    assert.ok(systemClock.monotonicMs() - startMs < 1_500);
  });

  test('a webhook that never answers fails its step in time; one that only tells people does not stop its program', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
    try {
      const hook = { ...BASE, timeoutMs: 200, retries: 2, type: 'webhook' as const, url };
      const silent = await run(hook);
      assert.equal(silent.kind, 'failed');
      const told = await run({ ...hook, onFailure: 'continue' });
      assert.equal(told.kind, 'skipped');
      assert.match(told.kind === 'skipped' ? told.message : '', /^hook h: .*timeout/);
      assert.equal(told.kind === 'skipped' && told.evidence?.['attempts'], 3);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('one that this controller’s file does not have fails, and says so', async () => {
    const outcome = await run({ ...BASE, type: 'command', command: ['true'] }, 'other');
    assert.match(outcome.kind === 'failed' ? outcome.message : '', /not in the configuration/);
  });
});
