import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ControllerKit, until } from './kit.js';

async function fleet(workers: readonly string[]) {
  const kit = await ControllerKit.open();
  kit.kafka.addTopic('east', 't', 9);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  for (const id of workers) await kit.worker(id);
  await controller.client.addTopic('r', { topic: 't' });
  await kit.balanced(9);
  return { kit, client: controller.client };
}

/** Goes as SIGTERM makes it go, and comes back as a new process under its id. */
async function restart(kit: ControllerKit, id: string): Promise<void> {
  const worker = kit.workers.get(id);
  await worker?.leave();
  await until(
    () => worker?.held.size === 0,
    () => kit.held(),
  );
  await worker?.vanish();
  await worker?.stop();
  await kit.worker(id);
}

describe('announced restarts', () => {
  test('a rolling restart of all workers, each stopped in good order, moves nothing; everybody gets their own back', async () => {
    const { kit, client } = await fleet(['a', 'b', 'c']);
    try {
      const before = kit.held();
      for (const id of ['a', 'b', 'c']) {
        const view = await client.orderWorker(id, { restartWithinMs: 60_000, reason: 'new version' });
        assert.equal(view.role, null);
        assert.ok(view.restartUntil !== null);
        await restart(kit, id);
        await until(
          () => JSON.stringify(kit.held()) === JSON.stringify(before),
          () => kit.held(),
        );
      }
      const moves = (await client.plan()).moves.filter(({ from, to }) => from !== to);
      assert.deepEqual(moves, []);
    } finally {
      await kit.close();
    }
  });

  test('a worker that dies meanwhile is waited for as well, longer than the takeover delay', async () => {
    const { kit, client } = await fleet(['a', 'b']);
    try {
      const before = kit.held();
      await client.orderWorker('a', { restartWithinMs: 60_000 });
      await kit.workers.get('a')?.die();
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.deepEqual(kit.workers.get('b')?.keys(), before['b']);
      await kit.worker('a');
      await until(
        () => JSON.stringify(kit.held()) === JSON.stringify(before),
        () => kit.held(),
      );
    } finally {
      await kit.close();
    }
  });

  test('an order to drain is followed all the same', async () => {
    const { kit, client } = await fleet(['a', 'b']);
    try {
      await client.orderWorker('a', { role: 'drained', restartWithinMs: 600_000 });
      await until(() => kit.workers.get('b')?.held.size === 9);
    } finally {
      await kit.close();
    }
  });

  test('the wait ends: what a worker that does not come back had goes to the others; and it can be taken back', async () => {
    const { kit, client } = await fleet(['a', 'b', 'c']);
    try {
      await client.orderWorker('a', { restartWithinMs: 700 });
      await kit.workers.get('a')?.die();
      kit.workers.delete('a');
      await kit.balanced(9);
      await client.orderWorker('b', { restartWithinMs: 600_000 });
      const gone = kit.workers.get('b');
      await gone?.leave();
      await until(() => gone?.held.size === 0);
      assert.ok((kit.workers.get('c')?.held.size ?? 0) < 9);
      await client.orderWorker('b', { restartWithinMs: 0 });
      await until(() => kit.workers.get('c')?.held.size === 9);
    } finally {
      await kit.close();
    }
  });
});
