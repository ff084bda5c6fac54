import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import { seededRandom } from '../../../../common/runtime/random.js';
import type { QueuedBatch } from '../../../../worker/core/partition-queue.js';
import { Lane } from '../../../../worker/lane/lane.js';
import { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { TransactionalLane } from '../../../../worker/transactional/transactional-lane.js';
import { MapTopic } from '../offsets/keeper-kit.js';
import { batchOf, testPartition } from '../partition/partition-kit.js';
import { FakeCoordinator } from './fake-coordinator.js';

/** Time at a multiple of its pace. */
function fastClock(factor: number): Clock {
  return {
    wallMs: () => systemClock.wallMs(),
    monotonicMs: () => systemClock.monotonicMs() * factor,
    after: (delayMs, callback) => systemClock.after(delayMs / factor, callback),
    sleep: (delayMs, signal) => systemClock.sleep(delayMs / factor, signal),
  };
}

async function soon(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 6_000 && !holds(); i++) await systemClock.sleep(5);
  assert.ok(holds(), what);
}

const lanes: TransactionalLane[] = [];
afterEach(() => Promise.all(lanes.splice(0).map((lane) => lane.close())));

/** A lane, and partitions whose batches are sent as soon as it admits them; answered at once unless they are mute. */
class World {
  readonly coordinator = new FakeCoordinator();
  readonly mapTopic = new MapTopic();
  readonly ended: string[] = [];
  readonly restarted: string[] = [];
  readonly unfit: string[] = [];
  readonly mute = new Set<MirroredPartition>();
  dead = 0;
  readonly lane: TransactionalLane;

  constructor(clock: Clock = systemClock) {
    const record = {
      transactionalId: 'causeway.f.w.i.0',
      worker: 'w',
      incarnation: 'i',
      index: 0,
      target: 't',
      producerId: 7n,
      producerEpoch: 0,
      state: 'active',
      http: '',
      createdAt: '',
    } as const;
    this.lane = new TransactionalLane(new Lane(record, true), false, {
      client: this.coordinator.client(clock),
      port: {
        ready: (partition) => queueMicrotask(() => this.send(partition)),
        freed: () => undefined,
        restart: (partition) => this.restarted.push(partition.key),
        rewind: (partition, { sourceOffset }) => {
          partition.queue.dropAll();
          partition.begin({ source: Number(sourceOffset), target: 0, runSource: 0, runTarget: 0 });
        },
      },
      maps: this.mapTopic.keeper(clock),
      mayWrite: () => true,
      checkIntervalMs: 20,
      refreshMs: 600_000,
      dead: () => {
        this.dead += 1;
      },
      unfit: (partition) => this.unfit.push(partition.key),
      ended: (outcome) => this.ended.push(outcome),
      clock,
      random: seededRandom(1),
      logger: silentLogger,
    });
    lanes.push(this.lane);
  }

  /** Has its first position committed. */
  async partition(number: number): Promise<MirroredPartition> {
    const { item, route } = testPartition('r', number);
    const partition = new MirroredPartition(item, { ...route, delivery: 'transactional' });
    this.lane.join(partition);
    partition.lane = this.lane.lane;
    partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
    assert.ok(await this.lane.commitPosition(partition));
    partition.started = true;
    return partition;
  }

  /** Puts a batch of ten into the queue. */
  push(partition: MirroredPartition): void {
    partition.queue.push(batchOf(partition.queue.fetchNext, 10));
    this.send(partition);
  }

  send(partition: MirroredPartition): void {
    for (let batch = partition.queue.next(5); batch !== undefined; batch = partition.queue.next(5)) {
      if (!this.lane.admits(partition, batch.bytes)) return;
      partition.queue.markSent(batch);
      if (!this.mute.has(partition)) this.#answer(partition, batch);
    }
  }

