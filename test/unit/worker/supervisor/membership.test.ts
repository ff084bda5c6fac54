import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEmbeddedEngine } from '../../../../common/coordination/embedded/engine.js';
import type { CoordinationStore } from '../../../../common/coordination/ports.js';
import { decodeLiveWorker } from '../../../../common/coordination/records/worker.js';
import { livePath } from '../../../../common/coordination/znodes.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { FleetGuard } from '../../../../worker/supervisor/fleet-guard.js';
import { Membership } from '../../../../worker/supervisor/membership.js';
import { until } from '../../controller/kit.js';

/** The same store, with its session listeners counted. */
function counted(store: CoordinationStore, listeners: { now: number }): CoordinationStore {
  return new Proxy(store, {
    get(target, property) {
      if (property === 'onSession') {
        return (listener: Parameters<CoordinationStore['onSession']>[0]) => {
          const remove = target.onSession(listener);
          listeners.now++;
          return () => {
            remove();
            listeners.now--;
          };
        };
      }
      const value = Reflect.get(target, property, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('every lost session is followed by a new incarnation, and leaves no listener behind', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-membership-'));
  const base = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const engine = await openEmbeddedEngine({ dir, ...base });
  const store = engine.connect();
  const listeners = { now: 0 };
  const joined: string[] = [];
  let lost = 0;
  const membership = new Membership({
    ...base,
    store: counted(store, listeners),
    describe: () => ({ worker: 'w', zone: '', capacity: 1, http: 'http://h:1', version: '', startedAt: '' }),
    joined: (incarnation) => void joined.push(incarnation),
    lost: async () => void lost++,
    guard: new FleetGuard({ store, fleet: 'f', highestEpoch: () => -1, forgot: () => undefined }),
    outlivesSession: () => false,
    intact: async () => true,
    taken: (error) => assert.fail(error),
  });
  try {
    for (let life = 1; life <= 4; life++) {
      await until(
        () => joined.length === life && listeners.now === 1,
        () => ({ joined, listeners }),
      );
      engine.expireSession(store.session().id);
    }
    await until(
      () => joined.length === 5 && listeners.now === 1,
      () => ({ joined, listeners }),
    );
    assert.equal(lost, 4);
    assert.equal(new Set(joined).size, 5);
    await membership.close();
    assert.equal(listeners.now, 0);
  } finally {
    await membership.close();
    await engine.close();
    await rm(dir, { recursive: true, force: true });
  }
});

test('an incarnation that goes on without its session is registered in the next one, and ends when somebody gave it up', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-membership-'));
  const base = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const engine = await openEmbeddedEngine({ dir, ...base });
  const store = engine.connect();
  const joined: string[] = [];
  const world = { lost: 0, goesOn: true, intact: true };
  const membership = new Membership({
    ...base,
    store,
    describe: () => ({ worker: 'w', zone: '', capacity: 1, http: 'http://h:1', version: '', startedAt: '' }),
    joined: (incarnation) => void joined.push(incarnation),
    lost: async () => void world.lost++,
    outlivesSession: () => world.goesOn,
    guard: { standing: async () => 'ours', hasWork: async () => true, forget: () => undefined },
    intact: async () => world.intact,
    taken: (error) => assert.fail(error),
  });
  /** The session that the live node belongs to, and the incarnation it names. */
  const registered = async () => {
    const node = await store.get(livePath('w'));
    return node === undefined ? undefined : { owner: node.ephemeralOwner, live: decodeLiveWorker(node.data, 'w') };
  };
  const isRegisteredAnew = async (before: bigint): Promise<boolean> => {
    const now = await registered();
    return now !== undefined && now.owner !== before && now.owner === store.session().id;
  };
  const expire = async (): Promise<bigint> => {
    const { id } = store.session();
    engine.expireSession(id);
    return id;
  };
  try {
    await until(() => joined.length === 1);
    for (let loss = 1; loss <= 2; loss++) {
      const before = await expire();
      await until(() => isRegisteredAnew(before));
      assert.equal((await registered())?.live.incarnation, joined[0]);
      assert.deepEqual([joined.length, world.lost], [1, 0]);
      assert.equal(membership.session, store.session().generation);
    }
    world.intact = false;
    await expire();
    await until(() => joined.length === 2);
    assert.equal(world.lost, 1);
    // Fenced while it lived: nothing is taken over into the next life, with or without a session.
    world.intact = true;
    membership.renew();
    await until(() => joined.length === 3);
    assert.equal(world.lost, 2);
    world.goesOn = false;
    await expire();
    await until(() => joined.length === 4);
    assert.equal(world.lost, 3);
  } finally {
    await membership.close();
    await engine.close();
    await rm(dir, { recursive: true, force: true });
  }
});
