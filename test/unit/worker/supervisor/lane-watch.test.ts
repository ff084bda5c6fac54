import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEmbeddedStore } from '../../../../common/coordination/embedded/engine.js';
import { ANY_VERSION, type CoordinationStore } from '../../../../common/coordination/ports.js';
import { encodeLane } from '../../../../common/coordination/records/worker.js';
import { lanePath } from '../../../../common/coordination/znodes.js';
import type { LaneRecord } from '../../../../common/model/worker.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { LaneWatch } from '../../../../worker/supervisor/lane-watch.js';

function lane(index: number): LaneRecord {
  return {
    transactionalId: `causeway.f.w.i.${index}`,
    worker: 'w',
    incarnation: 'i',
    index,
    target: 't',
    producerId: 1n,
    producerEpoch: 0,
    state: 'active',
    http: '',
    createdAt: '',
  };
}

async function withWatch(act: (store: CoordinationStore, condemned: string[]) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'lane-watch-'));
  const options = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const store = await openEmbeddedStore({ dir, ...options });
  const condemned: string[] = [];
  const watch = new LaneWatch({ store, condemned: (id) => condemned.push(id), ...options });
  try {
    for (const own of [lane(0), lane(1)]) {
      await store.create(lanePath(own.transactionalId), encodeLane(own));
      watch.add(own.transactionalId);
    }
    await act(store, condemned);
  } finally {
    await watch.close();
    await store.close();
    await rm(dir, { recursive: true });
  }
}

async function soon(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !holds(); i++) await systemClock.sleep(20);
}

test('5.1 a lane marked `fencing` ends the incarnation, although the worker lives', async () => {
  await withWatch(async (store, condemned) => {
    const doomed: LaneRecord = { ...lane(1), state: 'fencing' };
    await store.set(lanePath(doomed.transactionalId), encodeLane(doomed), ANY_VERSION);
    await soon(() => condemned.length > 0);
    assert.equal(condemned[0], doomed.transactionalId);
  });
});

test('a lane whose node is gone was fenced: the incarnation ends', async () => {
  await withWatch(async (store, condemned) => {
    await store.remove(lanePath(lane(0).transactionalId), ANY_VERSION);
    await soon(() => condemned.length > 0);
    assert.equal(condemned[0], lane(0).transactionalId);
  });
});

test('other workers’ lanes concern nobody here', async () => {
  await withWatch(async (store, condemned) => {
    await store.create('/lanes/somebody-else', encodeLane({ ...lane(0), state: 'fencing' }));
    await systemClock.sleep(200);
    assert.deepEqual(condemned, []);
  });
});
