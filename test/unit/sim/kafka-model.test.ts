import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { KafkaCluster } from '../../sim/kafka/cluster.js';
import type { Partition } from '../../sim/kafka/partition.js';
import { Dice } from '../../sim/kernel/dice.js';
import { Timeline } from '../../sim/kernel/timeline.js';

const LISTENER = { appended: () => undefined, truncated: () => undefined };
const HOUR_MS = 3_600_000;

function bench() {
  const timeline = new Timeline();
  const cluster = new KafkaCluster('target', 2, { timeline, dice: new Dice(1), listener: LISTENER });
  const [partition] = cluster.create('t', 1).partitions;
  assert.ok(partition);
  const settle = (): Promise<void> => timeline.run(timeline.nowMs + HOUR_MS, () => false);
  return { cluster, partition, settle };
}

function write(partition: Partition, producerId: bigint, producerEpoch: number, baseSequence: number, records = 1) {
  const content = Array.from({ length: records }, () => ({ key: null, value: null, headers: [], timestamp: 1n }));
  const appended = partition.append(buildBatch(content, { producerId, producerEpoch, baseSequence }));
  return appended.kind === 'refused' ? appended.code : `${appended.kind}@${appended.base}`;
}

/** The answers that `reference/broker-probes.md` and Kafka's source have for these. */
describe('the model of a target', () => {
  test('a batch that was stored before is known; a hole in the sequence is refused (45)', () => {
    const { partition } = bench();
    assert.equal(write(partition, 9n, 0, 0, 2), 'appended@0');
    assert.equal(write(partition, 9n, 0, 0, 2), 'known@0');
    assert.equal(write(partition, 9n, 0, 3), 45);
    assert.equal(write(partition, 9n, 0, 2), 'appended@2');
  });

  test('of an unknown producer any sequence is stored, also one behind a refused batch', () => {
    const { partition } = bench();
    assert.equal(write(partition, 9n, 0, 7), 'appended@0');
    assert.equal(write(partition, 9n, 0, 0), 45);
  });

  test('the sixth batch back is not remembered', () => {
    const { partition } = bench();
    for (let sequence = 0; sequence < 6; sequence += 1) write(partition, 9n, 0, sequence);
    assert.equal(write(partition, 9n, 0, 0), 45);
    assert.equal(write(partition, 9n, 0, 1), 'known@1');
  });

  test('InitProducerId alone fences nobody; behind the abort marker the old epoch is refused (47)', async () => {
    const { cluster, partition, settle } = bench();
    const { transactions } = cluster;
    const lane = transactions.init('lane');
    assert.equal(write(partition, lane.producerId, lane.producerEpoch, 0), 'appended@0');
    const fencer = transactions.init('lane');
    assert.deepEqual([fencer.producerId, fencer.producerEpoch], [lane.producerId, 1]);
    assert.equal(write(partition, lane.producerId, lane.producerEpoch, 1), 'appended@1');
    const identity = { transactionalId: 'lane', producerId: lane.producerId, producerEpoch: 1 };
    assert.deepEqual(transactions.add(identity, [{ topic: 't', partition: 0 }]), [0]);
    assert.equal(transactions.end(identity), 0);
    await settle();
    assert.equal(partition.log.entries.at(-1)?.isControl, true);
    assert.equal(transactions.describe('lane')?.state, 'CompleteAbort');
    assert.equal(write(partition, lane.producerId, lane.producerEpoch, 2), 47);
  });

  test('one bad topic fails the others (55); a fenced owner is told 90; an open transaction makes a bare call wait (51)', async () => {
    const { cluster, settle } = bench();
    const { transactions } = cluster;
    const { producerId } = transactions.init('lane');
    const identity = { transactionalId: 'lane', producerId, producerEpoch: 0 };
    const places = [
      { topic: 't', partition: 0 },
      { topic: 'gone', partition: 0 },
    ];
    assert.deepEqual(transactions.add(identity, places), [55, 3]);
    assert.deepEqual(transactions.add(identity, places.slice(0, 1)), [0]);
    assert.equal(transactions.init('lane').errorCode, 51);
    await settle();
    assert.equal(transactions.init('lane').producerEpoch, 2);
    assert.equal(transactions.end(identity), 90);
  });

  test('a coordinator that takes office writes the markers of what is ending, a second time where they are written', async () => {
    const { cluster, partition, settle } = bench();
    const { transactions } = cluster;
    const { producerId } = transactions.init('lane');
    const identity = { transactionalId: 'lane', producerId, producerEpoch: 0 };
    cluster.create('stuck', 1).partitions[0]?.lead(-1);
    const places = [
      { topic: 't', partition: 0 },
      { topic: 'stuck', partition: 0 },
    ];
    transactions.add(identity, places);
    transactions.end(identity);
    await settle();
    assert.equal(transactions.describe('lane')?.state, 'PrepareAbort');
    transactions.restart();
    await settle();
    assert.equal(partition.log.entries.filter(({ isControl }) => isControl).length, 2);
  });

  test('what the follower has not goes with the leader, and with it what was known of its producer', async () => {
    const { partition, settle } = bench();
    assert.equal(write(partition, 9n, 0, 0), 'appended@0');
    await settle();
    assert.equal(partition.highWatermark, 1);
    partition.stall(true);
    assert.equal(write(partition, 9n, 0, 1), 'appended@1');
    let code = -1;
    partition.whenSafe(2, (answer) => {
      code = answer;
    });
    partition.lead(partition.leader === 1 ? 2 : 1);
    assert.deepEqual([code, partition.log.end, partition.epoch], [6, 1, 1]);
    assert.equal(partition.isSettling, true);
    partition.stall(false);
    await settle();
    assert.equal(partition.isSettling, false);
    assert.equal(write(partition, 9n, 0, 1), 'appended@1');
  });
});
