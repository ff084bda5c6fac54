import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANY_VERSION, type CoordinationStore } from '../../../common/coordination/ports.js';
import { encodeEpoch, encodeFleet } from '../../../common/coordination/records/control.js';
import { decodeTopicProgress } from '../../../common/coordination/records/desired.js';
import {
  ASSIGNMENTS,
  assignmentPath,
  EPOCH,
  FLEET,
  LASTING_PATHS,
  LEADER,
  livePath,
  progressPath,
  TOPICS,
  topicPath,
} from '../../../common/coordination/znodes.js';
import { ControllerKit, until } from './kit.js';

/** Two workers, one route, a topic of 6 partitions that have all started. */
async function fleet() {
  const kit = await ControllerKit.open();
  kit.kafka.addTopic('east', 't', 6);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  for (const id of ['a', 'b']) await kit.worker(id, { lanes: true });
  await controller.client.addTopic('r', { topic: 't' });
  await kit.balanced(6);
  await until(async () => {
    const node = await kit.store.get(progressPath('r', 't'));
    return node !== undefined && decodeTopicProgress(node.data, '').started.length === 6;
  });
  return { kit, ...controller };
}

/** Everything at and below a path, leaves first, as ZooKeeper's `deleteall` does. */
async function deleteAll(
  store: CoordinationStore,
  path: string,
  spare: ReadonlySet<string> = new Set(),
): Promise<void> {
  for (const name of (await store.children(path)) ?? [])
    await deleteAll(store, path === '/' ? `/${name}` : `${path}/${name}`, spare);
  if (path === '/' || spare.has(path)) return;
  await store.remove(path, ANY_VERSION).catch(() => undefined);
}

const rest = (ms = 700) => new Promise((resolve) => setTimeout(resolve, ms));
type Fleet = Awaited<ReturnType<typeof fleet>>;
const codes = async ({ client }: Pick<Fleet, 'client'>) => (await client.status()).alarms.map(({ code }) => code);
const heldBy = ({ kit }: Pick<Fleet, 'kit'>) => Object.values(kit.held()).map((keys) => keys.length);

describe('7.6, A8: the store was wiped', () => {
  test('node by node under a leader: no assignment is emptied, nobody leads any more, and it is said', async () => {
    const there = await fleet();
    const { kit, metrics } = there;
    try {
      const seen = [...kit.workers.values()].map(({ history }) => history.length);
      await deleteAll(kit.store, '/');
      await until(async () => (await codes(there)).includes('STORE_CONTRADICTS'));
      await rest();
      assert.deepEqual(heldBy(there), [3, 3]);
      const later = [...kit.workers.values()].flatMap(({ history }, i) => history.slice(seen[i]));
      assert.ok(
        later.every(({ items }) => items.some(({ state }) => state === 'own')),
        'nothing empty was written',
      );
      assert.equal((await there.client.status()).leader, null);
      assert.match(await metrics.text(), /causeway_store_alarms[^\n]* [1-9]/);
      assert.equal(await kit.store.get(FLEET), undefined, 'who knew the fleet makes no other in its place');
    } finally {
      await kit.close();
    }
  });

  test('another fleet in its place: nobody who knew the old one leads it', async () => {
    const there = await fleet();
    const { kit } = there;
    try {
      await kit.store.set(FLEET, encodeFleet({ fleetId: 'other', createdAt: '', name: 'test' }), ANY_VERSION);
      await kit.store.remove(LEADER, ANY_VERSION);
      await kit.store.set(EPOCH, encodeEpoch({ epoch: 9 }), ANY_VERSION);
      await until(async () => (await codes(there)).includes('STORE_CONTRADICTS'));
      assert.equal(await kit.store.get(LEADER), undefined);
      assert.deepEqual(heldBy(there), [3, 3]);
    } finally {
      await kit.close();
    }
  });

  test('the store of a fleet of another name is not touched by a controller that has seen none yet', async () => {
    const kit = await ControllerKit.open();
    try {
      await kit.store.create(FLEET, encodeFleet({ fleetId: 'x', createdAt: '', name: 'somebody-elses' }));
      const controller = await kit.controller();
      await until(async () => (await codes(controller)).includes('STORE_CONTRADICTS'));
      assert.deepEqual(await kit.store.children('/'), ['controllers', 'fleet'], 'nothing was made there');
    } finally {
      await kit.close();
    }
  });
});

