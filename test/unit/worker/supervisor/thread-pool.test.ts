import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { ThreadPool } from '../../../../worker/supervisor/thread-pool.js';
import type { FromThread, ThreadSettings } from '../../../../worker/thread/protocol.js';
import { ManualClock } from '../manual-clock.js';

function settings(thread: number, life: number): ThreadSettings {
  const idle = {
    ...{ thread, life, fleet: 'f', worker: 'w', incarnation: 'i', http: '', clusters: [], settings: {} },
    memory: { guaranteedBytes: 1 << 20, sharedBytes: 0, taken: new SharedArrayBuffer(16) },
    logLevel: 'silent',
    lease: new SharedArrayBuffer(8),
  };
  return idle as unknown as ThreadSettings;
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 6_000 && !holds(); i++) await systemClock.sleep(10);
  assert.ok(holds());
}

test('threads are steady only when all run and the last death lies a while back: nothing is moved to one that keeps dying', async () => {
  const clock = new ManualClock();
  const ready: number[] = [];
  const died: number[] = [];
  const pool = new ThreadPool({
    threads: 2,
    // The first life of thread 1 cannot even begin.
    settings: (thread, life) => (thread === 1 && life === 0 ? ({} as ThreadSettings) : settings(thread, life)),
    received: (thread, { type }: FromThread) => {
      if (type === 'ready') ready.push(thread);
    },
    died: (thread) => died.push(thread),
    silent: () => undefined,
    clock,
    random: systemRandom,
    logger: silentLogger,
  });
  assert.ok(pool.isSteady);
  await until(() => !pool.isSteady && ready.includes(0));
  clock.pass(1_000);
  assert.deepEqual(died, [1]);
  await until(() => ready.includes(1));
  assert.ok(!pool.isSteady, 'it may die again');
  clock.pass(60_000);
  assert.ok(pool.isSteady);
  await pool.close();
});
