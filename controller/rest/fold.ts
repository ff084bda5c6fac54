import type { TopicStatusView } from '../../common/api/fleet-shapes.js';
import type { AssignmentItem } from '../../common/model/assignment.js';
import type { PartitionStatus } from '../../common/model/status.js';

/** One assigned partition, with what its worker says of it. */
export interface Placed {
  readonly item: AssignmentItem;
  readonly worker: string;
  readonly status: PartitionStatus | undefined;
}

/** The sum of what is known; null when something is unknown (a worker's -1 is unknown) or nothing is there at all. */
export function sumOrNull(values: readonly number[] | undefined): number | null {
  if (values === undefined || values.some((value) => value < 0)) return null;
  return values.reduce((sum, value) => sum + value, 0);
}

type Head = Pick<TopicStatusView, 'route' | 'topic' | 'targetTopic' | 'paused' | 'retired' | 'excluded' | 'problems'>;

/** One topic from its partitions: lags add up (seconds: the worst counts), one unknown partition makes the sum unknown. */
export function foldTopic(head: Head, placed: readonly Placed[]): TopicStatusView {
  const states: Record<string, number> = {};
  for (const { status } of placed) {
    const state = status?.state ?? 'unknown';
    states[state] = (states[state] ?? 0) + 1;
  }
  const statuses = placed.map(({ status }) => status);
  const all = statuses.length > 0 && statuses.every((status) => status !== undefined);
  const known = all ? statuses.flatMap((status) => (status === undefined ? [] : [status])) : undefined;
  const seconds = known?.map((status) => status.lagSeconds);
  return {
    ...head,
    assigned: placed.length,
    states,
    workers: [...new Set(placed.map(({ worker }) => worker))].sort(),
    lagRecords: sumOrNull(known?.map((status) => status.lagRecords)),
    lagSeconds: seconds === undefined || seconds.some((value) => value < 0) ? null : Math.max(0, ...seconds),
    recordsPerS: sumOrNull(known?.map((status) => status.recordsPerS)),
    bytesPerS: sumOrNull(known?.map((status) => status.bytesPerS)),
    throttled: statuses.filter((status) => status?.throttledBy !== undefined).length,
    recordsCopied: sumOrNull(known?.map((status) => status.recordsCopied)),
  };
}
