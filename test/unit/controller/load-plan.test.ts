import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadOf } from '../../../controller/core/load.js';
import type { LoadPolicy, Plan, PlanPartition } from '../../../controller/core/plan-model.js';
import { plan } from '../../../controller/core/planner.js';
import { fairShares } from '../../../controller/core/quotas.js';

const POLICY: LoadPolicy = { tolerance: 0.2, floor: 1, maxMoves: 100 };

/** Partitions of one topic, by worker, each with its load. */
function fleet(loads: Readonly<Record<string, readonly number[]>>): PlanPartition[] {
  return Object.entries(loads).flatMap(([owner, list]) =>
    list.map((load, i) => ({ key: `${owner}-${i}`, topic: 't', at: { owner }, load })),
  );
}

const workersOf = (...ids: string[]) => ids.map((worker) => ({ worker, capacity: 1 }));

function planned(partitions: readonly PlanPartition[], ids: readonly string[], policy = POLICY, budget = 100): Plan {
  return plan({ workers: workersOf(...ids), partitions, load: policy, maxBalanceMoves: budget });
}

const loadsOf = (result: Plan) => Object.fromEntries(result.shares.map(({ worker, load }) => [worker, load]));

describe('measured loads', () => {
  test('heavy partitions are exchanged for light ones; the numbers stay', () => {
    const result = planned(fleet({ a: [50, 50, 1], b: [1, 1, 1] }), ['a', 'b']);
    assert.deepEqual(loadsOf(result), { a: 52, b: 52 });
    assert.deepEqual(
      result.shares.map(({ partitions }) => partitions),
      [3, 3],
    );
    assert.equal(result.moves.length, 2);
    assert.ok(result.moves.every(({ reason }) => reason === 'load'));
  });

  test('within the tolerance nothing moves; beyond it moves go on until half of it', () => {
    assert.deepEqual(planned(fleet({ a: [60, 58], b: [50, 50] }), ['a', 'b']).moves, []);
    const result = planned(fleet({ a: [60, 10, 10, 60], b: [30, 10, 10, 30] }), ['a', 'b']);
    assert.deepEqual(loadsOf(result), { a: 110, b: 110 });
  });

  test('a difference below the floor moves nothing, be it a hundredfold', () => {
    const idle = fleet({ a: [100, 100], b: [1, 1] });
    assert.deepEqual(planned(idle, ['a', 'b'], { ...POLICY, floor: 1_000 }).moves, []);
  });

  test('one giant partition is left where it is, and its worker is relieved of the rest', () => {
    const result = planned(fleet({ a: [1_000, 40, 40], b: [1, 1, 1], c: [2, 2, 2] }), ['a', 'b', 'c']);
    assert.equal(result.owners.get('a-0'), 'a');
    assert.equal(loadsOf(result)['a'], 1_002);
    assert.deepEqual(
      planned(apply(fleet({ a: [1_000, 40, 40], b: [1, 1, 1], c: [2, 2, 2] }), result), ['a', 'b', 'c']).moves,
      [],
    );
  });

  test('a spare partition goes without one in return', () => {
    const result = planned(fleet({ a: [50, 50], b: [1] }), ['a', 'b']);
    assert.equal(result.moves.length, 1);
    assert.deepEqual(loadsOf(result), { a: 50, b: 51 });
  });

  test('capacity weighs loads', () => {
    const partitions = fleet({ big: [10, 10, 10, 10], small: [80, 10] });
    const workers = [
      { worker: 'big', capacity: 2 },
      { worker: 'small', capacity: 1 },
    ];
    const result = plan({ workers, partitions, load: POLICY, maxBalanceMoves: 100 });
    assert.equal(result.owners.get('small-0'), 'big');
  });

  test('what moved lately stays, and the limits of the round hold', () => {
    const resting = fleet({ a: [50, 50, 1], b: [1, 1, 1] }).map((entry) => ({ ...entry, rests: true }));
    assert.deepEqual(planned(resting, ['a', 'b']).moves, []);
    const loaded = fleet({ a: [50, 50, 50, 50], b: [1, 1, 1, 1] });
    assert.equal(planned(loaded, ['a', 'b'], { ...POLICY, maxMoves: 2 }).moves.length, 2);
    assert.equal(planned(loaded, ['a', 'b'], POLICY, 3).moves.length, 2);
    assert.deepEqual(planned(loaded, ['a', 'b'], { ...POLICY, maxMoves: 0 }).moves, []);
  });

  test('while anything is on its way no load is moved', () => {
    const partitions: PlanPartition[] = [
      ...fleet({ a: [50, 50, 1], b: [1, 1] }),
      { key: 'x', topic: 't', at: { homeless: 'moving' }, from: 'a', prefers: 'b', why: 'load' },
    ];
    const { moves } = planned(partitions, ['a', 'b']);
    assert.deepEqual(moves, [{ key: 'x', from: 'a', to: 'b', reason: 'load' }]);
  });

  test('both halves of an exchange arrive where they were meant to go, in whatever order they are released', () => {
    const before = fleet({ a: [50, 50, 1], b: [1, 1, 1], c: [30, 30, 2] });
    const { moves, owners } = planned(before, ['a', 'b', 'c']);
    assert.ok(moves.length >= 2);
    for (const first of moves) {
      const underWay = before.map((partition): PlanPartition => {
        const move = moves.find(({ key }) => key === partition.key);
        if (move === undefined || move === first)
          return move === undefined ? partition : { ...partition, at: { owner: move.to } };
        return { ...partition, at: { homeless: 'moving' }, prefers: move.to, why: 'load' };
      });
      assert.deepEqual([...planned(underWay, ['a', 'b', 'c']).owners].sort(), [...owners].sort());
    }
  });

  test('partitions of a dead worker go where there is least load, heavy ones first', () => {
    const partitions: PlanPartition[] = [
      ...fleet({ a: [90, 1], b: [5, 5] }),
      { key: 'heavy', topic: 'u', at: { homeless: 'died' }, from: 'c', load: 80 },
      { key: 'light', topic: 'u', at: { homeless: 'died' }, from: 'c', load: 1 },
    ];
    const { owners } = planned(partitions, ['a', 'b']);
    assert.deepEqual([owners.get('heavy'), owners.get('light')], ['b', 'a']);
  });

  test('where less than half is measured, partitions are only counted', () => {
    const partitions = fleet({ a: [50, 50, 1], b: [1, 1, 1] }).map(({ load, ...entry }, i) =>
      i < 2 ? { ...entry, load: load as number } : entry,
    );
    const result = planned(partitions, ['a', 'b']);
    assert.deepEqual(result.moves, []);
    assert.deepEqual(
      result.shares.map(({ load }) => load),
      [null, null],
    );
  });

  test('what is not measured counts as the average', () => {
    const partitions: PlanPartition[] = [
      ...fleet({ a: [10, 10], b: [10] }),
      { key: 'new', topic: 't', at: { owner: 'b' } },
    ];
    assert.deepEqual(loadsOf(planned(partitions, ['a', 'b'])), { a: 20, b: 20 });
  });
});

