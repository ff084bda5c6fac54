import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Homeless, PlanPartition } from '../../../controller/core/plan-model.js';
import { plan } from '../../../controller/core/planner.js';
import { fairQuotas } from '../../../controller/core/quotas.js';

function fresh(topic: string, count: number, homeless: Homeless = 'new'): PlanPartition[] {
  return Array.from({ length: count }, (_, i) => ({ key: `${topic}-${i}`, topic, at: { homeless } }));
}

function settle(partitions: readonly PlanPartition[], owners: ReadonlyMap<string, string>): PlanPartition[] {
  return partitions.map(({ key, topic }) => ({ key, topic, at: { owner: owners.get(key) as string } }));
}

const workers = (...ids: string[]) => ids.map((worker) => ({ worker, capacity: 1 }));

function counts(owners: ReadonlyMap<string, string>): Record<string, number> {
  const result: Record<string, number> = {};
  for (const worker of owners.values()) result[worker] = (result[worker] ?? 0) + 1;
  return result;
}

const LIMIT = 500;

describe('the planner', () => {
  test('leaves everything unassigned when there is no worker', () => {
    const result = plan({ workers: [], partitions: fresh('t', 3), maxBalanceMoves: LIMIT });
    assert.deepEqual([...result.unassigned], ['t-0', 't-1', 't-2']);
    assert.equal(result.moves.length, 0);
  });

  test('spreads each topic, not only the sum', () => {
    const partitions = [...fresh('a', 4), ...fresh('b', 4)];
    const { owners } = plan({ workers: workers('x', 'y'), partitions, maxBalanceMoves: LIMIT });
    for (const topic of ['a', 'b']) {
      const mine = [...owners].filter(([key]) => key.startsWith(topic)).map(([, worker]) => worker);
      assert.equal(mine.filter((worker) => worker === 'x').length, 2, topic);
    }
  });

  test('gives a joining worker its fair share and moves nothing between the others', () => {
    const partitions = fresh('t', 12);
    const before = plan({ workers: workers('a', 'b'), partitions, maxBalanceMoves: LIMIT });
    const after = plan({
      workers: workers('a', 'b', 'c'),
      partitions: settle(partitions, before.owners),
      maxBalanceMoves: LIMIT,
    });
    assert.deepEqual(counts(after.owners), { a: 4, b: 4, c: 4 });
    assert.equal(after.moves.length, 4);
    assert.ok(after.moves.every((move) => move.to === 'c' && move.reason === 'joined'));
  });

  test('spreads the partitions of a worker that died and says so', () => {
    const partitions = fresh('t', 9);
    const before = plan({ workers: workers('a', 'b', 'c'), partitions, maxBalanceMoves: LIMIT });
    const orphaned = settle(partitions, before.owners).map((partition) =>
      'owner' in partition.at && partition.at.owner === 'c'
        ? { ...partition, at: { homeless: 'died' as const }, from: 'c' }
        : partition,
    );
    const after = plan({ workers: workers('a', 'b'), partitions: orphaned, maxBalanceMoves: LIMIT });
    assert.equal(after.moves.length, 3);
    assert.ok(after.moves.every((move) => move.reason === 'died' && move.from === 'c'));
  });

  test('weighs by capacity', () => {
    const owners = plan({
      workers: [
        { worker: 'big', capacity: 3 },
        { worker: 'small', capacity: 1 },
      ],
      partitions: fresh('t', 16),
      maxBalanceMoves: LIMIT,
    }).owners;
    assert.deepEqual(counts(owners), { big: 12, small: 4 });
  });

  test('gives a worker that came back its own partitions', () => {
    const partitions = fresh('t', 4).map((partition, i) => ({
      ...partition,
      at: { homeless: 'died' as const },
      prefers: i < 2 ? 'a' : 'b',
    }));
    const { owners } = plan({ workers: workers('a', 'b'), partitions, maxBalanceMoves: LIMIT });
    assert.deepEqual([...owners].sort(), [
      ['t-0', 'a'],
      ['t-1', 'a'],
      ['t-2', 'b'],
      ['t-3', 'b'],
    ]);
  });

  test('moves at most the limit per round, and the rest in the next ones', () => {
    const partitions = settle(fresh('t', 20), new Map(fresh('t', 20).map(({ key }) => [key, 'a'])));
    const first = plan({ workers: workers('a', 'b'), partitions, maxBalanceMoves: 3 });
    assert.equal(first.moves.length, 3);
    const second = plan({
      workers: workers('a', 'b'),
      partitions: settle(partitions, first.owners),
      maxBalanceMoves: LIMIT,
    });
    assert.equal(second.moves.length, 7);
  });

  test('places 100,000 partitions on 200 workers within a second of one core', () => {
    const ids = Array.from({ length: 200 }, (_, i) => `w${i}`);
    const partitions = Array.from({ length: 10_000 }, (_, topic) => fresh(`t${topic}`, 10)).flat();
    const before = process.cpuUsage();
    const { owners } = plan({ workers: workers(...ids), partitions, maxBalanceMoves: LIMIT });
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1_000;
    assert.ok(Object.values(counts(owners)).every((count) => count === 500));
    // Of the processor: a shared machine is allowed to be busy.
    assert.ok(tookMs < 1_000, `${Math.round(tookMs)} ms`);
  });

  test('refuses a world that contradicts itself', () => {
    const twice = [...fresh('t', 1), ...fresh('t', 1)];
    assert.throws(() => plan({ workers: workers('a'), partitions: twice, maxBalanceMoves: 1 }), /listed twice/);
    assert.throws(() => plan({ workers: [{ worker: 'a', capacity: 0 }], partitions: [], maxBalanceMoves: 1 }));
  });
});

test('quotas add up to the total and keep the spare units with those that have them', () => {
  const even = [0, 1, 1].map((current) => ({ capacity: 1, current: 3 + current }));
  assert.deepEqual(fairQuotas(even, 11), [3, 4, 4]);
  assert.deepEqual(
    fairQuotas(
      [
        { capacity: 0.1, current: 0 },
        { capacity: 0.2, current: 0 },
      ],
      3,
    ),
    [1, 2],
  );
  assert.deepEqual(fairQuotas([], 0), []);
});
