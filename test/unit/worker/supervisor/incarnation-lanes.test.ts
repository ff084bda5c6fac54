import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEmbeddedStore } from '../../../../common/coordination/embedded/engine.js';
import { lanePath } from '../../../../common/coordination/znodes.js';
import type { LaneRecord } from '../../../../common/model/worker.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { Incarnation } from '../../../../worker/supervisor/incarnation.js';
import type { ThreadHandle } from '../../../../worker/supervisor/thread-pool.js';
import type { FromThread, ThreadSettings, ToThread } from '../../../../worker/thread/protocol.js';

const deps = { clock: systemClock, random: systemRandom, logger: silentLogger };

/** A data thread that does nothing by itself: the test speaks for it, and sees what it is told. */
class QuietThread extends EventEmitter {
  readonly told: ToThread[] = [];

  postMessage(message: ToThread): void {
    this.told.push(message);
    if (message.type === 'stop') queueMicrotask(() => this.emit('exit', 0));
  }

  async terminate(): Promise<number> {
    this.emit('exit', 1);
    return 1;
  }

  says(message: FromThread): void {
    this.emit('message', message);
  }

  registered(): number {
    return this.told.filter(({ type }) => type === 'lane-registered').length;
  }
}

const lane: LaneRecord = {
  ...{ transactionalId: 'causeway.f.w.i.0', worker: 'w', incarnation: 'i', index: 0, target: 'west' },
  ...{ producerId: 7n, producerEpoch: 0, state: 'active', http: 'http://127.0.0.1:1' },
  createdAt: '2026-11-22T00:00:00.000Z',
};

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 6_000 && !(await holds()); i++) await systemClock.sleep(10);
  assert.ok(await holds(), what);
}

test('2.2 a lane whose node came into the store without a session of its incarnation is not given out before that is registered again', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'incarnation-lanes-'));
  const store = await openEmbeddedStore({ dir, ...deps });
  const thread = new QuietThread();
  let isMember = false;
  const incarnation = new Incarnation({
    ...deps,
    ...{ incarnation: 'i', worker: 'w', threads: 1, limits: {}, store },
    threadSettings: () => ({}) as ThreadSettings,
    spawnThread: () => thread as unknown as ThreadHandle,
    ...{ report: () => undefined, stats: () => undefined, fenced: () => undefined },
    ...{ threadDied: () => undefined, threadSilent: () => undefined, threadMove: () => undefined },
    isStoreWhole: async () => true,
    isMember: () => isMember,
  });
  try {
    thread.says({ type: 'register-lane', lane });
    await until('its node is written', async () => (await store.get(lanePath(lane.transactionalId))) !== undefined);
    await systemClock.sleep(600);
    assert.equal(thread.registered(), 0);
    isMember = true;
    await until('it is given out', () => thread.registered() === 1);
  } finally {
    await incarnation.close();
    await store.close();
    await rm(dir, { recursive: true, force: true });
  }
});
