import type { PartitionView, ProblemView } from '../../common/api/fleet-shapes.js';
import { refKey } from '../../common/model/assignment.js';
import { type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import { STALLS } from '../../common/model/stalls.js';
import type { WorkerStatus } from '../../common/model/status.js';
import type { FleetRecords } from '../loop/fleet-records.js';
import type { Placed } from './fold.js';

/** The assigned partitions of every topic, with what their workers say. Keyed `route/topic`. */
export function placedItems(records: FleetRecords, statuses: ReadonlyMap<string, WorkerStatus>): Map<string, Placed[]> {
  const placed = new Map<string, Placed[]>();
  for (const [worker, { value }] of records.assignments.entries) {
    const seen = new Map((statuses.get(worker)?.partitions ?? []).map((status) => [refKey(status), status]));
    for (const item of value.assignment.items) {
      const key = `${item.route}/${item.topic}`;
      const list = placed.get(key) ?? [];
      list.push({ item, worker, status: seen.get(refKey(item)) });
      placed.set(key, list);
    }
  }
  for (const list of placed.values()) list.sort((a, b) => a.item.partition - b.item.partition);
  return placed;
}

/** Keyed `route/topic`: one cluster out of reach is a problem of each of thousands of topics. */
export function problemsByTopic(problems: readonly ProblemView[]): ReadonlyMap<string, readonly ProblemView[]> {
  const byTopic = new Map<string, ProblemView[]>();
  for (const problem of problems) {
    const key = `${problem.route}/${problem.topic}`;
    const list = byTopic.get(key);
    if (list === undefined) byTopic.set(key, [problem]);
    else list.push(problem);
  }
  return byTopic;
}

/** What a topic's view says before its partitions. */
export function headOf(
  route: Route,
  entry: TopicEntry,
  { exclusions }: FleetRecords,
  problems: ReadonlyMap<string, readonly ProblemView[]>,
) {
  return {
    route: route.name,
    topic: entry.topic,
    targetTopic: targetTopicOf(route, entry.topic),
    paused: entry.paused,
    ...(entry.retired === undefined ? {} : { retired: entry.retired.by }),
    excluded: [...(exclusions.entries.get(`${route.name}/${entry.topic}`)?.value.partitions ?? [])],
    problems: [...(problems.get(`${route.name}/${entry.topic}`) ?? [])],
  };
}

/** Unknown numbers are null for the reader. */
export function partitionView({ item, worker, status }: Placed): PartitionView {
  const known = (value: bigint | undefined): string | null =>
    value === undefined || value < 0n ? null : String(value);
  const number = (value: number | undefined): number | null => (value === undefined || value < 0 ? null : value);
  return {
    partition: item.partition,
    worker,
    state: status?.state ?? 'unknown',
    reason: status?.reason ?? null,
    stall: status?.stall === undefined ? null : { ...status.stall, fix: STALLS[status.stall.code].fix },
    throttledBy: status?.throttledBy ?? null,
    thread: status?.thread ?? null,
    sourceOffset: known(status?.sourceOffset),
    targetOffset: known(status?.targetOffset),
    sourceEndOffset: known(status?.sourceEndOffset),
    lagRecords: number(status?.lagRecords),
    lagSeconds: number(status?.lagSeconds),
    recordsPerS: number(status?.recordsPerS),
    bytesPerS: number(status?.bytesPerS),
    gapRecords: number(status?.gapRecords),
  };
}
