import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AssignmentItem, type PartitionRef, refKey } from '../../../../common/model/assignment.js';
import { type PartitionBetween, type ThreadHoldings, ThreadViews } from '../../../../worker/core/thread-views.js';
import { ownedItem, runningStatus } from '../../model/samples.js';

const ref = (partition: number): PartitionRef => ({ route: 'r', topic: 't', partition });
const started = (partition: number) => ({ ...ref(partition), timeline: 1 });
const holding = (...partitions: number[]): ThreadHoldings => ({
  ...{ epoch: 1, generation: 2, order: 1 },
  held: partitions.map(ref),
  ...{ doubtful: [], started: partitions.map(started), finished: [], breaks: [] },
});
const between = (partition: number): PartitionBetween => ({
  ...{ ref: ref(partition), started: started(partition), status: runningStatus(partition) },
});
const LOAD = { utilization: 0.5, loopDelayMs: 1, inflightBytes: 10 };

describe('what the threads of an incarnation say', () => {
  test('it counts once all of them speak of the same assignment', () => {
    const views = new ThreadViews();
    const assignment = { epoch: 1, generation: 2 };
    assert.equal(views.areOf(assignment, 2), false);
    views.holds(0, holding(0));
    assert.equal(views.areOf(assignment, 2), false);
    views.holds(1, { ...holding(1), generation: 1 });
    assert.equal(views.areOf(assignment, 2), false);
    views.holds(1, holding(1));
    assert.equal(views.areOf(assignment, 2), true);
    views.died(1);
    assert.equal(views.areOf(assignment, 2), false);
  });

  test('what is on its way between two threads is held, and has begun, once', () => {
    const views = new ThreadViews();
    views.holds(0, holding(0, 1));
    const report = views.report([between(1), between(2)], []);
    assert.deepEqual(report.held, [ref(0), ref(1), ref(2)]);
    assert.deepEqual(report.started, [started(0), started(1), started(2)]);
    assert.ok(!('finished' in report) && !('breaks' in report));
  });

  test('7.3 what a thread took with it when it died is held until the next one speaks, and doubtful when it is to be given back', () => {
    const views = new ThreadViews();
    views.holds(0, holding(0, 1));
    views.died(0);
    assert.deepEqual(views.held([]), [ref(0), ref(1)]);
    views.holds(0, holding(1));
    const revoked: AssignmentItem = { ...ownedItem('t', 0), state: 'revoke' };
    assert.deepEqual(views.report([], [ownedItem('t', 0), ownedItem('t', 1)]).doubtful, []);
    assert.deepEqual(views.report([], [revoked, ownedItem('t', 1)]).doubtful, [ref(0)]);
    views.holds(0, holding(0, 1));
    assert.deepEqual(views.report([], [revoked, ownedItem('t', 1)]).doubtful, []);
  });

  test('numbers come from the thread that has the partition, from its last status while it is on its way', () => {
    const views = new ThreadViews();
    views.measured(0, [runningStatus(0)], LOAD);
    assert.deepEqual(views.threads(), [], 'a thread that holds nothing yet has nothing to measure');
    for (const thread of [0, 1]) views.holds(thread, holding(0));
    views.measured(0, [{ ...runningStatus(0), recordsCopied: 1 }], LOAD);
    views.measured(1, [{ ...runningStatus(0), recordsCopied: 2 }], LOAD);
    const copied = (owner: number | undefined, moving: readonly PartitionBetween[] = []) =>
      views.statuses(moving, () => owner).map((one) => [refKey(one), one.recordsCopied]);
    const key = refKey(ref(0));
    assert.deepEqual(copied(0), [[key, 1]]);
    assert.deepEqual(copied(1), [[key, 2]]);
    assert.deepEqual(copied(undefined, [between(0)]), [[key, 0]]);
    assert.deepEqual(
      views.measurements().map(({ thread, isStarted }) => [thread, isStarted]),
      [
        [0, true],
        [1, true],
      ],
    );
    assert.deepEqual(views.threads()[0], { thread: 0, partitions: 1, ...LOAD });
  });

  test('the partitions of a silent thread stand still, but for those that were paused', () => {
    const views = new ThreadViews();
    const stall = { code: 'thread-silent', message: 'it says nothing', since: '2026-11-22T00:00:00.000Z' } as const;
    assert.equal(views.silent(0, stall), undefined);
    views.holds(0, holding(0, 1));
    views.measured(0, [runningStatus(0), { ...runningStatus(1), state: 'paused' }], LOAD);
    assert.deepEqual(
      views.silent(0, stall)?.map(({ state }) => state),
      ['stalled', 'paused'],
    );
    assert.deepEqual(
      views.statuses([], () => 0).map(({ stall: shown }) => shown),
      [stall, undefined],
    );
  });
});
