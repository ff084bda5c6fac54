import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { PartitionEvents, type PartitionEventsDeps } from '../../../../worker/thread/partition-events.js';
import { runningOutlet } from '../partition/partition-kit.js';

/** A thread with one partition that has three batches under way; the source is `east`, the target `west` unless its route says otherwise. */
function thread() {
  const { partition, outlet, budget } = runningOutlet(3);
  partition.sourceTopicId = 's1';
  partition.targetTopicId = 't1';
  const held = { partition, outlet, copying: true, draining: false };
  const anew: string[] = [];
  const events = new PartitionEvents({
    held: { values: () => [held].values(), of: () => held, stopCopying: () => undefined },
    handover: { startAnew: () => anew.push('anew') },
    error: () => undefined,
    random: systemRandom,
    logger: silentLogger,
  } as unknown as PartitionEventsDeps);
  const seen = (topicId: string | null) => ({ topic: () => (topicId === null ? undefined : { topicId }) }) as never;
  return { partition: partition as MirroredPartition, outlet, budget, events, anew, seen };
}

describe('topics that are described under another id', () => {
  test('the target: what is unanswered is dropped and never sent into the other topic, on another lane it begins anew', () => {
    const { partition, outlet, budget, events, anew, seen } = thread();
    const { target } = partition.route;
    outlet.next(0);
    const { life, lane } = partition;
    for (const same of ['t1', null]) events.targetSeen(target, seen(same));
    events.targetSeen('elsewhere', seen('t2'));
    assert.deepEqual([anew.length, partition.queue.unanswered], [0, 1]);
    events.targetSeen(target, seen('t2'));
    assert.deepEqual([anew.length, partition.queue.drained, budget.usedBytes], [1, true, 0]);
    assert.ok(partition.life > life, 'answers that still come concern nobody');
    assert.ok(lane !== undefined && partition.brokenLanes.has(lane));
    assert.equal(partition.reason?.code, 'TARGET_TOPIC_RECREATED');
    assert.equal(partition.queue.settledNext, 0, 'nothing of it counts as copied');
  });

  test('a suspect goes back to what was beyond doubt', () => {
    const { partition, outlet, events, seen } = thread();
    outlet.next(0);
    partition.committedSource = 0;
    partition.suspectFrom(7, undefined);
    events.targetSeen(partition.route.target, seen('t2'));
    assert.equal(partition.queue.settledNext, 7);
    assert.equal(partition.checkpoint()?.sourceOffset, 7n);
  });

  test('the source: it begins anew, and the start procedure finds out what that means', () => {
    const { partition, events, anew, seen } = thread();
    const { source } = partition.route;
    for (const same of ['s1', null]) events.sourceSeen(source, seen(same));
    assert.equal(anew.length, 0);
    events.sourceSeen(source, seen('s2'));
    assert.equal(anew.length, 1);
    assert.equal(partition.reason?.code, 'SOURCE_TOPIC_RECREATED');
  });
});