  #answer(partition: MirroredPartition, batch: QueuedBatch): void {
    setImmediate(() => {
      if (batch.state !== 'sent') return;
      partition.queue.ack(batch, 0);
      this.lane.answered(partition);
    });
  }

  committed(partition: MirroredPartition): string | undefined {
    return this.coordinator.committed.get(partition.targetKey)?.split(' ')[1];
  }
}

describe('a transactional lane', () => {
  test('the first position is committed before anything else, and every batch with the position behind it', async () => {
    const world = new World();
    const partition = await world.partition(0);
    assert.equal(world.committed(partition), '0');
    world.push(partition);
    assert.equal(partition.queue.unanswered, 0, 'not before the partition is part of a transaction');
    await soon('committed', () => world.committed(partition) === '10');
    assert.equal(partition.committedSource, 10);
    assert.equal(world.coordinator.state, 'committed');
    assert.deepEqual(world.ended, ['committed', 'committed']);
  });

  test('8.1 runs that could not be written yet are written once they can be, though nothing more is copied', async () => {
    const world = new World();
    world.mapTopic.partitions = undefined;
    const partition = await world.partition(0);
    for (let i = 0; i < 500; i += 1) {
      partition.runs.stored({ sourceFirst: 2 * i, recordCount: 1, sourceOffsets: null }, i);
    }
    world.push(partition);
    await soon('committed', () => world.committed(partition) === '10');
    assert.equal(world.mapTopic.batches.length, 0);
    assert.equal(partition.runs.size, 499);
    world.mapTopic.partitions = 16;
    await soon('written', () => partition.runs.size === 0);
    assert.equal(world.mapTopic.chains.length, 1);
    const ends = world.coordinator.count(ApiKey.EndTxn);
    await systemClock.sleep(100);
    assert.equal(world.coordinator.count(ApiKey.EndTxn), ends, 'once');
  });

  test('partitions that have something to send share a transaction; who rides along without moving commits nothing', async () => {
    const world = new World();
    const [a, b, c] = [await world.partition(0), await world.partition(1), await world.partition(2)];
    const before = world.coordinator.count(ApiKey.EndTxn);
    for (const partition of [a, b]) world.push(partition);
    await soon('both committed', () => world.committed(a) === '10' && world.committed(b) === '10');
    assert.equal(world.coordinator.count(ApiKey.EndTxn), before + 1);
    assert.equal(world.committed(c), '0');
  });

  test('the answer to the commit is lost: asked again under the same epoch, and the next transaction has another one', async () => {
    const world = new World();
    const partition = await world.partition(0);
    const ends = world.coordinator.count(ApiKey.EndTxn);
    world.coordinator.mishap = (api, nth) => (api === ApiKey.EndTxn && nth === ends + 1 ? 'lost-after' : undefined);
    const { lane } = world.lane;
    world.push(partition);
    await soon('committed', () => partition.committedSource === 10);
    await soon('a higher epoch', () => world.lane.lane.record.producerEpoch === 1);
    assert.ok(lane.dead, 'nothing more goes out under the old one');
    assert.equal(partition.lane, world.lane.lane);
    assert.deepEqual(world.ended, ['committed', 'committed']);
    world.push(partition);
    await soon('the next is committed, too', () => world.committed(partition) === '20');
  });

  test('a request that may still arrive raises the epoch although everything was committed', async () => {
    for (const api of [ApiKey.AddPartitionsToTxn, ApiKey.AddOffsetsToTxn, ApiKey.TxnOffsetCommit]) {
      const world = new World();
      const partition = await world.partition(0);
      const asked = world.coordinator.count(api);
      world.coordinator.mishap = (key, nth) => (key === api && nth === asked + 1 ? 'lost-before' : undefined);
      world.push(partition);
      await soon('committed', () => partition.committedSource === 10);
      await soon('a higher epoch', () => world.lane.lane.record.producerEpoch === 1);
      assert.deepEqual(world.ended, ['committed', 'committed']);
    }
  });

  test('what cannot stand is aborted with everything else, which goes back to its committed position under a new epoch', async () => {
    const world = new World();
    const [good, bad] = [await world.partition(0), await world.partition(1)];
    world.mute.add(bad);
    for (const partition of [good, bad]) world.push(partition);
    await soon('the good one’s is stored', () => good.queue.settledNext === 10);
    world.lane.broken(bad, { code: 'SEQUENCE_BROKEN', message: 'broken' });
    await soon('aborted', () => world.ended.includes('aborted'));
    assert.equal(world.coordinator.state, 'aborted');
    assert.equal(world.coordinator.epoch, 1);
    assert.deepEqual([good.queue.settledNext, bad.queue.settledNext], [0, 0]);
    assert.deepEqual([world.restarted, world.unfit], [[bad.key], [bad.key]]);
    world.push(good);
    await soon('the good one goes on', () => world.committed(good) === '10');
    assert.equal(world.committed(bad), '0');
  });

  test('a partition that gets no answer does not hold up the others for ever', async () => {
    const world = new World(fastClock(50));
    const [good, bad] = [await world.partition(0), await world.partition(1)];
    world.mute.add(bad);
    for (const partition of [good, bad]) world.push(partition);
    await soon('aborted', () => world.ended.includes('aborted'));
    assert.deepEqual(world.unfit, [bad.key]);
    world.push(good);
    await soon('the good one goes on', () => world.committed(good) === '10');
  });

  test('no answer at all is nobody’s fault', async () => {
    const world = new World(fastClock(50));
    const partition = await world.partition(0);
    world.mute.add(partition);
    world.push(partition);
    await soon('aborted', () => world.ended.includes('aborted'));
    assert.deepEqual([world.unfit, world.restarted], [[], []]);
    world.mute.clear();
    world.push(partition);
    await soon('it goes on', () => world.committed(partition) === '10');
  });

  test('a position that the target refuses aborts the transaction once, and is left out of the next', async () => {
    const world = new World();
    const [good, bad] = [await world.partition(0), await world.partition(1)];
    world.coordinator.positionCodes.set(bad.targetKey, 3);
    for (const partition of [good, bad]) world.push(partition);
    await soon('aborted', () => world.ended.includes('aborted'));
    assert.deepEqual(world.restarted, [bad.key]);
    world.push(good);
    await soon('the good one goes on', () => world.committed(good) === '10');
    assert.equal(world.ended.filter((outcome) => outcome === 'aborted').length, 1);
  });

  test('who leaves in the middle takes what it stored along', async () => {
    const world = new World();
    const [stays, leaves] = [await world.partition(0), await world.partition(1)];
    world.mute.add(stays);
    for (const partition of [stays, leaves]) world.push(partition);
    await soon('stored', () => leaves.queue.settledNext === 10);
    world.lane.leave(leaves);
    await soon('aborted', () => world.ended.includes('aborted'));
    assert.equal(world.committed(leaves), '0');
    assert.equal(stays.queue.settledNext, 0);
  });

  test('a fenced lane is told of once, and gives nobody a position any more', async () => {
    const world = new World();
    const partition = await world.partition(0);
    world.coordinator.epoch = 5;
    world.push(partition);
    await soon('told', () => world.dead === 1);
    assert.ok(world.lane.isDead);
    assert.equal(await world.lane.commitPosition(partition), false);
    assert.equal(world.lane.hasRoomFor('elsewhere-0'), false);
    assert.equal(world.committed(partition), '0');
  });

  test('two partitions that write into the same target partition do not ride it together', async () => {
    const world = new World();
    const partition = await world.partition(0);
    assert.equal(world.lane.hasRoomFor(partition.targetKey), false);
    assert.ok(world.lane.hasRoomFor('topic-1'));
    world.lane.leave(partition);
    assert.ok(world.lane.hasRoomFor(partition.targetKey));
  });
});
