import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_DOUBT_MS } from '../../../../worker/core/doubt.js';
import type { QueuedBatch } from '../../../../worker/core/partition-queue.js';
import { runningOutlet, sendAll } from './partition-kit.js';

const TIMED_OUT = 7;
const NOT_LEADER = 6;
const OUT_OF_ORDER = 45;
const TOO_LARGE = 10;
const HOUR_MS = 3_600_000;
const EXACT = { delivery: 'exactly-once' } as const;

/** The batches' records are of time 1; the clock stands at `wallMs`, and nothing is too old unless said. */
function exactOutlet(count: number, { wallMs = 1, forgetsAfterMs = HOUR_MS } = {}) {
  const time = { nowMs: 0, wallMs };
  const made = runningOutlet(count, {
    route: EXACT,
    exactTarget: { forgetsAfterMs },
    clock: { monotonicMs: () => time.nowMs, wallMs: () => time.wallMs },
  });
  made.partition.lastTimestampMs = 1;
  return { ...made, time };
}

const abandoned = (calls: readonly string[]): string[] => calls.filter((call) => call.startsWith('abandon'));

describe('what is in doubt at an exactly-once target', () => {
  test('3.2 records so old that the target may forget their producer go one batch at a time', () => {
    const old = exactOutlet(3, { wallMs: 1 + HOUR_MS });
    const [first, ...others] = sendAll(old.outlet) as [QueuedBatch, ...QueuedBatch[]];
    assert.deepEqual(others, []);
    old.outlet.answered(first, 0, 0, -1);
    assert.equal(sendAll(old.outlet).length, 1, 'still one after an acknowledgement');
    assert.equal(
      sendAll(exactOutlet(3, { wallMs: HOUR_MS }).outlet).length,
      3,
      'records of today are in flight together',
    );
  });

  test('3.2 behind an old batch the first of today goes alone, too: only its acknowledgement makes the producer known', () => {
    const { outlet, partition } = exactOutlet(3);
    partition.lastTimestampMs = 1 - 2 * HOUR_MS;
    const [first, ...others] = sendAll(outlet) as [QueuedBatch, ...QueuedBatch[]];
    assert.deepEqual(others, []);
    outlet.answered(first, 0, 0, -1);
    assert.equal(sendAll(outlet).length, 2);
  });

  test('3.3 in doubt the same bytes go out again, for less than an hour', () => {
    const { outlet, port, time, partition, budget, lane } = exactOutlet(1);
    const [batch] = sendAll(outlet) as [QueuedBatch];
    outlet.lost(batch);
    time.nowMs = MAX_DOUBT_MS - 1;
    assert.deepEqual(sendAll(outlet), [batch]);
    outlet.answered(batch, NOT_LEADER, -1, -1);
    time.nowMs = MAX_DOUBT_MS;
    assert.deepEqual(sendAll(outlet), [], 'a refusal of the repeat does not end the doubt of the first send');
    assert.deepEqual(abandoned(port.calls), ['abandon SEQUENCE_BROKEN']);
    assert.match(port.reasons.at(-1)?.message ?? '', /more than an hour/);
    assert.ok(partition.suspect, 'its pair stays where it was');
    assert.ok(lane.isDoubted(partition.targetKey));
    assert.deepEqual([partition.queue.drained, budget.usedBytes], [true, 0]);
  });

  test('3.3 old records in doubt are never sent again: the target would store them twice', () => {
    for (const doubt of ['lost', TIMED_OUT] as const) {
      const { outlet, port } = exactOutlet(1, { wallMs: 1 + HOUR_MS });
      const [batch] = sendAll(outlet) as [QueuedBatch];
      if (doubt === 'lost') outlet.lost(batch);
      else outlet.answered(batch, doubt, 0, -1);
      assert.deepEqual(sendAll(outlet), []);
      assert.deepEqual(abandoned(port.calls), ['abandon SEQUENCE_BROKEN']);
      assert.match(port.reasons.at(-1)?.message ?? '', /so old/);
    }
  });

  test('3.3 old records that were surely not stored are sent again', () => {
    const { outlet, port } = exactOutlet(1, { wallMs: 1 + HOUR_MS });
    const [batch] = sendAll(outlet) as [QueuedBatch];
    outlet.answered(batch, NOT_LEADER, -1, -1);
    assert.deepEqual(sendAll(outlet), [batch]);
    assert.deepEqual(abandoned(port.calls), []);
  });

  test('3.3 at least once the same bytes go out again whatever their age', () => {
    const { outlet, port } = runningOutlet(1, { clock: { wallMs: () => 10 * 24 * HOUR_MS } });
    const [batch] = sendAll(outlet) as [QueuedBatch];
    outlet.lost(batch);
    assert.deepEqual(sendAll(outlet), [batch]);
    assert.deepEqual(abandoned(port.calls), []);
  });

  test('3.4 45 is no proof of a duplicate: the log is closed and walked', () => {
    const { outlet, port, partition, lane } = exactOutlet(2);
    const [a, b] = sendAll(outlet) as [QueuedBatch, QueuedBatch];
    outlet.answered(a, OUT_OF_ORDER, -1, -1);
    assert.deepEqual(abandoned(port.calls), [], 'an answer is still out');
    outlet.answered(b, OUT_OF_ORDER, -1, -1);
    assert.deepEqual(abandoned(port.calls), ['abandon SEQUENCE_BROKEN']);
    assert.ok(partition.brokenLanes.has(lane) && lane.isDoubted(partition.targetKey));
  });

  test('3.5 a batch refused after a send in doubt gives its sequence numbers to nobody', () => {
    const { outlet, port, lane, partition } = exactOutlet(1);
    const [batch] = sendAll(outlet) as [QueuedBatch];
    outlet.lost(batch);
    sendAll(outlet);
    outlet.answered(batch, TOO_LARGE, -1, -1);
    assert.deepEqual(abandoned(port.calls), ['abandon TARGET_REFUSED']);
    assert.equal(lane.takeSequence(partition.targetKey, 1), 10);
  });

  test('7.3 a drain ends without a pair when something is in doubt for good: the next owner closes the log', () => {
    const { outlet, partition, time } = exactOutlet(1);
    const [batch] = sendAll(outlet) as [QueuedBatch];
    outlet.lost(batch);
    let quiet = 0;
    outlet.drain(() => {
      quiet += 1;
    });
    assert.equal(quiet, 0);
    time.nowMs = MAX_DOUBT_MS;
    assert.deepEqual(sendAll(outlet), []);
    assert.deepEqual([quiet, partition.suspect], [1, true]);
  });

  test('2.6 a lane that is not known to be alive sends nothing', () => {
    let isKnown = false;
    const { outlet } = runningOutlet(1, { route: EXACT, exactTarget: { confirms: () => isKnown } });
    assert.deepEqual(sendAll(outlet), []);
    isKnown = true;
    assert.equal(sendAll(outlet).length, 1);
  });
});
