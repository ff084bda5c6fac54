import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeLane } from '../../../common/coordination/records/worker.js';
import { lanePath } from '../../../common/coordination/znodes.js';
import { ControllerKit, type KitOptions, until } from './kit.js';

/** A fleet with one topic of `partitions` partitions, mirrored, on the given workers. */
async function fleet(
  partitions: number,
  ids: readonly string[],
  options: KitOptions & { readonly lanes?: boolean } = {},
) {
  const kit = await ControllerKit.open(options);
  kit.kafka.addTopic('east', 't', partitions);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  for (const id of ids) await kit.worker(id, { lanes: options.lanes === true });
  await controller.client.addTopic('r', { topic: 't' });
  await kit.balanced(partitions);
  return { kit, ...controller };
}

describe('workers come and go', () => {
  test('a joining worker gets its fair share, and nothing moves between the others', async () => {
    const { kit } = await fleet(12, ['a', 'b']);
    try {
      const before = kit.held();
      await kit.worker('c');
      await kit.balanced(12);
      for (const id of ['a', 'b']) {
        const now = new Set(kit.held()[id]);
        assert.equal(now.size, 4);
        assert.ok(
          [...now].every((key) => before[id]?.includes(key)),
          `${id} was given something`,
        );
      }
    } finally {
      await kit.close();
    }
  });

  test('7.2 a worker that leaves hands over first: its report comes before anybody else owns', async () => {
    const { kit, client } = await fleet(9, ['a', 'b', 'c']);
    try {
      const a = kit.workers.get('a');
      await a?.leave();
      await kit.balanced(9, ['b', 'c']);
      assert.equal(a?.held.size, 0);
      const node = (await client.assignment()).workers.find((worker) => worker.worker === 'a');
      assert.deepEqual(node?.items, []);
    } finally {
      await kit.close();
    }
  });

  test('a dead worker’s partitions move after the delay; the others keep theirs', async () => {
    const { kit, metrics } = await fleet(9, ['a', 'b', 'c']);
    try {
      const before = kit.held();
      await kit.workers.get('a')?.die();
      kit.workers.delete('a');
      await kit.balanced(9);
      for (const id of ['b', 'c']) assert.ok(before[id]?.every((key) => kit.held()[id]?.includes(key)));
      assert.match(await metrics.text(), /causeway_assignment_moves_total\{reason="died"\} 3/);
    } finally {
      await kit.close();
    }
  });

  test('a worker that is back within the delay keeps everything, and no node is written', async () => {
    const { kit, client } = await fleet(6, ['a', 'b'], { settings: { takeoverDelayMs: 4_000 } });
    try {
      // What the reports say about started partitions is written once; then the nodes rest.
      const rested = async () => {
        const view = await client.assignment();
        return view.workers.every((worker) => worker.items.every((item) => item.started)) && view;
      };
      const before = await until(rested);
      await kit.workers.get('a')?.vanish();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await kit.workers.get('a')?.comeBack();
      await new Promise((resolve) => setTimeout(resolve, 4_500));
      const generations = (view: typeof before) =>
        view.workers.map(({ worker, incarnation, generation }) => [worker, incarnation, generation]);
      assert.deepEqual(generations(await client.assignment()), generations(before));
      assert.equal(kit.workers.get('a')?.held.size, 3);
    } finally {
      await kit.close();
    }
  });

  test('7.1 a worker that restarts gets its own partitions, issued for the new incarnation', async () => {
    const { kit, client } = await fleet(6, ['a', 'b'], { lanes: true, settings: { takeoverDelayMs: 2_000 } });
    try {
      const before = kit.held();
      const a = kit.workers.get('a');
      const old = a?.incarnation;
      const generation = a?.applied?.generation ?? 0;
      await a?.register();
      assert.notEqual(a?.incarnation, old);
      await until(
        () => a?.held.size === 3,
        () => kit.held(),
      );
      assert.deepEqual(kit.held(), before);
      assert.ok((a?.applied?.generation ?? 0) > generation, 'generations grow over restarts');
      const node = (await client.assignment()).workers.find((worker) => worker.worker === 'a');
      assert.equal(node?.incarnation, a?.incarnation);
      const lanes = (await kit.store.children('/lanes')) ?? [];
      assert.ok(!lanes.some((lane) => lane.includes(`.${old}.`)), `the old lane is gone: ${lanes}`);
    } finally {
      await kit.close();
    }
  });

  test('many workers that vanish at once are waited for, at most one session timeout', async () => {
    const options = { sessionTimeoutMs: 3_000, settings: { takeoverDelayMs: 10 } };
    const { kit } = await fleet(10, ['a', 'b', 'c', 'd', 'e'], options);
    try {
      const startMs = Date.now();
      for (const id of ['a', 'b', 'c']) {
        await kit.workers.get(id)?.die();
        kit.workers.delete(id);
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      assert.deepEqual(
        [...kit.workers.values()].map((worker) => worker.held.size),
        [2, 2],
      );
      await kit.balanced(10);
      assert.ok(Date.now() - startMs >= 2_900);
    } finally {
      await kit.close();
    }
  });

  test('capacity decides the share', async () => {
    const { kit } = await fleet(8, ['a']);
    try {
      const big = await kit.worker('big', { capacity: 3 });
      await until(
        () => big.held.size === 6 && kit.workers.get('a')?.held.size === 2,
        () => kit.held(),
      );
    } finally {
      await kit.close();
    }
  });
});

describe('handoffs that go wrong end in a fence', () => {
  test('no report in time: the lane is marked before anything is given to others, and removed afterwards', async () => {
    const seen: string[] = [];
    const fenced: string[] = [];
    const { kit } = await fleet(6, ['a'], {
      lanes: true,
      settings: { handoffTimeoutMs: 300 },
      fencer: {
        fence: async ({ lane }) => {
          const path = lanePath(lane.transactionalId);
          const node = await kit.store.get(path);
          fenced.push(node === undefined ? 'gone' : decodeLane(node.data, path).state);
          seen.push(...(kit.workers.get('b')?.keys() ?? []));
        },
      },
    });
    try {
      const a = kit.workers.get('a');
      const incarnation = a?.incarnation;
      if (a !== undefined) a.reports = false;
      await kit.worker('b', { lanes: true });
      await until(() => fenced.length > 0);
      assert.ok(
        fenced.every((state) => state === 'fencing'),
        '5.1 the mark in the store comes first',
      );
      assert.deepEqual(seen, [], 'nothing was given out before the fence');
      if (a !== undefined) a.reports = true;
      await kit.balanced(6);
      await until(
        async () => !((await kit.store.children('/lanes')) ?? []).some((id) => id.includes(`.${incarnation}.`)),
      );
    } finally {
      kit.ownership.violations.length = 0;
      await kit.close();
    }
  });

  test('7.3 a doubtful partition is never given to another worker before its lane is fenced', async () => {
    let fences = 0;
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { kit } = await fleet(4, ['a'], {
      lanes: true,
      settings: { handoffTimeoutMs: 60_000 },
      fencer: {
        fence: async () => {
          fences++;
          await gate;
        },
      },
    });
    try {
      const a = kit.workers.get('a');
      if (a !== undefined) a.doubtful = [...a.held.values()].slice(0, 1);
      await a?.report();
      await until(() => fences === 1);
      const b = await kit.worker('b', { lanes: true });
      await new Promise((resolve) => setTimeout(resolve, 400));
      assert.equal(b.held.size, 0);
      release();
      await kit.balanced(4);
    } finally {
      kit.ownership.violations.length = 0;
      await kit.close();
    }
  });

  test('5.1 death in the middle of a fence: the next leader resumes from the lane’s mark', async () => {
    let fences = 0;
    const { kit, close } = await fleet(4, ['a', 'b'], {
      lanes: true,
      fencer: {
        fence: async (_request, signal) => {
          if (++fences === 1) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          if (signal.aborted) throw new Error('aborted');
        },
      },
    });
    try {
      await kit.workers.get('a')?.die();
      kit.workers.delete('a');
      await until(() => fences === 1);
      await close();
      await kit.controller();
      await kit.balanced(4);
      assert.equal(fences, 2);
    } finally {
      await kit.close();
    }
  });
});
