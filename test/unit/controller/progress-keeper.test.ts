import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopicProgress } from '../../../common/model/topic-progress.js';
import type { StartedRef, WorkerReport } from '../../../common/model/worker.js';
import type { Holder } from '../../../controller/core/holders.js';
import type { FleetRecords } from '../../../controller/loop/fleet-records.js';
import { ProgressKeeper } from '../../../controller/loop/progress-keeper.js';
import type { Reign } from '../../../controller/loop/reign.js';

const PROGRESS: TopicProgress = {
  route: 'r',
  topic: 't',
  sourceTopicId: null,
  targetTopic: 'u',
  timeline: 2,
  breaks: [{ partition: 3, timeline: 5, cause: 'operator', from: 'start', former: 4 }],
  started: [],
  initialPartitions: 4,
};

/** What the progress node becomes by a worker's report. */
function startedBy(...started: readonly StartedRef[]): TopicProgress[] {
  const progress = { entries: new Map([['r/t', { value: PROGRESS, version: 0 }]]), vanished: new Set() };
  const keeper = new ProgressKeeper({} as Reign, { progress } as unknown as FleetRecords);
  const report = { started, held: started } as unknown as WorkerReport;
  return keeper.started([{ report } as Holder], () => 'id');
}

const begun = (partition: number, timeline: number): StartedRef => ({ route: 'r', topic: 't', partition, timeline });

test('a partition counts as begun in the timeline that its worker names, and in no other', () => {
  assert.deepEqual(startedBy(begun(0, 2), begun(3, 5)), [{ ...PROGRESS, targetTopicId: 'id', started: [0, 3] }]);
  // A report of before the new timeline, or of a stay in the old one that is still drained.
  assert.deepEqual(startedBy(begun(0, 1), begun(1, 1), begun(3, 2), begun(3, 4)), []);
});
