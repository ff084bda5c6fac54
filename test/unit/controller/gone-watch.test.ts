import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import type { LiveWorker } from '../../../common/model/worker.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { Departures, type Presence } from '../../../controller/loop/departures.js';
import { GoneWatch } from '../../../controller/loop/gone-watch.js';
import { type ProcessAnswer, processProbe } from '../../../controller/loop/process-probe.js';
import { until } from './kit.js';

const worker = (incarnation: string, more: Partial<LiveWorker> = {}): LiveWorker => ({
  worker: `w-${incarnation}`,
  incarnation,
  zone: '',
  capacity: 1,
  http: `http://${incarnation}:1`,
  version: 'test',
  startedAt: '2026-01-01T00:00:00Z',
  leaving: false,
  ...more,
});

/** A watch over these workers; `answers` says what is heard at each address, by incarnation. */
async function watching(
  workers: readonly LiveWorker[],
  answers: ReadonlyMap<string, ProcessAnswer>,
  body: (watch: GoneWatch, seen: { live: readonly LiveWorker[]; probes: number; news: number }) => Promise<void>,
): Promise<void> {
  const seen = { live: workers, probes: 0, news: 0 };
  const watch = new GoneWatch({
    live: () => new Map(seen.live.map((one) => [one.worker, one])),
    probe: async (address) => {
      seen.probes += 1;
      return answers.get(new URL(address).hostname) ?? 'unknown';
    },
    // Time passes at once, in turns that let others run.
    clock: { ...systemClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) },
    logger: silentLogger,
    onNews: () => {
      seen.news += 1;
    },
  });
  const over = new AbortController();
  const running = watch.run(over.signal);
  try {
    await body(watch, seen);
  } finally {
    over.abort();
    await running;
  }
}

describe('processes that are gone', () => {
  test('two refusals in a row at an address that once answered mean that the process is over', async () => {
    const answers = new Map<string, ProcessAnswer>([['a', 'listens']]);
    await watching([worker('a')], answers, async (watch, seen) => {
      await until(() => seen.probes > 3);
      assert.deepEqual([...watch.gone], []);
      answers.set('a', 'refuses');
      await until(() => watch.gone.has('a'));
      assert.equal(seen.news, 1);
      assert.equal(watch.revision, 1);
      seen.live = [];
      await until(() => watch.gone.size === 0);
    });
  });

  test('an address that never answered, silence, and a worker that leaves prove nothing', async () => {
    const answers = new Map<string, ProcessAnswer>([
      ['wrong', 'refuses'],
      ['silent', 'listens'],
      ['leaving', 'listens'],
    ]);
    await watching([worker('wrong'), worker('silent'), worker('leaving')], answers, async (watch, seen) => {
      await until(() => seen.probes > 6);
      answers.set('silent', 'unknown');
      answers.set('leaving', 'refuses');
      seen.live = [worker('wrong'), worker('silent'), worker('leaving', { leaving: true })];
      const { probes } = seen;
      await until(() => seen.probes > probes + 10);
      assert.deepEqual([...watch.gone], []);
    });
  });

  test('a single refusal between answers is forgotten', async () => {
    let turn = 0;
    const answers = { get: (): ProcessAnswer => (++turn % 2 === 0 ? 'refuses' : 'listens') };
    await watching([worker('a')], answers as unknown as Map<string, ProcessAnswer>, async (watch, seen) => {
      await until(() => seen.probes > 20);
      assert.deepEqual([...watch.gone], []);
    });
  });

  test('a listening port and a closed one are told apart', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const probe = processProbe(systemClock);
    assert.equal(await probe(`http://127.0.0.1:${port}`), 'listens');
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await probe(`http://127.0.0.1:${port}`), 'refuses');
    assert.equal(await probe('not an address'), 'unknown');
  });
});

describe('who is given up', () => {
  const presence = (nowMs: number, more: Partial<Presence> = {}): Presence => ({
    nowMs,
    live: new Map(),
    gone: new Set(),
    unreadableLive: new Set(),
    assignments: ['a', 'b', 'c'].map((incarnation) => ({
      worker: `w-${incarnation}`,
      incarnation,
      epoch: 1,
      generation: 1,
      routes: [],
      items: [{ state: 'own' } as never],
      limits: [],
    })),
    lanes: [],
    clean: new Set(),
    isFrozen: false,
    awaited: new Set(),
    ...more,
  });
  const alive = (...incarnations: string[]) => new Map(incarnations.map((one) => [`w-${one}`, worker(one)]));

  test('a worker whose process is gone at once, one that is merely absent after the delay', () => {
    const departures = new Departures({ takeoverDelayMs: 2_000, freezeMs: () => 4_000 });
    const { doomed, nextMs } = departures.observe(presence(1_000, { live: alive('a'), gone: new Set(['b']) }));
    assert.deepEqual(
      doomed.map(({ incarnation, reason }) => [incarnation, reason]),
      [['b', 'died']],
    );
    assert.equal(nextMs, 3_000);
  });

  test('when too many processes seem gone at once, it is waited for a session timeout', () => {
    const departures = new Departures({ takeoverDelayMs: 2_000, freezeMs: () => 4_000 });
    const all = presence(1_000, { gone: new Set(['a', 'b', 'c']) });
    assert.deepEqual(departures.observe(all).doomed, []);
    assert.equal(departures.observe({ ...all, nowMs: 5_000 }).doomed.length, 3);
  });

  test('an operator’s freeze holds for processes that are gone, too', () => {
    const departures = new Departures({ takeoverDelayMs: 0, freezeMs: () => 4_000 });
    const frozen = presence(1_000, { live: alive('a', 'c'), gone: new Set(['b']), isFrozen: true });
    assert.deepEqual(departures.observe(frozen).doomed, []);
  });
});
