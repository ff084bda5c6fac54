import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANY_VERSION, type CoordinationStore } from '../../../common/coordination/ports.js';
import { decodeAssignment, encodeAssignment } from '../../../common/coordination/records/assignment.js';
import { decodeController, decodeEpoch, encodeEpoch } from '../../../common/coordination/records/control.js';
import { encodeReport } from '../../../common/coordination/records/worker.js';
import { assignmentPath, EPOCH, FLEET, LEADER, reportPath, routePath } from '../../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../../common/errors/error.js';
import type { Route } from '../../../common/model/route.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { Candidate } from '../../../controller/loop/election.js';
import type { Reign } from '../../../controller/loop/reign.js';
import { StoreAlarms } from '../../../controller/loop/store-alarms.js';
import { ControllerKit, routeOf, until } from './kit.js';

async function leaderOf(store: CoordinationStore): Promise<{ controller: string; epoch: number } | undefined> {
  const node = await store.get(LEADER);
  return node === undefined ? undefined : decodeController(node.data, LEADER);
}

async function epochOf(store: CoordinationStore): Promise<{ epoch: number; version: number }> {
  const node = await store.get(EPOCH);
  assert.ok(node !== undefined);
  return { epoch: decodeEpoch(node.data, EPOCH).epoch, version: node.version };
}

