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
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
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

interface Scene {
  readonly store: CoordinationStore;
  readonly condemned: string[];
  /** Time goes by, and something happens among the lanes, so that they are looked at. */
  later(ms: number): Promise<void>;
}

async function withWatch(act: (scene: Scene) => Promise<void>, isWhole = true): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'lane-watch-'));
  const options = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const store = await openEmbeddedStore({ dir, ...options });
  const condemned: string[] = [];
  let skewMs = 0;
  const clock: Clock = {
    wallMs: () => systemClock.wallMs(),
    monotonicMs: () => systemClock.monotonicMs() + skewMs,
    after: (ms, run) => systemClock.after(ms, run),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
  };
  let others = 0;
  const later = async (ms: number): Promise<void> => {
    skewMs += ms;
    await store.create(`/lanes/somebody-else-${others++}`, encodeLane({ ...lane(0), state: 'fencing' }));
    await systemClock.sleep(150);
  };
  const watch = new LaneWatch({
    store,
    condemned: (id) => condemned.push(id),
    isWhole: async () => isWhole,
    ...options,
    clock,
  });
  try {
    for (const own of [lane(0), lane(1)]) {
      await store.create(lanePath(own.transactionalId), encodeLane(own));
      watch.add(own.transactionalId);
    }
    await act({ store, condemned, later });
  } finally {
    await watch.close();
    await store.close();
    await rm(dir, { recursive: true });
  }
}

async function soon(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 3_000 && !holds(); i++) await systemClock.sleep(20);
}

test('5.1 a lane marked `fencing` ends the incarnation, although the worker lives', async () => {
  await withWatch(async ({ store, condemned }) => {
    const doomed: LaneRecord = { ...lane(1), state: 'fencing' };
    await store.set(lanePath(doomed.transactionalId), encodeLane(doomed), ANY_VERSION);
    await soon(() => condemned.length > 0);
    assert.equal(condemned[0], doomed.transactionalId);
  });
});

test('a lane whose node stays away was fenced: the incarnation ends, though not at once', async () => {
  await withWatch(async ({ store, condemned, later }) => {
    await store.remove(lanePath(lane(0).transactionalId), ANY_VERSION);
    await later(0);
    await later(9_000);
    assert.deepEqual(condemned, [], 'the rest of the store may be going too');
    await later(1_000);
    assert.equal(condemned[0], lane(0).transactionalId);
  });
});

test('7.6 a lane that went with the rest of the store ends nothing', async () => {
  await withWatch(async ({ store, condemned, later }) => {
    await store.remove(lanePath(lane(0).transactionalId), ANY_VERSION);
    await later(0);
    await later(60_000);
    assert.deepEqual(condemned, []);
  }, false);
});

test('other workers’ lanes concern nobody here', async () => {
  await withWatch(async ({ condemned, later }) => {
    await later(0);
    assert.deepEqual(condemned, []);
  });
});

test('5.1 an incarnation without a registered lane does not outlive its session: the leader may have forgotten it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lane-watch-'));
  const options = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const store = await openEmbeddedStore({ dir, ...options });
  const watch = new LaneWatch({ store, condemned: () => undefined, isWhole: async () => true, ...options });
  try {
    assert.equal(await watch.intact(), false);
    const { transactionalId } = lane(0);
    await store.create(lanePath(transactionalId), encodeLane(lane(0)));
    watch.add(transactionalId);
    assert.equal(await watch.intact(), true);
  } finally {
    await watch.close();
    await store.close();
    await rm(dir, { recursive: true, force: true });
  }
});
