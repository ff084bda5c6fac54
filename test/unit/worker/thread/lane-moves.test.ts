import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../../common/observability/logger.js';
import { Lane } from '../../../../worker/lane/lane.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { LaneMoves } from '../../../../worker/thread/lane-moves.js';
import { ManualClock } from '../manual-clock.js';
import { testPartition } from '../partition/partition-kit.js';

function laneOf(index: number): Lane {
  return new Lane({
    ...{ transactionalId: `causeway.f.w.i.${index}`, worker: 'w', incarnation: 'i', index, target: 't' },
    ...{ producerId: 7n, producerEpoch: 0, state: 'active', http: '', createdAt: '' },
  });
}

function setUp(count: number) {
  const [retired, fresh] = [laneOf(0), laneOf(1)];
  const riding = new Set<MirroredPartition>();
  for (let number = 0; number < count; number++) {
    const partition = testPartition('r', number);
    partition.lane = retired;
    retired.join(partition.targetKey);
    riding.add(partition);
  }
  const moved: MirroredPartition[] = [];
  const clock = new ManualClock();
  const moves = new LaneMoves({
    riders: (lane) => [...riding].filter((partition) => partition.lane === lane),
    move: (partition) => {
      moved.push(partition);
      riding.delete(partition);
    },
    clock,
    logger: silentLogger,
  });
  const begin = (partition: MirroredPartition): void => {
    partition.lane?.leave(partition.targetKey);
    fresh.join(partition.targetKey);
    partition.lane = fresh;
    riding.add(partition);
  };
  return { retired, moved, moves, clock, begin, riding };
}

test('5.6 a lane that is fenced while its worker lives gives its other partitions to a fresh one, one after the other', () => {
  const { retired, moved, moves, clock, begin } = setUp(3);
  moves.retire(retired);
  moves.retire(retired);
  assert.ok(retired.retired);
  for (let count = 1; count <= 3; count++) {
    clock.pass(500);
    assert.equal(moved.length, count, 'the next waits until the one before has begun');
    begin(moved[count - 1] as MirroredPartition);
    clock.pass(100);
  }
  clock.pass(5_000);
  assert.equal(moved.length, 3);
  assert.equal(retired.size, 0);
});

test('5.6 one that does not come off a retired lane holds up the others for a while only', () => {
  const { retired, moved, moves, clock } = setUp(2);
  moves.retire(retired);
  clock.pass(4_000);
  assert.equal(moved.length, 1);
  clock.pass(2_000);
  assert.equal(moved.length, 2);
});

test('5.6 one that was paused leaves a retired lane when it goes on', () => {
  const { retired, moved, moves, clock, riding } = setUp(1);
  const [paused] = [...riding] as [MirroredPartition];
  riding.clear();
  moves.retire(retired);
  clock.pass(60_000);
  assert.deepEqual(moved, []);
  riding.add(paused);
  clock.pass(1_500);
  assert.deepEqual(moved, [paused]);
});
