import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type {
  LoadPolicy,
  Plan,
  PlanInput,
  PlanPartition,
  PlanPool,
  PlanWorker,
} from '../../../controller/core/plan-model.js';
import { plan } from '../../../controller/core/planner.js';
import { fairShares } from '../../../controller/core/quotas.js';

/* The planner with measured loads. Loads are whole numbers, so that sums are exact in whatever order they are made. */

const POLICY: LoadPolicy = { tolerance: 0.2, floor: 4, maxMoves: 1_000_000 };
const NO_LIMIT = 1_000_000;

/** Most partitions small, some large, some not measured. */
const load = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: 2_000 }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const topics = fc.array(fc.array(load, { minLength: 1, maxLength: 12 }), { minLength: 0, maxLength: 8 });
const capacities = fc.array(fc.constantFrom(0.5, 1, 1, 2), { minLength: 1, maxLength: 7 });

function partitionsOf(list: readonly (readonly (number | undefined)[])[]): PlanPartition[] {
  return list.flatMap((loads, topic) =>
    loads.map((value, partition) => ({
      key: `t${topic}-${partition}`,
      topic: `t${topic}`,
      at: { homeless: 'new' as const },
      ...(value === undefined ? {} : { load: value }),
    })),
  );
}

const workersOf = (list: readonly number[]): PlanWorker[] => list.map((capacity, i) => ({ worker: `w${i}`, capacity }));

function settled(partitions: readonly PlanPartition[], result: Plan): PlanPartition[] {
  return partitions.map(({ key, topic, load, pool }) => ({
    key,
    topic,
    at: { owner: result.owners.get(key) as string },
    ...(load === undefined ? {} : { load }),
    ...(pool === undefined ? {} : { pool }),
  }));
}

/** Rounds until one moves nothing. */
function rest(input: Omit<PlanInput, 'maxBalanceMoves'>, limit = NO_LIMIT): PlanPartition[] {
  let { partitions } = input;
  for (let round = 0; round < 300; round++) {
    const result = plan({ ...input, partitions, maxBalanceMoves: limit });
    if (round > 0 && result.moves.length === 0) return [...partitions];
    partitions = settled(partitions, result);
  }
  assert.fail('it never rests');
}

function assertCounts(result: Pick<Plan, 'owners'>, workers: readonly PlanWorker[], total: number): void {
  const shares = fairShares(workers, total);
  for (const [i, { worker }] of workers.entries()) {
    const count = [...result.owners.values()].filter((owner) => owner === worker).length;
    const share = shares[i] as number;
    assert.ok(count >= Math.floor(share + 1e-9) && count <= Math.ceil(share - 1e-9), `${worker}: ${count} of ${share}`);
  }
}

test('with loads too, every partition has one worker and each worker the floor or ceiling of its share in number', () => {
  fc.assert(
    fc.property(topics, capacities, (list, sizes) => {
      const partitions = partitionsOf(list);
      const workers = workersOf(sizes);
      const rested = rest({ workers, partitions, load: POLICY });
      const owners = new Map(rested.map(({ key, at }) => [key, 'owner' in at ? at.owner : '']));
      assert.equal(owners.size, partitions.length);
      assertCounts({ owners }, workers, partitions.length);
    }),
  );
});

test('the same loads in give no move out, in whatever order they are told, and whatever was moved before', () => {
  fc.assert(
    fc.property(topics, capacities, fc.infiniteStream(fc.nat()), (list, sizes, seeds) => {
      const workers = workersOf(sizes);
      const rested = rest({ workers, partitions: partitionsOf(list), load: POLICY });
      const shuffled = rested
        .map((partition) => ({ partition, rank: seeds.next().value as number }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ partition }) => partition);
      const again = plan({
        workers: [...workers].reverse(),
        partitions: shuffled,
        load: POLICY,
        maxBalanceMoves: NO_LIMIT,
      });
      assert.deepEqual(again.moves, []);
    }),
  );
});

