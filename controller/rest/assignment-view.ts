import type { WorkerAssignmentView } from '../../common/api/fleet-shapes.js';
import { compareAssignments, refKey, type WorkerAssignment } from '../../common/model/assignment.js';
import type { LiveWorker, WorkerReport } from '../../common/model/worker.js';
import { indexReport } from '../core/holders.js';

/** What a worker should hold, and what its last report says of each item. */
export function workerAssignment(
  assignment: WorkerAssignment,
  anyReport: WorkerReport | undefined,
  live: LiveWorker | undefined,
): WorkerAssignmentView {
  const { worker, incarnation, epoch, generation, items } = assignment;
  const report = anyReport?.incarnation === incarnation ? anyReport : undefined;
  const index = report === undefined ? undefined : indexReport(report);
  const begun = new Set(report?.started.map(refKey));
  const current = report !== undefined && compareAssignments(report, assignment) >= 0;
  return {
    worker,
    incarnation,
    alive: live?.incarnation === incarnation,
    epoch,
    generation,
    applied: report === undefined ? null : { epoch: report.epoch, generation: report.generation },
    items: items.map((item) => {
      const key = refKey(item);
      const { route, topic, partition, targetTopic, state, paused, timeline, started, start } = item;
      const shared = { route, topic, partition, targetTopic, state, paused, timeline, started, start };
      if (index?.doubtful.has(key)) return { ...shared, actual: 'doubtful' as const };
      if (index?.held.has(key)) return { ...shared, actual: begun.has(key) ? ('running' as const) : ('held' as const) };
      return { ...shared, actual: current ? ('released' as const) : ('pending' as const) };
    }),
  };
}