describe('stuck partitions', () => {
  const stuck = (partitions: readonly PlanPartition[], ...keys: string[]): PlanPartition[] =>
    partitions.map((partition) => (keys.includes(partition.key) ? { ...partition, stuck: true } : partition));

  test('one goes to the least loaded other worker, against its lightest where the numbers have to stay', () => {
    const { moves } = planned(stuck(fleet({ a: [5, 5], b: [6, 5], c: [4, 3] }), 'a-1'), ['a', 'b', 'c']);
    assert.deepEqual(moves, [
      { key: 'a-1', from: 'a', to: 'c', reason: 'stuck' },
      { key: 'c-1', from: 'c', to: 'a', reason: 'balance' },
    ]);
  });

  test('it needs no measured loads', () => {
    const counted = stuck(fleet({ a: [5, 5], b: [5] }), 'a-0').map(({ load: _, ...partition }) => partition);
    assert.deepEqual(planned(counted, ['a', 'b']).moves, [{ key: 'a-0', from: 'a', to: 'b', reason: 'stuck' }]);
  });

  test('it is not moved while it rests, and not where there is nobody else', () => {
    const resting = stuck(fleet({ a: [5, 5], b: [5] }), 'a-0').map((entry) => ({ ...entry, rests: true }));
    assert.deepEqual(planned(resting, ['a', 'b']).moves, []);
    assert.deepEqual(planned(stuck(fleet({ a: [5, 5] }), 'a-0'), ['a']).moves, []);
  });

  test('few at a time, and never to a worker that has stuck ones itself', () => {
    const many = stuck(
      fleet({ a: [5, 5, 5, 5, 5], b: [5, 5, 5, 5, 5], c: [1, 1, 1, 1, 1] }),
      'a-0',
      'a-1',
      'a-2',
      'a-3',
      'b-0',
    );
    const { moves } = planned(many, ['a', 'b', 'c']);
    const forced = moves.filter(({ reason }) => reason === 'stuck');
    assert.equal(forced.length, 3);
    assert.ok(forced.every(({ to }) => to === 'c'));
  });
});

test('a record costs more than its bytes, and what lags behind counts more, within bounds', () => {
  const rates = { bytesPerS: 1_000, recordsPerS: 10, lagRecords: 0 };
  assert.equal(loadOf(rates), 1_640);
  assert.equal(loadOf({ ...rates, lagRecords: 6_000 }), 2 * 1_640);
  assert.equal(loadOf({ ...rates, lagRecords: 1e12 }), 3 * 1_640);
  assert.equal(loadOf({ ...rates, lagRecords: -1 }), 1_640);
});

test('shares fill up those that have least already', () => {
  assert.deepEqual(fairShares([{ capacity: 1 }, { capacity: 3 }], 8), [2, 6]);
  assert.deepEqual(fairShares([{ capacity: 1, base: 10 }, { capacity: 1, base: 2 }, { capacity: 1 }], 8), [0, 3, 5]);
  assert.deepEqual(fairShares([{ capacity: 1, base: 1 }, { capacity: 1 }], 0), [0, 0]);
  assert.deepEqual(fairShares([], 5), []);
});

function apply(partitions: readonly PlanPartition[], { owners }: Plan): PlanPartition[] {
  return partitions.map((partition) => ({ ...partition, at: { owner: owners.get(partition.key) as string } }));
}
