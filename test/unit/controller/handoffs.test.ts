import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AssignmentItem, PartitionRef, WorkerAssignment } from '../../../common/model/assignment.js';
import type { WorkerReport } from '../../../common/model/worker.js';
import type { Holder } from '../../../controller/core/holders.js';
import { Handoffs } from '../../../controller/loop/handoffs.js';

const TIMEOUT_MS = 1_000;
const REF: PartitionRef = { route: 'r', topic: 't', partition: 0 };
const BEGUN = { ...REF, timeline: 1 };

function holder(report: Partial<WorkerReport> | undefined, generation = 5): Holder {
  const item = { ...REF, state: 'revoke' } as AssignmentItem;
  const base = { worker: 'a', incarnation: 'a1', epoch: 1 };
  const assignment: WorkerAssignment = { ...base, generation, items: [item], routes: [], limits: [] };
  const said = { ...base, generation, held: [REF], doubtful: [], started: [], ...report };
  return {
    worker: 'a',
    assignment,
    state: 'serving',
    live: undefined,
    report: report === undefined ? undefined : said,
  };
}

/** Why the worker is given up at each of these times after the revocation, if it is. */
function verdicts(one: Holder, timesMs: readonly number[]): (string | undefined)[] {
  const handoffs = new Handoffs(TIMEOUT_MS);
  handoffs.observe([one], 0);
  return timesMs.map((nowMs) => handoffs.observe([one], nowMs).overdue[0]?.reason);
}

describe('a handoff that takes long', () => {
  test('of a partition that was being copied ends at the timeout', () => {
    assert.deepEqual(verdicts(holder({ started: [BEGUN] }), [999, 1_000]), [undefined, 'handoff-timeout']);
  });

  test('of one that its worker has not begun, and says so, ends later: nothing of it was ever sent', () => {
    assert.deepEqual(verdicts(holder({}), [1_000, 5_999, 6_000]), [undefined, undefined, 'handoff-timeout']);
  });

  test('is not waited for where the worker has not heard the order, says nothing, or has let go in doubt', () => {
    assert.deepEqual(verdicts(holder({ generation: 4 }), [1_000]), ['handoff-timeout']);
    assert.deepEqual(verdicts(holder(undefined), [1_000]), ['handoff-timeout']);
    assert.deepEqual(verdicts(holder({ held: [], doubtful: [REF] }), [1]), ['doubtful']);
  });

  test('a report of another life of the worker counts for nothing', () => {
    // Such a report is not in the holder at all: `Observation` leaves it out.
    assert.deepEqual(verdicts({ ...holder(undefined), state: 'leaving' }, [1_000]), ['handoff-timeout']);
  });

  test('one that begins after all is bound by the timeout from the revocation again', () => {
    const handoffs = new Handoffs(TIMEOUT_MS);
    handoffs.observe([holder({})], 0);
    assert.deepEqual(handoffs.observe([holder({})], 3_000).overdue, []);
    assert.equal(handoffs.observe([holder({ started: [BEGUN] })], 3_001).overdue[0]?.reason, 'handoff-timeout');
  });
});
