import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type LaneRecord, MAX_PARTITIONS_PER_LANE } from '../../../../common/model/worker.js';
import { Lane } from '../../../../worker/lane/lane.js';
import { LanePool } from '../../../../worker/lane/lane-pool.js';

const record: LaneRecord = {
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
};
const HOUR_MS = 3_600_000;

describe('exactly-once.md 3: sequences', () => {
  test('3.1 a partition that leaves and comes back goes on where it was', () => {
    const lane = new Lane(record);
    lane.join('t-0');
    assert.equal(lane.takeSequence('t-0', 10), 0);
    lane.leave('t-0');
    lane.join('t-0');
    assert.equal(lane.takeSequence('t-0', 5), 10);
    assert.equal(lane.takeSequence('t-1', 5), 0, 'each partition counts for itself');
  });

  test('3.2 one batch at a time until the first acknowledgement, and again after an hour without one', () => {
    const lane = new Lane(record);
    assert.equal(lane.window('t-0', 0), 1);
    lane.acked('t-0', 1_000);
    assert.equal(lane.window('t-0', 2_000), 5);
    assert.equal(lane.window('t-1', 2_000), 1);
    assert.equal(lane.window('t-0', 1_000 + HOUR_MS), 1);
  });

  test('3.5 sequences wrap after 2^31 - 1', () => {
    const lane = new Lane(record);
    lane.rewindSequence('t-0', 2 ** 31 - 2);
    assert.equal(lane.takeSequence('t-0', 5), 2 ** 31 - 2);
    assert.equal(lane.takeSequence('t-0', 1), 3);
  });

  test('2.5 a dead lane gives no sequence numbers', () => {
    const lane = new Lane(record);
    lane.markDead();
    assert.throws(() => lane.takeSequence('t-0', 1), /dead lane/);
  });
});

describe('the lanes of a thread', () => {
  function pool(): { pool: LanePool; order: string[] } {
    const order: string[] = [];
    let index = 0;
    const lanes = new LanePool({
      fleet: 'f',
      worker: 'w',
      incarnation: 'i',
      target: 't',
      http: '',
      nextIndex: () => index++,
      initProducer: (id) => {
        order.push(`init ${id}`);
        return Promise.resolve({ producerId: BigInt(index), producerEpoch: 0 });
      },
      register: async (lane) => {
        await setImmediate();
        order.push(`register ${lane.transactionalId}`);
      },
      monotonicMs: () => 0,
      isoNow: () => '',
    });
    return { pool: lanes, order };
  }

  test('2.2, 2.3 a lane is initialised once and registered before anybody gets it', async () => {
    const { pool: lanes, order } = pool();
    const given = ['t-0', 't-1'].map(async (key) => {
      const lane = await lanes.laneFor(key);
      order.push('given');
      return lane;
    });
    const [a, b] = await Promise.all(given);
    assert.equal(a, b);
    assert.deepEqual(order, ['init causeway.f.w.i.0', 'register causeway.f.w.i.0', 'given', 'given']);
  });

  test('2.1 a lane carries at most 250 partitions; the next ones get another', async () => {
    const { pool: lanes } = pool();
    const all = await Promise.all(
      Array.from({ length: MAX_PARTITIONS_PER_LANE + 1 }, (_, i) => lanes.laneFor(`t-${i}`)),
    );
    assert.equal(new Set(all).size, 2);
    assert.equal(all[0]?.size, MAX_PARTITIONS_PER_LANE);
  });

  test('a partition whose sequence broke on a lane does not return to it', async () => {
    const { pool: lanes } = pool();
    const first = await lanes.laneFor('t-0');
    const second = await lanes.laneFor('t-0', new Set([first]));
    assert.notEqual(first, second);
  });
});
