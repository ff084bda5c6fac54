import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ControllerKit, PLANNER, until } from './kit.js';

const MB = 1_000_000;

/** Two workers with two topics' partitions between them; each partition says what `bytesOf` gives. */
async function loadedFleet(bytesOf: (partition: number) => number, planner: Partial<typeof PLANNER> = {}) {
  const kit = await ControllerKit.open({ settings: { planner: { ...PLANNER, ...planner } } });
  kit.kafka.addTopic('east', 't', 6);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  for (const id of ['a', 'b']) {
    const worker = await kit.worker(id);
    worker.says = ({ partition }) => ({ bytesPerS: bytesOf(partition) });
    await worker.serve();
  }
  await controller.client.addTopic('r', { topic: 't' });
  await kit.balanced(6);
  return { kit, controller };
}

const loadOf = (kit: ControllerKit, worker: string, bytesOf: (partition: number) => number): number =>
  [...(kit.workers.get(worker)?.held.values() ?? [])].reduce((sum, { partition }) => sum + bytesOf(partition), 0);

describe('loads that the workers tell', () => {
  test('partitions are exchanged by handoff until the loads are even; then nothing moves, and the moves say why', async () => {
    const heavy = new Set<number>();
    const bytesOf = (partition: number): number => (heavy.has(partition) ? 40 * MB : MB);
    const { kit, controller } = await loadedFleet(bytesOf);
    try {
      const [first, second] = [...(kit.workers.get('a')?.held.values() ?? [])];
      for (const item of [first, second]) heavy.add(item?.partition ?? -1);
      await until(
        () => loadOf(kit, 'a', bytesOf) === loadOf(kit, 'b', bytesOf),
        () => kit.held(),
      );
      await kit.balanced(6);
      const rested = kit.held();
      const view = await until(async () => {
        const shown = await controller.client.plan();
        return shown.underWay === 0 && shown.moves.length === 2 && shown;
      });
      assert.ok(view.moves.every(({ reason, from, to }) => reason === 'load' && from !== to));
      assert.equal(view.measured, 6);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      assert.deepEqual(kit.held(), rested);
      assert.match(await controller.metrics.text(), /causeway_assignment_moves_total\{reason="load"\} 2/);
      assert.match(await controller.metrics.text(), /causeway_worker_load_bytes\{worker="a"\} \d{7,8}/);
    } finally {
      await kit.close();
    }
  });

  test('a new leader, who has measured nothing, moves nothing', async () => {
    const bytesOf = (partition: number): number => (partition < 3 ? 40 * MB : MB);
    const { kit, controller } = await loadedFleet(bytesOf, { settleMs: 600_000 });
    try {
      const before = kit.held();
      const other = await kit.controller();
      await controller.close();
      await until(async () => (await other.client.plan().catch(() => undefined)) !== undefined);
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.deepEqual(kit.held(), before);
    } finally {
      await kit.close();
    }
  });

  test('a partition that stands still while its neighbours advance goes to another worker, once per cool-down', async () => {
    const { kit, controller } = await loadedFleet(() => 0, { stuckAfterMs: 400 });
    try {
      const stuck = [...(kit.workers.get('a')?.held.values() ?? [])][0]?.partition ?? -1;
      for (const worker of kit.workers.values()) {
        worker.says = ({ partition }) => ({
          bytesPerS: 0,
          sourceOffset: partition === stuck ? 3n : BigInt(Date.now()),
        });
      }
      const moved = () => kit.workers.get('b')?.keys().includes(`r/t-${stuck}`) === true;
      await until(moved, () => kit.held());
      await kit.balanced(6);
      const { moves } = await until(async () => {
        const shown = await controller.client.plan();
        return shown.underWay === 0 && shown.moves.length > 0 && shown;
      });
      assert.equal(moves.find(({ partition }) => partition === stuck)?.reason, 'stuck');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      assert.ok(moved(), 'it stays, though it is still stuck');
    } finally {
      await kit.close();
    }
  });

  test('any controller shows the leader’s plan', async () => {
    const { kit, controller } = await loadedFleet(() => MB);
    try {
      const other = await kit.controller();
      const [own, asked] = await Promise.all([controller.client.plan(), until(() => other.client.plan())]);
      assert.deepEqual(
        [own, asked].map(({ workers }) => workers.map(({ worker, partitions }) => [worker, partitions])),
        Array(2).fill([
          ['a', 3],
          ['b', 3],
        ]),
      );
    } finally {
      await kit.close();
    }
  });
});