/** A candidate on a store, whose reigns are handed to the test. */
function candidate(store: CoordinationStore, id: string, seeds: readonly Route[] = []) {
  const reigns: Reign[] = [];
  const metrics = new Metrics({ version: 'test', role: 'controller' });
  const standing = new Candidate({
    fleet: 'test',
    alarms: new StoreAlarms({ clock: systemClock, logger: silentLogger, metrics }),
    store,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics,
    self: () => ({ controller: id, http: 'http://127.0.0.1:1', startedAt: '' }),
    seeds,
    rule: async (reign) => {
      reigns.push(reign);
      await new Promise<void>((resolve) => {
        if (reign.signal.aborted) resolve();
        else reign.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  });
  standing.start();
  return { standing, reigns, metrics };
}

describe('election', () => {
  test('one of two candidates leads; when it closes, the other follows at once with a higher epoch', async () => {
    const kit = await ControllerKit.open();
    const stores = [kit.engine.connect(), kit.engine.connect()] as const;
    const first = candidate(stores[0], 'one');
    await until(() => first.reigns.length === 1);
    const second = candidate(stores[1], 'two');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(second.reigns.length, 0);
    const startMs = Date.now();
    await first.standing.close();
    await until(() => second.reigns.length === 1);
    assert.ok(Date.now() - startMs < stores[1].sessionTimeoutMs / 2, 'it did not wait for a session to end');
    assert.ok((second.reigns[0]?.epoch ?? 0) > (first.reigns[0]?.epoch ?? 0));
    await second.standing.close();
    for (const store of stores) await store.close();
    await kit.close();
  });

  test('a route of the configuration that an operator removes stays removed, also in the next reign of this process', async () => {
    const kit = await ControllerKit.open();
    const { standing, reigns } = candidate(kit.store, 'one', [routeOf('seeded')]);
    const reign = await until(() => reigns[0]);
    assert.equal(standing.bootstrapped, true);
    assert.ok((await kit.store.get(routePath('seeded'))) !== undefined);
    await kit.store.remove(routePath('seeded'), ANY_VERSION);
    const { epoch, version } = await epochOf(kit.store);
    await kit.store.set(EPOCH, encodeEpoch({ epoch: epoch + 1 }), version);
    await assert.rejects(reign.write([{ type: 'create', path: '/late', data: Buffer.alloc(0) }]));
    await until(() => reigns[1]);
    assert.equal(await kit.store.get(routePath('seeded')), undefined);
    await standing.close();
    await kit.close();
  });

  test('the epoch node is never at version 0 when somebody leads', async () => {
    const kit = await ControllerKit.open();
    const { standing, reigns } = candidate(kit.store, 'one');
    await until(() => reigns.length === 1);
    const { epoch, version } = await epochOf(kit.store);
    assert.equal(epoch, 1);
    assert.ok(version >= 2, `version ${version}`);
    await standing.close();
    await kit.close();
  });

  test('7.5 a failed epoch check ends the reign and is counted; nothing of the write is in the store', async () => {
    const kit = await ControllerKit.open();
    const { standing, reigns, metrics } = candidate(kit.store, 'one');
    const reign = await until(() => reigns[0]);
    const { epoch, version } = await epochOf(kit.store);
    await kit.store.set(EPOCH, encodeEpoch({ epoch: epoch + 5 }), version);
    await assert.rejects(reign.write([{ type: 'create', path: '/late', data: Buffer.alloc(0) }]), (error) =>
      isCausewayError(error, 'EPOCH_LOST'),
    );
    assert.ok(reign.signal.aborted);
    assert.equal(await kit.store.get('/late'), undefined);
    assert.match(await metrics.text(), /causeway_fenced_writes_total 1/);
    const next = await until(() => reigns[1]);
    assert.equal(next.epoch, epoch + 6);
    await standing.close();
    await kit.close();
  });

  test('7.5 BadVersion on a data node is told, and the reign goes on', async () => {
    const kit = await ControllerKit.open();
    const { standing, reigns } = candidate(kit.store, 'one');
    const reign = await until(() => reigns[0]);
    await kit.store.create('/x', Buffer.from('1'));
    await assert.rejects(reign.write([{ type: 'set', path: '/x', data: Buffer.from('2'), version: 7 }]), (error) =>
      isCausewayError(error, 'BAD_VERSION'),
    );
    assert.equal(reign.signal.aborted, false);
    await reign.write([{ type: 'set', path: '/x', data: Buffer.from('2'), version: 0 }]);
    await standing.close();
    await kit.close();
  });

  test('a lost session ends the reign; the same controller may win again in its next session', async () => {
    const kit = await ControllerKit.open();
    const store = kit.engine.connect();
    const { standing, reigns } = candidate(store, 'one');
    const reign = await until(() => reigns[0]);
    kit.engine.expireSession(store.session().id);
    await until(() => reign.signal.aborted);
    await assert.rejects(reign.write([]), (error) => isCausewayError(error, 'EPOCH_LOST'));
    await until(() => reigns.length === 2);
    await standing.close();
    await store.close();
    await kit.close();
  });

  test('the lost answer of a won election is found out by who holds /leader', async () => {
    const kit = await ControllerKit.open();
    const store = kit.engine.connect();
    const lossy = losesAnswerOnce(store);
    const { standing, reigns } = candidate(lossy, 'one');
    const reign = await until(() => reigns[0]);
    assert.equal((await leaderOf(kit.store))?.epoch, reign.epoch);
    assert.equal(reign.epoch, 1, 'no second election was needed');
    await reign.write([{ type: 'create', path: '/works', data: Buffer.alloc(0) }]);
    await standing.close();
    await store.close();
    await kit.close();
  });

  test('an epoch that runs backwards, or another fleet id, freezes: nobody leads', async () => {
    const kit = await ControllerKit.open();
    const { standing, reigns } = candidate(kit.store, 'one');
    const reign = await until(() => reigns[0]);
    const { version } = await epochOf(kit.store);
    await kit.store.set(EPOCH, encodeEpoch({ epoch: 0 }), version);
    reign.end('test');
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(reigns.length, 1);
    assert.ok((await kit.store.get(FLEET)) !== undefined);
    await standing.close();
    await kit.close();
  });
});

/** A store that applies the first multi with an ephemeral node, and then says that it does not know. */
function losesAnswerOnce(store: CoordinationStore): CoordinationStore {
  let lost = false;
  return new Proxy(store, {
    get(target, property) {
      const value = Reflect.get(target, property, target) as unknown;
      if (property !== 'multi') return typeof value === 'function' ? value.bind(target) : value;
      return async (...args: Parameters<CoordinationStore['multi']>) => {
        const outcome = await target.multi(...args);
        if (lost || !args[0].some((op) => op.type === 'create' && op.ephemeral === true)) return outcome;
        lost = true;
        throw new CausewayError('COORDINATION_UNAVAILABLE', 'the answer was lost');
      };
    },
  });
}

/** A fleet of two workers and one topic of 6 partitions. */
async function fleet(settings = {}) {
  const kit = await ControllerKit.open({ settings });
  kit.kafka.addTopic('east', 't', 6);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  for (const id of ['a', 'b']) await kit.worker(id, { lanes: true });
  await controller.client.addTopic('r', { topic: 't' });
  await kit.balanced(6);
  return { kit, controller };
}

describe('failover', () => {
  test('the next leader keeps every assignment as it is', async () => {
    const { kit, controller } = await fleet();
    try {
      const view = await until(async () => {
        const current = await controller.client.assignment();
        return current.workers.every((worker) => worker.items.every((item) => item.started)) && current;
      });
      const second = await kit.controller();
      await controller.close();
      await until(async () => (await second.client.status()).leader?.controller === 'c2');
      await new Promise((resolve) => setTimeout(resolve, 600));
      // Reports may still have caught up with the last write; the nodes themselves are untouched.
      const nodes = ({ workers }: typeof view) => workers.map(({ applied: _, ...node }) => node);
      assert.deepEqual(nodes(await second.client.assignment()), nodes(view));
    } finally {
      await kit.close();
    }
  });

  test('a topic that a hanging cluster is being asked for keeps nobody from leading again', async () => {
    const kit = await ControllerKit.open();
    try {
      kit.kafka.addTopic('east', 't', 2);
      let asked = 0;
      kit.kafka.createTopics = () => {
        asked++;
        return new Promise(() => undefined);
      };
      const { client, store } = await kit.controller();
      await until(async () => (await client.status()).leader !== null);
      await client.addTopic('r', { topic: 't' });
      await until(() => asked > 0);
      kit.engine.expireSession(store.session().id);
      await until(async () => (await leaderOf(kit.store))?.epoch === 2);
    } finally {
      await kit.close();
    }
  });

  test('in the middle of a handoff: the successor finishes it, and nobody ever owns twice', async () => {
    const { kit, controller } = await fleet({ handoffTimeoutMs: 60_000 });
    try {
      for (const id of ['a', 'b']) Object.assign(kit.workers.get(id) ?? {}, { reports: false });
      const c = await kit.worker('c');
      await until(async () => {
        const items = (await controller.client.assignment()).workers.flatMap((worker) => worker.items);
        return items.filter((item) => item.state === 'revoke').length === 2;
      });
      await controller.close();
      await kit.controller();
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(c.held.size, 0, 'not before the release');
      for (const id of ['a', 'b']) {
        Object.assign(kit.workers.get(id) ?? {}, { reports: true });
        await kit.workers.get(id)?.report();
      }
      await kit.balanced(6);
    } finally {
      await kit.close();
    }
  });
});

test('with every watch lost, the compare on the timer alone gets everything done', async () => {
  const kit = await ControllerKit.open({ deaf: true });
  try {
    kit.kafka.addTopic('east', 't', 6);
    const { client } = await kit.controller();
    await until(async () => (await client.status()).leader !== null);
    await client.addTopic('r', { topic: 't' });
    await kit.worker('a');
    await kit.balanced(6);
    await kit.worker('b');
    await kit.balanced(6);
  } finally {
    await kit.close();
  }
});

describe('nodes that are not as they should be', () => {
  test('a corrupt assignment node: the leader keeps the last good value and alarms', async () => {
    const { kit, controller } = await fleet();
    try {
      const node = await kit.store.get(assignmentPath('a'));
      await kit.store.set(assignmentPath('a'), Buffer.from('{"v":99}'), node?.version ?? 0);
      await until(async () => /NODE_CORRUPT"\} [1-9]/.test(await controller.metrics.text()));
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(kit.workers.get('b')?.held.size, 3, 'nothing of it was given to others');
      // Work goes on, and the next change of the node heals it.
      kit.kafka.addTopic('east', 'more', 4);
      await controller.client.addTopic('r', { topic: 'more' });
      await kit.balanced(10);
    } finally {
      await kit.close();
    }
  });

  test('a corrupt assignment node nobody knows a good value of: its worker is fenced before anything is given out', async () => {
    const { kit, controller } = await fleet();
    try {
      await controller.close();
      const node = await kit.store.get(assignmentPath('a'));
      await kit.store.set(assignmentPath('a'), Buffer.from('garbage'), node?.version ?? 0);
      const before = kit.workers.get('a')?.incarnation;
      await kit.controller();
      await until(() => kit.workers.get('a')?.incarnation !== before);
      await kit.balanced(6);
    } finally {
      kit.ownership.violations.length = 0;
      await kit.close();
    }
  });

  test('a worker given up before it had any lane gets work again once it has said that it holds nothing', async () => {
    const kit = await ControllerKit.open();
    try {
      kit.kafka.addTopic('east', 't', 4);
      const { client } = await kit.controller();
      await until(async () => (await client.status()).leader !== null);
      const idle = await kit.worker('idle');
      await kit.store.create(assignmentPath('idle'), Buffer.from('garbage'));
      // The empty node in its place is for this incarnation, which has nothing that could be fenced.
      await until(() => idle.applied?.items.length === 0);
      await client.addTopic('r', { topic: 't' });
      await kit.balanced(4);
    } finally {
      await kit.close();
    }
  });

  test('corrupt route, topic and live nodes take nothing away', async () => {
    const { kit, controller } = await fleet();
    try {
      for (const path of ['/routes/r', '/topics/r/t', '/live/a', '/progress/r/t']) {
        // Whatever the leader writes there at the same moment.
        await kit.store.set(path, Buffer.from('garbage'), ANY_VERSION);
      }
      await new Promise((resolve) => setTimeout(resolve, 700));
      assert.deepEqual(
        [...kit.workers.values()].map((worker) => worker.held.size),
        [3, 3],
      );
      await controller.close();
      await kit.controller();
      await new Promise((resolve) => setTimeout(resolve, 700));
      assert.deepEqual(
        [...kit.workers.values()].map((worker) => worker.held.size),
        [3, 3],
        'nor does a new leader',
      );
    } finally {
      await kit.close();
    }
  });

  test('progress nodes removed by hand, their parent too, are made anew', async () => {
    const { kit, controller } = await fleet();
    try {
      for (const path of ['/progress/r/t', '/progress/r']) await kit.store.remove(path, ANY_VERSION);
      kit.kafka.addTopic('east', 'more', 4);
      await controller.client.addTopic('r', { topic: 'more' });
      await kit.balanced(10);
      assert.deepEqual(await kit.store.children('/progress/r'), ['more', 't']);
    } finally {
      await kit.close();
    }
  });

  test('7.2 a partition in two nodes: both owners are fenced, then one gets it', async () => {
    const { kit } = await fleet();
    try {
      const path = assignmentPath('b');
      const [a, b] = await Promise.all(['a', 'b'].map((id) => kit.store.get(assignmentPath(id))));
      assert.ok(a !== undefined && b !== undefined);
      const stolen = decodeAssignment([a.data], assignmentPath('a')).items[0];
      const mine = decodeAssignment([b.data], path);
      assert.ok(stolen !== undefined);
      const before = [...kit.workers.values()].map((worker) => worker.incarnation);
      const tampered = { ...mine, generation: mine.generation + 1, items: [...mine.items, stolen] };
      await kit.store.set(path, encodeAssignment(tampered)[0] as Buffer, b.version);
      await until(() => [...kit.workers.values()].every((worker, i) => worker.incarnation !== before[i]));
      kit.ownership.violations.length = 0;
      await kit.balanced(6);
      const keys = Object.values(kit.held()).flat();
      assert.equal(new Set(keys).size, 6);
    } finally {
      await kit.close();
    }
  });

  test('a report of an older generation, or of another incarnation, releases nothing', async () => {
    const { kit, controller } = await fleet({ handoffTimeoutMs: 60_000 });
    try {
      for (const worker of kit.workers.values()) Object.assign(worker, { reports: false });
      const c = await kit.worker('c');
      const revoked = await until(async () => {
        const view = (await controller.client.assignment()).workers.find((worker) => worker.worker === 'a');
        return view?.items.some((item) => item.state === 'revoke') === true && view;
      });
      const report = { worker: 'a', held: [], doubtful: [], started: [] };
      const lies = [
        { ...report, incarnation: revoked.incarnation, epoch: revoked.epoch, generation: revoked.generation - 1 },
        { ...report, incarnation: 'other', epoch: revoked.epoch, generation: revoked.generation + 9 },
      ];
      for (const lie of lies) {
        const node = await kit.store.get(reportPath('a'));
        await kit.store.set(reportPath('a'), encodeReport(lie), node?.version ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 400));
        assert.equal(c.held.size, 0);
      }
    } finally {
      await kit.close();
    }
  });
});