test('a calm fleet needs one round to be even: the next one moves nothing', () => {
  fc.assert(
    fc.property(topics, capacities, (list, sizes) => {
      const workers = workersOf(sizes);
      // Even in number, with no eye for loads.
      const blind = partitionsOf(list);
      const counted = settled(blind, plan({ workers, partitions: blind, maxBalanceMoves: NO_LIMIT }));
      const first = plan({ workers, partitions: counted, load: POLICY, maxBalanceMoves: NO_LIMIT });
      assert.ok(first.moves.every(({ reason, from, to }) => reason === 'load' && from !== to));
      const second = plan({ workers, partitions: settled(counted, first), load: POLICY, maxBalanceMoves: NO_LIMIT });
      assert.deepEqual(second.moves, []);
    }),
  );
});

test('nobody who carries too much could do better by an exchange with the least loaded worker', () => {
  fc.assert(
    fc.property(topics, fc.integer({ min: 2, max: 7 }), (list, count) => {
      const workers = workersOf(Array(count).fill(1));
      const rested = rest({ workers, partitions: partitionsOf(list), load: POLICY });
      const { shares } = plan({ workers, partitions: rested, load: POLICY, maxBalanceMoves: NO_LIMIT });
      const measured = shares.every((share) => share.load !== null);
      if (!measured) return;
      const known = rested.flatMap((partition) => (partition.load === undefined ? [] : [partition.load]));
      const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
      const loadsAt = (worker: string): number[] =>
        rested.filter(({ at }) => 'owner' in at && at.owner === worker).map((partition) => partition.load ?? mean);
      const sum = (loads: readonly number[]): number => loads.reduce((total, value) => total + value, 0);
      const fair = sum(rested.map((partition) => partition.load ?? mean)) / count;
      const full = shares.reduce((a, b) => ((b.load ?? 0) > (a.load ?? 0) ? b : a));
      const light = shares.reduce((a, b) => ((b.load ?? 0) < (a.load ?? 0) ? b : a));
      const [high, low] = [loadsAt(full.worker), loadsAt(light.worker)];
      if (sum(high) <= fair * (1 + POLICY.tolerance) + POLICY.floor) return;
      const smallestGain = 0.01 * fair + 0.1 * POLICY.floor + 1e-6;
      for (const gives of high) {
        for (const takes of low) {
          const after = Math.max(sum(high) - gives + takes, sum(low) + gives - takes);
          assert.ok(after >= sum(high) - smallestGain, `${full.worker} could give ${gives} for ${takes}`);
        }
      }
    }),
  );
});

test('when a worker is gone, that round moves its partitions and no others, whatever the loads are', () => {
  fc.assert(
    fc.property(topics, fc.integer({ min: 2, max: 7 }), fc.nat(), (list, count, seed) => {
      const workers = workersOf(Array(count).fill(1));
      const rested = rest({ workers, partitions: partitionsOf(list), load: POLICY });
      const gone = `w${seed % count}`;
      const orphaned = rested.map(
        (partition): PlanPartition =>
          'owner' in partition.at && partition.at.owner === gone
            ? { ...partition, at: { homeless: 'died' }, from: gone }
            : partition,
      );
      const others = workers.filter(({ worker }) => worker !== gone);
      const after = plan({ workers: others, partitions: orphaned, load: POLICY, maxBalanceMoves: NO_LIMIT });
      const lost = orphaned.filter(({ at }) => 'homeless' in at);
      assert.deepEqual(after.moves.map(({ key }) => key).sort(), lost.map(({ key }) => key).sort());
      assert.ok(after.moves.every((move) => move.from === gone && move.reason === 'died'));
      assertCounts(after, others, orphaned.length);
    }),
  );
});

test('with any limit of moves, rounds converge and then rest; no round exceeds the limit', () => {
  fc.assert(
    fc.property(topics, capacities, fc.integer({ min: 2, max: 6 }), (list, sizes, limit) => {
      const workers = workersOf(sizes);
      const partitions = partitionsOf(list).map((partition): PlanPartition => ({ ...partition, at: { owner: 'w0' } }));
      const first = plan({ workers, partitions, load: POLICY, maxBalanceMoves: limit });
      assert.ok(first.moves.length <= limit);
      const rested = rest({ workers, partitions, load: POLICY }, limit);
      const owners = new Map(rested.map(({ key, at }) => [key, 'owner' in at ? at.owner : '']));
      assertCounts({ owners }, workers, partitions.length);
    }),
  );
});

