import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../../common/errors/error.js';
import { type Aside, dealt } from '../../../../worker/core/asides.js';
import type { QueuedBatch } from '../../../../worker/core/partition-queue.js';
import { batchOf, runningOutlet, sendAll } from './partition-kit.js';

const aside = (offset: number): Aside => ({
  offset,
  topic: 'elsewhere',
  partition: 0,
  record: { key: null, value: null, headers: [], timestamp: 1n },
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function withAsides(sourceFirst: number, recordCount: number): QueuedBatch {
  const batch = batchOf(sourceFirst, Math.max(recordCount, 1));
  return {
    ...batch,
    recordCount,
    sourceNext: sourceFirst + 10,
    asides: { records: [aside(sourceFirst)], isWritten: false },
  };
}

/** An outlet with a plain batch, one with asides and another plain one; `written` lets the asides be stored. */
function outletWithAsides(recordCount = 10) {
  const writes: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const divert = (): Promise<void> => new Promise((resolve, reject) => writes.push({ resolve, reject }));
  const kit = runningOutlet(1, { divert });
  for (const batch of [withAsides(10, recordCount), batchOf(20, 10)]) {
    kit.budget.charge(batch.bytes);
    kit.partition.queue.push(batch);
  }
  const firsts = (): number[] => sendAll(kit.outlet).map(({ sourceFirst }) => sourceFirst);
  const answer = (sourceFirst: number, baseOffset: number): void => {
    const batch = kit.partition.queue.oldest as QueuedBatch;
    assert.equal(batch.sourceFirst, sourceFirst);
    kit.outlet.answered(batch, 0, baseOffset, -1);
  };
  return { ...kit, writes, firsts, answer };
}

describe('records that go elsewhere', () => {
  test('are stored once all before their batch is answered, and before it is sent; what is behind waits', async () => {
    const { partition, writes, firsts, answer } = outletWithAsides();
    assert.deepEqual(firsts(), [0], 'the first is under way');
    assert.equal(writes.length, 0);
    answer(0, 0);
    assert.deepEqual(firsts(), []);
    assert.deepEqual([writes.length, partition.queue.unanswered], [1, 1], 'the batch counts as sent');
    assert.equal(partition.queue.settledNext, 10);
    writes[0]?.resolve();
    await turn();
    assert.deepEqual([partition.queue.unanswered, partition.queue.resending], [0, true], 'no transaction may end here');
    assert.deepEqual(firsts(), [10]);
    answer(10, 10);
    assert.deepEqual(firsts(), [20]);
    assert.equal(partition.queue.settledNext, 20);
  });

  test('a drain in the middle ends when their batch has its answer', async () => {
    const { partition, outlet, writes, firsts, answer } = outletWithAsides();
    firsts();
    answer(0, 0);
    firsts();
    let isQuiet = false;
    outlet.drain(() => {
      isQuiet = true;
    });
    writes[0]?.resolve();
    await turn();
    assert.equal(isQuiet, false);
    assert.deepEqual(firsts(), [10]);
    answer(10, 10);
    assert.ok(isQuiet);
    assert.equal(partition.queue.settledNext, 20);
  });

  test('where nothing else is left of a batch, they move the position', async () => {
    const { partition, writes, firsts, answer, budget } = outletWithAsides(0);
    firsts();
    answer(0, 0);
    firsts();
    writes[0]?.resolve();
    await turn();
    assert.equal(partition.queue.settledNext, 20);
    assert.deepEqual(firsts(), [20]);
    answer(20, 10);
    assert.deepEqual([partition.targetNext, budget.usedBytes], [20, 0]);
  });

  test('what could not be stored is tried again; nothing of it is settled, nothing behind it sent', async () => {
    const { partition, writes, firsts, answer, port } = outletWithAsides();
    firsts();
    answer(0, 0);
    firsts();
    writes[0]?.reject(new CausewayError('TARGET_TOPIC_MISSING', 'not there yet'));
    await turn();
    assert.equal(partition.reason?.code, 'TARGET_TOPIC_MISSING');
    assert.equal(partition.queue.settledNext, 10);
    assert.deepEqual(firsts(), [], 'asked for again, and no more');
    assert.equal(writes.length, 2);
    writes[1]?.reject(new CausewayError('TARGET_REFUSED', 'too large'));
    await turn();
    assert.ok(port.calls.includes('pause TARGET_REFUSED'));
    assert.ok(partition.queue.drained);
  });

  test('each goes with the part of the batch that it lies before, the last ones with the last', () => {
    const offsets = (parts: readonly (readonly Aside[])[]): number[][] =>
      parts.map((part) => part.map(({ offset }) => offset));
    assert.deepEqual(offsets(dealt([1, 5, 8, 12].map(aside), [4, 9])), [[1], [5, 8, 12]]);
    assert.deepEqual(offsets(dealt([aside(3)], [9, 19])), [[3], []]);
    assert.deepEqual(dealt([], []), []);
  });
});
