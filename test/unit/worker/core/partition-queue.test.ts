import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PartitionQueue, type QueuedBatch } from '../../../../worker/core/partition-queue.js';
import { queued } from './queued-batch.js';

const WINDOW = 5;

function filled(count: number): { queue: PartitionQueue; batches: QueuedBatch[] } {
  const queue = new PartitionQueue(0);
  const batches = Array.from({ length: count }, (_, i) => queued(i * 10, 10));
  for (const batch of batches) queue.push(batch);
  return { queue, batches };
}

function send(queue: PartitionQueue, window = WINDOW): QueuedBatch[] {
  const sent: QueuedBatch[] = [];
  for (let batch = queue.next(window); batch !== undefined; batch = queue.next(window)) {
    queue.markSent(batch);
    sent.push(batch);
  }
  return sent;
}

describe('the queue of one partition', () => {
  test('gives batches in source order and no more than the window allows', () => {
    const { queue, batches } = filled(8);
    assert.deepEqual(send(queue), batches.slice(0, 5));
    assert.equal(queue.unanswered, 5);
    queue.ack(batches[0] as QueuedBatch, 0);
    assert.deepEqual(send(queue), [batches[5]]);
  });

  test('settles only an unbroken prefix of acknowledged batches', () => {
    const { queue, batches } = filled(3);
    send(queue);
    assert.deepEqual(queue.ack(batches[1] as QueuedBatch, 10).batches, []);
    assert.equal(queue.settledNext, 0);
    assert.deepEqual(queue.ack(batches[0] as QueuedBatch, 0).batches, [batches[0], batches[1]]);
    assert.equal(queue.settledNext, 20);
    assert.equal(queue.bytes, 100);
  });

  test('what was skipped is settled with the batch before it, or at once when nothing is queued', () => {
    const queue = new PartitionQueue(0);
    queue.skipTo(3);
    assert.equal(queue.settledNext, 3);
    const batch = queued(3, 2);
    queue.push(batch);
    queue.skipTo(9);
    assert.equal(queue.settledNext, 3);
    assert.equal(queue.fetchNext, 9);
    send(queue);
    queue.ack(batch, 0);
    assert.equal(queue.settledNext, 9);
  });

  test('after a refusal nothing goes out until all answers are in, then the same batches in order, and only then new ones', () => {
    const { queue, batches } = filled(7);
    const [a, b, c, d, e] = send(queue) as [QueuedBatch, QueuedBatch, QueuedBatch, QueuedBatch, QueuedBatch];
    queue.ack(a, 0);
    queue.requeue(b);
    assert.deepEqual(send(queue), []);
    for (const follower of [c, d, e]) {
      assert.equal(queue.behindRefused(follower), true);
      queue.requeue(follower);
    }
    assert.deepEqual(send(queue), [b, c, d, e]);
    assert.equal(queue.behindRefused(b), false, 'nothing before the oldest explains a wrong sequence');
    queue.ack(b, 10);
    assert.deepEqual(send(queue), [], 'nothing new while repeats are out');
    for (const follower of [c, d, e]) queue.ack(follower, 0);
    assert.deepEqual(send(queue), batches.slice(5));
  });

  test('a drain drops what was never sent and keeps what needs an answer', () => {
    const { queue, batches } = filled(7);
    send(queue, 2);
    queue.requeue(batches[0] as QueuedBatch);
    assert.equal(queue.dropUnsent(), 500);
    assert.equal(queue.length, 2);
    assert.equal(queue.drained, false);
    queue.ack(batches[1] as QueuedBatch, 10);
    assert.deepEqual(send(queue), [batches[0]]);
    queue.ack(batches[0] as QueuedBatch, 0);
    assert.equal(queue.drained, true);
    assert.equal(queue.settledNext, 20);
    assert.equal(queue.fetchNext, 20, 'what was dropped is fetched again if the partition goes on');
  });

  test('dropping everything goes back to what is settled', () => {
    const { queue, batches } = filled(4);
    send(queue);
    queue.ack(batches[0] as QueuedBatch, 0);
    assert.equal(queue.dropAll(), 300);
    assert.equal(queue.unanswered, 0);
    assert.equal(queue.fetchNext, 10);
    queue.push(queued(10, 10));
    assert.equal(send(queue).length, 1);
  });

  test('a batch that does not lie behind what was fetched is a bug and refused', () => {
    const { queue } = filled(1);
    assert.throws(() => queue.push(queued(0, 10)), /INTERNAL_INVARIANT|behind/);
  });
});