test('partitions that rest are not moved for load, and those that stay are not moved for anything', () => {
  fc.assert(
    fc.property(topics, capacities, fc.nat(), (list, sizes, seed) => {
      const workers = workersOf(sizes);
      const partitions = partitionsOf(list);
      const counted = settled(partitions, plan({ workers, partitions, maxBalanceMoves: NO_LIMIT })).map(
        (partition, i): PlanPartition => {
          if ((i + seed) % 3 === 0) return { ...partition, rests: true };
          const { at } = partition;
          return (i + seed) % 3 === 1 && 'owner' in at ? { ...partition, at: { ...at, stays: true } } : partition;
        },
      );
      const { moves } = plan({ workers, partitions: counted, load: POLICY, maxBalanceMoves: NO_LIMIT });
      const kinds = new Map(counted.map((partition) => [partition.key, partition]));
      for (const { key, reason } of moves) {
        const partition = kinds.get(key);
        assert.ok(partition !== undefined && !('stays' in partition.at), `${key} stays`);
        if (partition.rests === true) assert.notEqual(reason, 'load');
      }
    }),
  );
});

/** Routes for all and for some of the workers, in pools that overlap, vanish, or are the same as others. */
const poolsOfWorkers = fc.array(fc.subarray(['w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w9']), { maxLength: 3 });

test('with pools too, rounds converge and then rest, and every partition ends with a worker of its pool', () => {
  fc.assert(
    fc.property(topics, poolsOfWorkers, capacities, fc.infiniteStream(fc.nat()), (list, memberLists, sizes, draws) => {
      const workers = workersOf(sizes);
      const pools = new Map(
        memberLists.map((members, i): [string, PlanPool] => [`p${i}`, { workers: members, reason: 'zone' }]),
      );
      const partitions = partitionsOf(list).map((partition): PlanPartition => {
        const draw = draws.next().value as number;
        return { ...partition, at: { owner: `w${draw % sizes.length}` }, pool: `p${(draw >> 8) % 4}` };
      });
      const rested = rest({ workers, partitions, load: POLICY, pools });
      for (const { at, pool } of rested) {
        const living = (pools.get(pool ?? '')?.workers ?? []).filter((id) =>
          workers.some(({ worker }) => worker === id),
        );
        const owner = 'owner' in at ? at.owner : '';
        if (living.length > 0) assert.ok(living.includes(owner), `${owner} is not in ${pool}`);
      }
    }),
    { numRuns: 300 },
  );
});

test('in one pool beside all others the numbers are even', () => {
  fc.assert(
    fc.property(
      topics,
      fc.subarray(['w0', 'w1', 'w2', 'w3', 'w4'], { minLength: 1 }),
      fc.infiniteStream(fc.nat()),
      (list, members, draws) => {
        const workers = workersOf(Array(5).fill(1));
        const pools = new Map([['p', { workers: members, reason: 'zone' as const }]]);
        const partitions = partitionsOf(list).map((partition): PlanPartition => {
          const draw = draws.next().value as number;
          const at = { owner: `w${draw % 5}` };
          return draw % 2 === 0 ? { ...partition, at, pool: 'p' } : { ...partition, at };
        });
        const rested = rest({ workers, partitions, load: POLICY, pools });
        if (members.length === 5) return;
        const counts = new Map<string, number>(members.map((member) => [member, 0]));
        for (const { at, pool } of rested) {
          const owner = 'owner' in at ? at.owner : '';
          if (pool !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
        }
        const numbers = [...counts.values()];
        assert.ok(Math.max(...numbers) - Math.min(...numbers) <= 1, `${numbers}`);
      },
    ),
  );
});
