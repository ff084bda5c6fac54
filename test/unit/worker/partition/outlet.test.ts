import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { QueuedBatch } from '../../../../worker/core/partition-queue.js';
import { batchOf, runningOutlet, sendAll } from './partition-kit.js';

const TIMED_OUT = 7;
/** INVALID_REQUEST: nothing that another form of the records would cure. */
const REFUSED = 42;
const NOT_LEADER = 6;
const OUT_OF_ORDER = 45;
const DAMAGED = 2;

type Batches = [QueuedBatch, QueuedBatch, QueuedBatch];

describe('the target side of a partition', () => {
  test('a drain ends although the target refuses a batch for good: what lies behind it was never stored', () => {
    const { partition, outlet, port, budget, lane } = runningOutlet(3);
    const [a, b, c] = sendAll(outlet) as Batches;
    let quiet = 0;
    outlet.drain(() => {
      quiet += 1;
    });
    outlet.answered(a, 0, 0, -1);
    outlet.answered(b, REFUSED, -1, -1);
    assert.equal(quiet, 0, 'one answer is still out');
    outlet.answered(c, OUT_OF_ORDER, -1, -1);
    assert.equal(quiet, 1);
    assert.equal(partition.queue.settledNext, 10);
    assert.equal(budget.usedBytes, 0);
    assert.equal(lane.takeSequence(partition.targetKey, 1), 10, 'the refused range is free again');
    assert.ok(!port.calls.some((call) => call.startsWith('pause')), 'a partition that leaves is not paused');
  });

  test('an older batch in doubt gets its answer before a refused one is acted on: its sequence numbers are never reused', () => {
    const { partition, outlet, port } = runningOutlet(3);
    const [a, b, c] = sendAll(outlet) as Batches;
    outlet.answered(a, TIMED_OUT, 0, -1);
    outlet.answered(b, REFUSED, -1, -1);
    outlet.answered(c, OUT_OF_ORDER, -1, -1);
    assert.ok(!port.calls.includes('pause TARGET_REFUSED'));
    assert.deepEqual(sendAll(outlet), [a], 'the same bytes again, and nothing behind the refused batch');
    assert.equal(a.baseSequence, 0);
    outlet.answered(a, 0, 0, 1);
    assert.ok(port.calls.includes('pause TARGET_REFUSED'));
    assert.equal(partition.queue.settledNext, 10);
  });

  test('a lane that lost count is left only when every answer is in', () => {
    const { partition, outlet, port, lane } = runningOutlet(3);
    const [a, b, c] = sendAll(outlet) as Batches;
    outlet.answered(a, OUT_OF_ORDER, -1, -1);
    outlet.answered(b, OUT_OF_ORDER, -1, -1);
    assert.ok(!port.calls.includes('restart SEQUENCE_BROKEN'));
    assert.deepEqual(sendAll(outlet), []);
    outlet.answered(c, OUT_OF_ORDER, -1, -1);
    assert.deepEqual(
      port.calls.filter((call) => call.startsWith('restart')),
      ['restart SEQUENCE_BROKEN'],
    );
    assert.ok(partition.brokenLanes.has(lane));
  });

  test('what leaves here undamaged and arrives damaged is tried again for ever, with pauses; what came damaged pauses the partition', () => {
    const intact = runningOutlet(1);
    for (let i = 0; i < 20; i++) {
      const [batch] = sendAll(intact.outlet) as [QueuedBatch];
      intact.outlet.answered(batch, DAMAGED, -1, -1);
      const again = batchOf(0, 10);
      intact.budget.charge(again.bytes);
      intact.partition.queue.push(again);
    }
    assert.ok(!intact.port.calls.some((call) => call.startsWith('pause')));
    assert.equal(intact.port.calls.filter((call) => call === 'restart BATCH_CORRUPT').length, 17);

    const damaged = runningOutlet(0);
    let answers = 0;
    while (!damaged.port.calls.includes('pause BATCH_CORRUPT') && answers < 20) {
      const bad = batchOf(0, 10);
      bad.source.buffer[bad.source.start + bad.source.length - 1] = 255;
      damaged.budget.charge(bad.bytes);
      damaged.partition.queue.push(bad);
      damaged.outlet.answered((sendAll(damaged.outlet) as [QueuedBatch])[0], DAMAGED, -1, -1);
      answers += 1;
    }
    assert.equal(answers, 8);
  });

  test('a drain sends what is in doubt again, and nothing new', () => {
    const { partition, outlet } = runningOutlet(8);
    const sent = sendAll(outlet);
    let quiet = false;
    outlet.drain(() => {
      quiet = true;
    });
    for (const batch of sent) outlet.lost(batch);
    assert.deepEqual(sendAll(outlet), sent);
    sent.forEach((batch, i) => void outlet.answered(batch, 0, i * 10, -1));
    assert.ok(quiet);
    assert.equal(partition.queue.settledNext, 50);
  });

  test('a paused partition gives back the memory of what its target does not take, and stays paused', () => {
    const { partition, outlet, budget } = runningOutlet(20);
    partition.on({ type: 'pause', reason: { code: 'PAUSED_BY_OPERATOR', message: '' } });
    for (let round = 0; round < 3; round++)
      for (const batch of sendAll(outlet)) outlet.answered(batch, NOT_LEADER, -1, -1);
    assert.equal(partition.state, 'paused');
    assert.equal(partition.queue.length, 5);
    assert.equal(budget.usedBytes, partition.queue.bytes);
  });

  test('a target that takes nothing holds no more memory than what is in doubt; it is fetched again when it does', () => {
    const { partition, outlet, port, budget } = runningOutlet(20);
    for (let round = 0; round < 3; round++)
      for (const batch of sendAll(outlet)) outlet.answered(batch, NOT_LEADER, -1, -1);
    assert.equal(partition.state, 'backing-off');
    assert.equal(partition.queue.length, 5);
    assert.equal(budget.usedBytes, partition.queue.bytes);
    const before = port.calls.length;
    const [first] = sendAll(outlet);
    outlet.answered(first as QueuedBatch, 0, 0, -1);
    assert.equal(partition.state, 'running');
    assert.ok(port.calls.slice(before).includes('freed'));
    assert.equal(partition.queue.fetchNext, 50);
  });
});