describe('A8: the store was restored from an older copy', () => {
  test('a controller that is new refuses an epoch below what a living worker has seen', async () => {
    const there = await fleet();
    const { kit } = there;
    try {
      for (const worker of kit.workers.values()) worker.seenEpoch = 7;
      for (const worker of kit.workers.values()) await worker.announce();
      await there.close();
      const next = await kit.controller();
      await until(async () => (await codes(next)).includes('STORE_CONTRADICTS'));
      assert.match((await next.client.status()).alarms[0]?.message ?? '', /has seen epoch 7/);
      assert.equal(await kit.store.get(LEADER), undefined);
      assert.deepEqual(heldBy(there), [3, 3]);
    } finally {
      await kit.close();
    }
  });
});

describe('A15: nodes that are gone though nobody removed them', () => {
  test('a topic entry, all of a route’s, the route: what was assigned stays, with an alarm', async () => {
    for (const path of [topicPath('r', 't'), `${TOPICS}/r`, '/routes/r']) {
      const there = await fleet();
      const { kit } = there;
      try {
        await deleteAll(kit.store, path);
        await until(async () => (await codes(there)).includes('NODE_MISSING'));
        await rest();
        assert.deepEqual(heldBy(there), [3, 3], path);
      } finally {
        await kit.close();
      }
    }
  });

  test('what is removed over REST goes, and raises no alarm', async () => {
    const there = await fleet();
    const { kit, client } = there;
    try {
      await client.deleteTopic('r', 't');
      await until(() => heldBy(there).every((count) => count === 0));
      await rest();
      assert.deepEqual(await codes(there), []);
    } finally {
      await kit.close();
    }
  });

  test('an assignment is written again as it was; its worker loses nothing', async () => {
    const there = await fleet();
    const { kit } = there;
    try {
      await deleteAll(kit.store, assignmentPath('a'));
      await until(async () => (await kit.store.get(assignmentPath('a'))) !== undefined);
      await until(async () => (await codes(there)).length === 0);
      assert.deepEqual(heldBy(there), [3, 3]);
    } finally {
      await kit.close();
    }
  });

  test('an assignment lost together with the leader that knew it: its worker stops before anybody gets what it held', async () => {
    const there = await fleet();
    const { kit } = there;
    try {
      await there.close();
      const before = kit.workers.get('a')?.incarnation;
      await deleteAll(kit.store, assignmentPath('a'));
      await kit.controller();
      await until(() => kit.workers.get('a')?.incarnation !== before);
      // Nobody ever held what another held: the kit looks after that.
      await kit.balanced(6);
    } finally {
      await kit.close();
    }
  });

  test('an unreadable node is an alarm until it is readable again, however often it is read', async () => {
    const there = await fleet();
    const { kit } = there;
    try {
      const node = await kit.store.get(topicPath('r', 't'));
      await kit.store.set(topicPath('r', 't'), Buffer.from('garbage'), ANY_VERSION);
      await until(async () => (await codes(there)).includes('NODE_CORRUPT'));
      await rest();
      assert.match(await there.metrics.text(), /causeway_store_alarms[^\n]* 1/);
      await kit.store.set(topicPath('r', 't'), node?.data ?? Buffer.alloc(0), ANY_VERSION);
      await until(async () => (await codes(there)).length === 0);
      assert.deepEqual(heldBy(there), [3, 3]);
    } finally {
      await kit.close();
    }
  });

  test('progress is written again as it was', async () => {
    const there = await fleet();
    const { kit } = there;
    try {
      await deleteAll(kit.store, progressPath('r', 't'));
      const node = await until(() => kit.store.get(progressPath('r', 't')));
      assert.equal(decodeTopicProgress(node.data, '').started.length, 6);
    } finally {
      await kit.close();
    }
  });

  test('an area that is not there: nothing is decided before it is back, by this leader or the next', async () => {
    for (const area of LASTING_PATHS) {
      const there = await fleet();
      const { kit } = there;
      try {
        await deleteAll(kit.store, area);
        await until(
          async () => (await codes(there)).includes('STORE_DAMAGED'),
          () => area,
        );
        await there.close();
        const next = await kit.controller();
        await until(
          async () => (await codes(next)).includes('STORE_DAMAGED'),
          () => area,
        );
        assert.deepEqual(heldBy(there), [3, 3], area);
        assert.equal(await kit.store.get(area), undefined);
      } finally {
        await kit.close();
      }
    }
  });

  test('the epoch is gone: the reign is over, and no other begins', async () => {
    const there = await fleet();
    const { kit } = there;
    try {
      await kit.store.remove(EPOCH, ANY_VERSION);
      await kit.store.remove(livePath('a'), ANY_VERSION);
      await until(async () => (await codes(there)).includes('STORE_DAMAGED'));
      assert.deepEqual(heldBy(there), [3, 3]);
      assert.equal((await kit.store.children(ASSIGNMENTS))?.length, 2);
    } finally {
      await kit.close();
    }
  });
});
