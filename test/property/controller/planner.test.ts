import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Homeless, Plan, PlanPartition, PlanWorker } from '../../../controller/core/plan-model.js';
import { plan } from '../../../controller/core/planner.js';

const NO_LIMIT = 1_000_000;

const topics = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 0, maxLength: 8 });
const capacities = fc.array(fc.constantFrom(0.5, 1, 1, 2), { minLength: 1, maxLength: 7 });

function partitionsOf(sizes: readonly number[]): PlanPartition[] {
  return sizes.flatMap((size, topic) =>
    Array.from({ length: size }, (_, partition) => ({
      key: `t${topic}-${partition}`,
      topic: `t${topic}`,
      at: { homeless: 'new' as Homeless },
    })),
  );
}

const workersOf = (list: readonly number[]): PlanWorker[] => list.map((capacity, i) => ({ worker: `w${i}`, capacity }));

function settled(partitions: readonly PlanPartition[], result: Plan): PlanPartition[] {
  return partitions.map(({ key, topic }) => ({ key, topic, at: { owner: result.owners.get(key) as string } }));
}

function loads(result: Plan): Map<string, number> {
  const loads = new Map<string, number>();
  for (const worker of result.owners.values()) loads.set(worker, (loads.get(worker) ?? 0) + 1);
  return loads;
}

function assertBalanced(result: Plan, workers: readonly PlanWorker[], total: number): void {
  const capacity = workers.reduce((sum, worker) => sum + worker.capacity, 0);
  for (const worker of workers) {
    const share = (total * worker.capacity) / capacity;
    const load = loads(result).get(worker.worker) ?? 0;
    assert.ok(
      load >= Math.floor(share + 1e-9) && load <= Math.ceil(share - 1e-9),
      `${worker.worker}: ${load} of ${share}`,
    );
  }
}

test('every partition has exactly one worker, and each worker the floor or ceiling of its share', () => {
  fc.assert(
    fc.property(topics, capacities, (sizes, list) => {
      const partitions = partitionsOf(sizes);
      const workers = workersOf(list);
      const result = plan({ workers, partitions, maxBalanceMoves: NO_LIMIT });
      assert.deepEqual([...result.owners.keys()].sort(), partitions.map(({ key }) => key).sort());
      assertBalanced(result, workers, partitions.length);
    }),
  );
});

test('the same world in gives no move out, in whatever order it is told', () => {
  fc.assert(
    fc.property(topics, capacities, fc.infiniteStream(fc.nat()), (sizes, list, seeds) => {
      const workers = workersOf(list);
      const partitions = partitionsOf(sizes);
      const first = plan({ workers, partitions, maxBalanceMoves: NO_LIMIT });
      const shuffled = settled(partitions, first)
        .map((partition) => ({ partition, rank: seeds.next().value as number }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ partition }) => partition);
      const again = plan({ workers: [...workers].reverse(), partitions: shuffled, maxBalanceMoves: NO_LIMIT });
      assert.deepEqual(again.moves, []);
      assert.deepEqual([...again.owners].sort(), [...first.owners].sort());
    }),
  );
});

test('a joining worker gets its share, with no move that is not to it', () => {
  fc.assert(
    fc.property(topics, fc.integer({ min: 1, max: 7 }), (sizes, count) => {
      const partitions = partitionsOf(sizes);
      const before = workersOf(Array(count).fill(1));
      const after = workersOf(Array(count + 1).fill(1));
      const first = plan({ workers: before, partitions, maxBalanceMoves: NO_LIMIT });
      const joined = plan({ workers: after, partitions: settled(partitions, first), maxBalanceMoves: NO_LIMIT });
      assertBalanced(joined, after, partitions.length);
      assert.ok(joined.moves.every((move) => move.to === `w${count}`));
      // Fewer moves could not balance the fleet: the newcomer has no more than it must.
      assert.ok(joined.moves.length <= Math.ceil(partitions.length / (count + 1)));
    }),
  );
});

test('when one worker leaves, only its partitions move', () => {
  fc.assert(
    fc.property(topics, fc.integer({ min: 2, max: 7 }), fc.nat(), (sizes, count, seed) => {
      const partitions = partitionsOf(sizes);
      const all = workersOf(Array(count).fill(1));
      const first = plan({ workers: all, partitions, maxBalanceMoves: NO_LIMIT });
      const gone = `w${seed % count}`;
      const orphaned = settled(partitions, first).map(
        (partition): PlanPartition =>
          'owner' in partition.at && partition.at.owner === gone
            ? { ...partition, at: { homeless: 'died' }, from: gone }
            : partition,
      );
      const rest = all.filter(({ worker }) => worker !== gone);
      const after = plan({ workers: rest, partitions: orphaned, maxBalanceMoves: NO_LIMIT });
      assertBalanced(after, rest, partitions.length);
      assert.equal(after.moves.length, loads(first).get(gone) ?? 0);
      assert.ok(after.moves.every((move) => move.from === gone && move.reason === 'died'));
    }),
  );
});

test('with any limit of moves, rounds converge to balance and then rest', () => {
  fc.assert(
    fc.property(topics, capacities, fc.integer({ min: 1, max: 5 }), (sizes, list, limit) => {
      const workers = workersOf(list);
      let partitions = partitionsOf(sizes).map((partition): PlanPartition => ({ ...partition, at: { owner: 'w0' } }));
      for (let round = 0; round < 200; round++) {
        const result = plan({ workers, partitions, maxBalanceMoves: limit });
        assert.ok(result.moves.length <= limit);
        partitions = settled(partitions, result);
        if (result.moves.length > 0) continue;
        assertBalanced(result, workers, partitions.length);
        return;
      }
      assert.fail('it never rests');
    }),
  );
});

test('what its worker has not begun is never moved for balance, others make up for it, and once it has begun the rest follows', () => {
  const begins = fc.array(fc.boolean(), { minLength: 96, maxLength: 96 });
  fc.assert(
    fc.property(topics, capacities, begins, (sizes, list, flags) => {
      const workers = workersOf(list);
      const crowded = partitionsOf(sizes).map((partition): PlanPartition => ({ ...partition, at: { owner: 'w0' } }));
      const beginning = crowded.map(
        (partition, i): PlanPartition => (flags[i] === true ? { ...partition, begins: true } : partition),
      );
      const first = plan({ workers, partitions: beginning, maxBalanceMoves: NO_LIMIT });
      for (const { key } of beginning.filter((partition) => partition.begins === true)) {
        assert.equal(first.owners.get(key), 'w0');
      }
      const rested = settled(crowded, first);
      const stillBeginning = rested.map(
        (partition, i): PlanPartition => (flags[i] === true ? { ...partition, begins: true } : partition),
      );
      assert.deepEqual(plan({ workers, partitions: stillBeginning, maxBalanceMoves: NO_LIMIT }).moves, []);
      const last = plan({ workers, partitions: rested, maxBalanceMoves: NO_LIMIT });
      assertBalanced(last, workers, crowded.length);
    }),
  );
});

test('need moves what has not begun all the same: its worker is gone', () => {
  const result = plan({
    workers: workersOf([1]),
    partitions: [{ key: 't-0', topic: 't', at: { owner: 'gone' }, begins: true }],
    maxBalanceMoves: 0,
  });
  assert.equal(result.owners.get('t-0'), 'w0');
});
