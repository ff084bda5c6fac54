import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countConnections } from '../../../controller/core/connections.js';
import type { BrokersOf, Plan, PlanPartition, PlanWorker } from '../../../controller/core/plan-model.js';
import { plan } from '../../../controller/core/planner.js';

/* A worker talks to few brokers where that costs no balance: leaders decide between workers that are otherwise as good, and move nothing. */

const NO_LIMIT = 1_000_000;
const SETTINGS = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }),
  workers: fc.integer({ min: 1, max: 6 }),
  brokers: fc.integer({ min: 1, max: 6 }),
  leaders: fc.infiniteStream(fc.nat({ max: 1_000 })),
});

function partitionsOf(sizes: readonly number[]): PlanPartition[] {
  return sizes.flatMap((size, topic) =>
    Array.from({ length: size }, (_, partition) => ({
      key: `t${topic}-${partition}`,
      topic: `t${topic}`,
      at: { homeless: 'new' as const },
    })),
  );
}

function leadersOf(partitions: readonly PlanPartition[], brokers: number, leaders: Iterator<number>): BrokersOf {
  const chosen = new Map(
    partitions.map(({ key }) => {
      const [source, target] = [leaders.next().value as number, leaders.next().value as number];
      return [key, [`s/${source % brokers}`, `t/${target % brokers}`]];
    }),
  );
  return (key) => chosen.get(key) ?? [];
}

const workersOf = (count: number): PlanWorker[] =>
  Array.from({ length: count }, (_, i) => ({ worker: `w${i}`, capacity: 1 }));
const settled = (partitions: readonly PlanPartition[], { owners }: Plan): PlanPartition[] =>
  partitions.map((partition) => ({ ...partition, at: { owner: owners.get(partition.key) as string } }));
const countsOf = ({ owners }: Plan): number[] => {
  const counts = new Map<string, number>();
  for (const worker of owners.values()) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => a - b);
};
/** Partitions of each topic at each worker. */
const spreadOf = ({ owners }: Plan): number[] => {
  const counts = new Map<string, number>();
  for (const [key, worker] of owners) {
    const place = `${key.split('-')[0]}@${worker}`;
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return [...counts.values()].sort((a, b) => b - a);
};

test('over many fleets there are fewer connections, at the very same balance; in none is the number of partitions another', () => {
  let before = 0;
  let after = 0;
  let crowding = 0;
  fc.assert(
    fc.property(SETTINGS, ({ sizes, workers, brokers, leaders }) => {
      const partitions = partitionsOf(sizes);
      const brokersOf = leadersOf(partitions, brokers, leaders);
      const input = { workers: workersOf(workers), partitions, maxBalanceMoves: NO_LIMIT };
      const blind = plan(input);
      const grouped = plan({ ...input, brokersOf });
      assert.deepEqual(countsOf(grouped), countsOf(blind));
      // Which of two equals is taken first may come to matter later: neither way is better over many.
      crowding += (spreadOf(grouped)[0] ?? 0) - (spreadOf(blind)[0] ?? 0);
      before += countConnections(blind.owners, brokersOf);
      after += countConnections(grouped.owners, brokersOf);
    }),
    { numRuns: 300, seed: 7 },
  );
  assert.ok(Math.abs(crowding) <= 15, `topics are crowded more by ${crowding} in 300 fleets`);
  assert.ok(after < before * 0.95, `${before} connections before, ${after} after`);
});

test('topics whose leaders go round are packed as tightly as can be: each worker talks to its own brokers', () => {
  const partitions = partitionsOf(Array<number>(10).fill(12));
  const brokersOf: BrokersOf = (key) => [`s/${Number(key.split('-')[1]) % 4}`];
  const input = { workers: workersOf(4), partitions, maxBalanceMoves: NO_LIMIT };
  const grouped = plan({ ...input, brokersOf });
  assert.deepEqual(countsOf(grouped), [30, 30, 30, 30]);
  assert.equal(countConnections(grouped.owners, brokersOf), 4);
});

test('leaders that change move nothing, whatever connections that would save', () => {
  fc.assert(
    fc.property(SETTINGS, ({ sizes, workers, brokers, leaders }) => {
      const partitions = partitionsOf(sizes);
      const input = { workers: workersOf(workers), maxBalanceMoves: NO_LIMIT };
      const first = plan({ ...input, partitions, brokersOf: leadersOf(partitions, brokers, leaders) });
      const later = { ...input, partitions: settled(partitions, first) };
      assert.deepEqual(plan({ ...later, brokersOf: leadersOf(partitions, brokers, leaders) }).moves, []);
    }),
  );
});

test('with measured loads leaders decide between equals alone: the loads are as even with as without them', () => {
  let grouped = 0;
  let blind = 0;
  fc.assert(
    fc.property(SETTINGS, fc.infiniteStream(fc.integer({ min: 1, max: 100 })), (setting, loads) => {
      const { sizes, workers, brokers, leaders } = setting;
      const partitions = partitionsOf(sizes).map((one) => ({ ...one, load: loads.next().value as number }));
      const brokersOf = leadersOf(partitions, brokers, leaders);
      const load = { tolerance: 0.2, floor: 4, maxMoves: NO_LIMIT };
      const input = { workers: workersOf(workers), load, maxBalanceMoves: NO_LIMIT };
      const first = plan({ ...input, partitions, brokersOf });
      const fullest = ({ shares }: Plan): number => Math.max(0, ...shares.map((share) => share.load ?? 0));
      grouped += fullest(first);
      blind += fullest(plan({ ...input, partitions }));
      let present = settled(partitions, first);
      for (let round = 0; round < 50; round++) {
        const result = plan({ ...input, partitions: present, brokersOf });
        if (result.moves.length === 0) return;
        present = settled(partitions, result);
      }
      assert.fail('it never rests');
    }),
    { numRuns: 300, seed: 7 },
  );
  assert.ok(grouped < blind * 1.005, `the fullest workers: ${grouped} with, ${blind} without`);
});
