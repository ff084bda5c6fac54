import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as settle } from 'node:timers/promises';
import { CausewayError } from '../../../common/errors/error.js';
import { createLogger } from '../../../common/observability/logger.js';
import type { HostEvent, ProcessHost } from '../../../common/process/process-host.js';
import { type RoleSpec, type RunningRole, runRole } from '../../../common/process/run-role.js';
import { packageVersion } from '../../../common/process/version.js';
import type { Clock, Timer } from '../../../common/runtime/clock.js';

class FakeHost implements ProcessHost {
  readonly exits: number[] = [];
  readonly #listeners = new Map<HostEvent, (detail: unknown) => void>();

  on(event: HostEvent, listener: (detail: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  emit(event: HostEvent, detail?: unknown): void {
    this.#listeners.get(event)?.(detail);
  }
}

class FakeClock implements Clock {
  readonly timers: { readonly delayMs: number; readonly fire: () => void; cancelled: boolean }[] = [];
  wallMs = (): number => 0;
  monotonicMs = (): number => 0;
  sleep = (): Promise<void> => Promise.resolve();

  after(delayMs: number, fire: () => void): Timer {
    const timer = { delayMs, fire, cancelled: false };
    this.timers.push(timer);
    return {
      cancel: () => {
        timer.cancelled = true;
      },
    };
  }
}

interface Scene {
  readonly host: FakeHost;
  readonly clock: FakeClock;
  readonly events: string[];
  readonly lines: Record<string, unknown>[];
}

function scene(start: RoleSpec['start']): Scene {
  const host = new FakeHost();
  const clock = new FakeClock();
  const lines: Record<string, unknown>[] = [];
  const events: string[] = [];
  const destination = {
    write: (line: string): void => {
      const parsed = JSON.parse(line) as Record<string, unknown>;
      lines.push(parsed);
      events.push(String(parsed['event']));
    },
  };
  const logger = createLogger({ level: 'debug', base: { role: 'worker', id: 'w1' }, destination });
  runRole({ version: '1.2.3', logger, clock, shutdownTimeoutMs: 20_000, start }, host);
  return { host, clock, events, lines };
}

const running = (close: () => Promise<void>): RunningRole => ({ facts: { http: 'http://127.0.0.1:1' }, close });
const never = (): Promise<never> => new Promise(() => undefined);

describe('a role’s process', () => {
  test('says process.started with role, id, version and address', async () => {
    const { lines } = scene(async () => running(async () => undefined));
    await settle();
    const { event, role, id, version, http } = lines[0] ?? {};
    assert.deepEqual(
      { event, role, id, version, http },
      {
        event: 'process.started',
        role: 'worker',
        id: 'w1',
        version: '1.2.3',
        http: 'http://127.0.0.1:1',
      },
    );
  });

  test('closes on SIGTERM and SIGINT and exits 0', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      let closed = 0;
      const { host, clock, events } = scene(async () =>
        running(async () => {
          closed += 1;
        }),
      );
      await settle();
      host.emit(signal);
      await settle();
      assert.equal(closed, 1);
      assert.deepEqual(host.exits, [0]);
      assert.deepEqual(events, ['process.started', 'process.stopping', 'process.stopped']);
      assert.ok(clock.timers[0]?.cancelled);
    }
  });

  test('exits 1 when closing takes longer than the bound', async () => {
    const { host, clock, events } = scene(async () => running(never));
    await settle();
    host.emit('SIGTERM');
    assert.equal(clock.timers[0]?.delayMs, 20_000);
    clock.timers[0]?.fire();
    assert.deepEqual(host.exits, [1]);
    assert.equal(events.at(-1), 'process.stop_timeout');
  });

  test('exits at once on a second signal: 1, or 130 for Ctrl-C', async () => {
    for (const [signal, code] of [
      ['SIGTERM', 1],
      ['SIGINT', 130],
    ] as const) {
      const { host } = scene(async () => running(never));
      await settle();
      host.emit('SIGTERM');
      host.emit(signal);
      assert.deepEqual(host.exits, [code]);
    }
  });

  test('told to stop while starting, it closes what came up, and does not wait for ever', async () => {
    let finish: (role: RunningRole) => void = () => undefined;
    let closed = false;
    const starting = scene(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    starting.host.emit('SIGTERM');
    finish(
      running(async () => {
        closed = true;
      }),
    );
    await settle();
    assert.ok(closed);
    assert.deepEqual(starting.host.exits, [0]);

    const stuck = scene(never);
    stuck.host.emit('SIGTERM');
    stuck.clock.timers[0]?.fire();
    assert.deepEqual(stuck.host.exits, [0]);
  });

  test('a start that fails exits with the error’s own code', async () => {
    const refused = scene(() => Promise.reject(new CausewayError('STORE_LOCKED', 'locked')));
    await settle();
    assert.deepEqual(refused.host.exits, [78]);
    assert.deepEqual(refused.events, ['process.start_failed']);
    const broken = scene(() => Promise.reject(new TypeError('bug')));
    await settle();
    assert.deepEqual(broken.host.exits, [70]);
  });

  test('an unforeseen error is logged once as process.crashed and exits 70', async () => {
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      const { host, events } = scene(async () => running(never));
      await settle();
      host.emit(event, new Error('boom'));
      host.emit(event, new Error('again'));
      assert.deepEqual(host.exits, [70]);
      assert.deepEqual(events, ['process.started', 'process.crashed']);
    }
    const failing = scene(async () => running(() => Promise.reject(new Error('cannot close'))));
    await settle();
    failing.host.emit('SIGTERM');
    await settle();
    assert.deepEqual(failing.host.exits, [70]);
  });

  test('a role that must end says why and exits with the code of its reason', async () => {
    const taken = scene(async (fail) => {
      setImmediate(() => fail(new CausewayError('WORKER_ID_TAKEN', 'another w1 lives')));
      return running(never);
    });
    await settle();
    await settle();
    assert.deepEqual(taken.host.exits, [78]);
    assert.deepEqual(taken.events, ['process.started', 'process.failed']);
  });

  test('the version is package.json’s', () => {
    assert.match(packageVersion(), /^\d+\.\d+\.\d+/);
  });
});
