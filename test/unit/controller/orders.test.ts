import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import { ControllerKit, type KitOptions, PLANNER, until } from './kit.js';

async function fleet(partitions: number, ids: readonly string[], options: KitOptions = {}) {
  const kit = await ControllerKit.open(options);
  kit.kafka.addTopic('east', 't', partitions);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  for (const id of ids) await kit.worker(id);
  await controller.client.addTopic('r', { topic: 't' });
  await kit.balanced(partitions);
  return { kit, ...controller };
}

const heldBy = (kit: ControllerKit, worker: string): number => kit.workers.get(worker)?.held.size ?? 0;

describe('orders about workers', () => {
  test('a drained worker hands everything over, stays empty, and takes its share again when it is released', async () => {
    const { kit, client, metrics } = await fleet(9, ['a', 'b', 'c']);
    try {
      const order = await client.orderWorker('a', { role: 'drained', reason: 'new disk' });
      assert.deepEqual([order.role, order.routes, order.reason], ['drained', null, 'new disk']);
      await kit.balanced(9, ['b', 'c']);
      assert.equal(heldBy(kit, 'a'), 0);
      assert.equal((await client.workers()).workers.find(({ worker }) => worker === 'a')?.role, 'drained');
      assert.match(await metrics.text(), /causeway_assignment_moves_total\{reason="drained"\} 3/);
      await client.releaseWorker('a');
      await kit.balanced(9);
      assert.deepEqual(await client.workerOrder('a'), {
        worker: 'a',
        role: null,
        routes: null,
        restartUntil: null,
        reason: '',
        at: null,
      });
    } finally {
      await kit.close();
    }
  });

  test('the order stays with the name: a drained worker that restarts gets nothing', async () => {
    const { kit, client } = await fleet(6, ['a', 'b']);
    try {
      await client.orderWorker('a', { role: 'drained' });
      await kit.balanced(6, ['b']);
      await kit.workers.get('a')?.register();
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.deepEqual([heldBy(kit, 'a'), heldBy(kit, 'b')], [0, 6]);
    } finally {
      await kit.close();
    }
  });

  test('the last worker is not drained into nothing', async () => {
    const { kit, client } = await fleet(4, ['a']);
    try {
      await client.orderWorker('a', { role: 'drained' });
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(heldBy(kit, 'a'), 4);
      await kit.worker('b');
      await until(() => heldBy(kit, 'b') === 4);
    } finally {
      await kit.close();
    }
  });

  test('an excluded worker keeps what it has while others join and go', async () => {
    const { kit, client } = await fleet(8, ['a', 'b']);
    try {
      await client.orderWorker('a', { role: 'excluded' });
      const before = kit.workers.get('a')?.keys();
      await kit.worker('c');
      await until(
        () => heldBy(kit, 'b') === 2 && heldBy(kit, 'c') === 2,
        () => kit.held(),
      );
      await kit.workers.get('c')?.leave();
      await until(
        () => heldBy(kit, 'b') === 4,
        () => kit.held(),
      );
      assert.deepEqual(kit.workers.get('a')?.keys(), before);
    } finally {
      await kit.close();
    }
  });

  test('a standby takes over where a worker goes, and only then', async () => {
    const options = { settings: { planner: { ...PLANNER, maxActiveWorkers: 2 } } };
    const { kit, client } = await fleet(6, ['a', 'b'], options);
    try {
      await client.orderWorker('s', { role: 'standby' });
      await kit.worker('s');
      await new Promise((resolve) => setTimeout(resolve, 400));
      assert.equal(heldBy(kit, 's'), 0);
      await kit.workers.get('a')?.die();
      kit.workers.delete('a');
      await kit.balanced(6, ['b', 's']);
    } finally {
      await kit.close();
    }
  });

  test('a dedicated worker copies its route and nothing else; nobody else copies that route', async () => {
    const { kit, client } = await fleet(6, ['a', 'b']);
    try {
      await client.putRoute('r2', { source: 'north', target: 'west' });
      kit.kafka.addTopic('north', 'u', 4);
      await client.addTopic('r2', { topic: 'u' });
      await kit.balanced(10);
      await client.orderWorker('d', { routes: ['r2'] });
      const d = await kit.worker('d');
      await until(
        () => d.keys().join() === 'r2/u-0,r2/u-1,r2/u-2,r2/u-3' && heldBy(kit, 'a') === 3 && heldBy(kit, 'b') === 3,
        () => kit.held(),
      );
      const { moves } = await client.plan();
      assert.ok(moves.some(({ reason, to }) => reason === 'dedicated' && to === 'd'));
    } finally {
      await kit.close();
    }
  });

  test('refuses names that cannot be workers, routes that are not there, and orders that order nothing', async () => {
    const { kit, client } = await fleet(1, ['a']);
    try {
      const refused = async (work: Promise<unknown>, code: Parameters<typeof isCausewayError>[1]) =>
        await assert.rejects(work, (error) => isCausewayError(error, code));
      await refused(client.orderWorker('no/worker', { role: 'drained' }), 'INVALID_REQUEST');
      await refused(client.orderWorker('a', { routes: ['nope'] }), 'ROUTE_UNKNOWN');
      await refused(client.orderWorker('a', {}), 'INVALID_REQUEST');
    } finally {
      await kit.close();
    }
  });
});

describe('a freeze', () => {
  test('whoever goes is waited for and gets its own back; newcomers get nothing; the thaw lets everything move', async () => {
    const { kit, client } = await fleet(6, ['a', 'b'], { settings: { takeoverDelayMs: 10 } });
    try {
      const frozen = await client.freeze('rack 3');
      assert.deepEqual([frozen.frozen, frozen.reason], [true, 'rack 3']);
      await until(async () => (await client.plan()).frozen);
      const before = kit.held();
      const c = await kit.worker('c');
      await client.orderWorker('b', { role: 'drained' });
      await kit.workers.get('a')?.vanish();
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.deepEqual([c.held.size, heldBy(kit, 'b')], [0, 3]);
      // A new process under the same id.
      await kit.workers.get('a')?.register();
      await until(
        () => kit.workers.get('a')?.keys().join() === before['a']?.join(),
        () => kit.held(),
      );
      await kit.workers.get('a')?.leave();
      await until(() => heldBy(kit, 'a') === 0);
      await new Promise((resolve) => setTimeout(resolve, 400));
      assert.deepEqual([c.held.size, heldBy(kit, 'b')], [0, 3]);
      await client.thaw();
      await until(
        () => c.held.size === 6,
        () => kit.held(),
      );
      assert.equal((await client.frozen()).frozen, false);
    } finally {
      await kit.close();
    }
  });
});

describe('what would be', () => {
  test('tells moves and shares without doing anything; from any controller', async () => {
    const { kit, client } = await fleet(6, ['a', 'b']);
    try {
      const other = await kit.controller();
      for (const asked of [client, other.client]) {
        const more = await asked.simulate({ add: [{ worker: 'x' }] });
        assert.deepEqual([more.moves, more.workers.map(({ partitions }) => partitions)], [{ joined: 2 }, [2, 2, 2]]);
        const less = await asked.simulate({ remove: ['a'] });
        assert.deepEqual([less.moves, less.unassigned], [{ left: 3 }, 0]);
        const { expected, live, byLoad, byPartitions } = await asked.expectedWorkers();
        assert.deepEqual([expected, live, byLoad, byPartitions], [2, 2, null, 2]);
      }
      await assert.rejects(client.simulate({ remove: ['x'] }), (error) => isCausewayError(error, 'INVALID_REQUEST'));
      await kit.balanced(6);
    } finally {
      await kit.close();
    }
  });
});

describe('excluded partitions', () => {
  test('stop, and stay so through deaths, failovers, growth and a topic that is removed and added again', async () => {
    const { kit, client, close } = await fleet(6, ['a', 'b', 'c']);
    try {
      const view = await client.exclude('r', 't', { add: [4, 1], reason: 'poison' });
      assert.deepEqual([view.partitions, view.reason], [[1, 4], 'poison']);
      const rest = (...numbers: number[]) => numbers.map((partition) => `r/t-${partition}`);
      const held = () => [...kit.workers.values()].flatMap((worker) => worker.keys()).sort();
      const settled = async (...numbers: number[]) =>
        await until(
          () => held().join() === rest(...numbers).join(),
          () => kit.held(),
        );
      await settled(0, 2, 3, 5);
      assert.deepEqual((await client.describeTopic('r', 't')).excluded, [1, 4]);
      await kit.workers.get('a')?.die();
      kit.workers.delete('a');
      await settled(0, 2, 3, 5);
      const other = await kit.controller();
      await close();
      kit.kafka.grow('east', 't', 8);
      await settled(0, 2, 3, 5, 6, 7);
      await other.client.deleteTopic('r', 't');
      await settled();
      await other.client.addTopic('r', { topic: 't' });
      await settled(0, 2, 3, 5, 6, 7);
      await other.client.exclude('r', 't', { remove: [4], reason: 'mended' });
      await settled(0, 2, 3, 4, 5, 6, 7);
    } finally {
      await kit.close();
    }
  });
});
