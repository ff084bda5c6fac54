import type { JobPartitionView, JobSummary, JobView } from '../../common/api/job-shapes.js';
import { type Job, type JobRange, jobPartitionKey, jobRouteName } from '../../common/model/job.js';
import type { PartitionStatus, WorkerStatus } from '../../common/model/status.js';
import { withSightings } from '../core/job-progress.js';
import { isUnderWay } from './job-parts.js';
import { sightingsOf } from './sightings.js';

/** What workers say now. */
export type Statuses = ReadonlyMap<string, WorkerStatus>;

interface Held {
  readonly worker: string;
  readonly status: PartitionStatus;
}

/** A job as its node and its workers have it now. */
export function jobView(job: Job, statuses: Statuses, problems: JobView['problems']): JobView {
  const topics = topicViews(job, statuses);
  return { ...summaryOf(job, topics), topics, problems };
}

export function jobSummary(job: Job, statuses: Statuses): JobSummary {
  return summaryOf(job, topicViews(job, statuses));
}

function topicViews(job: Job, statuses: Statuses): JobView['topics'] {
  const now = withSightings(job, sightingsOf(job, statuses.values()), new Set());
  const progress = new Map(now.progress.map((one) => [jobPartitionKey(one), one]));
  const held = isUnderWay(job) ? heldOf(job, statuses) : new Map<string, Held>();
  return job.topics.map(({ topic, targetTopic, ranges }) => ({
    topic,
    targetTopic,
    partitions: ranges.map((range) => {
      const key = jobPartitionKey({ topic, partition: range.partition });
      return partitionView(range, progress.get(key), held.get(key));
    }),
  }));
}

function heldOf(job: Job, statuses: Statuses): Map<string, Held> {
  const route = jobRouteName(job);
  const held = new Map<string, Held>();
  for (const [worker, { partitions }] of statuses) {
    for (const status of partitions) if (status.route === route) held.set(jobPartitionKey(status), { worker, status });
  }
  return held;
}

function partitionView(
  { partition, from, until }: JobRange,
  progress: Job['progress'][number] | undefined,
  held: Held | undefined,
): JobPartitionView {
  const position = progress?.position ?? from;
  const isDone = progress?.isDone === true;
  const status = isDone ? undefined : held?.status;
  const rate = status?.recordsPerS ?? 0;
  return {
    partition,
    from: String(from),
    until: String(until),
    position: String(position),
    records: progress?.records ?? 0,
    bytes: progress?.bytes ?? 0,
    gapRecords: progress?.gapRecords ?? 0,
    state: isDone ? 'done' : (status?.state ?? 'waiting'),
    reason: status?.reason ?? null,
    worker: isDone ? null : (held?.worker ?? null),
    etaSeconds: isDone ? 0 : rate > 0 ? Number(until - position) / rate : null,
  };
}

function summaryOf(job: Job, topics: JobView['topics']): JobSummary {
  const partitions = topics.flatMap((topic) => topic.partitions);
  const sum = (of: (one: JobPartitionView) => number): number => partitions.reduce((total, one) => total + of(one), 0);
  const { id, source, target, state, delivery, isolation, timestamps, limits, createdAt, finishedAt } = job;
  return {
    id,
    source,
    target,
    state,
    delivery,
    isolation,
    timestamps,
    limits: { ...limits },
    createdAt,
    finishedAt: finishedAt ?? null,
    partitions: partitions.length,
    partitionsDone: partitions.filter((one) => one.state === 'done').length,
    offsets: sum(({ from, until }) => Number(until) - Number(from)),
    offsetsDone: sum(({ from, position }) => Number(position) - Number(from)),
    records: sum(({ records }) => records),
    bytes: sum(({ bytes }) => bytes),
    gapRecords: sum(({ gapRecords }) => gapRecords),
    etaSeconds: etaOf(partitions),
  };
}

/** When the last one is there; unknown while any of them is. */
function etaOf(partitions: readonly JobPartitionView[]): number | null {
  const etas = partitions.map(({ etaSeconds }) => etaSeconds);
  return etas.includes(null) ? null : Math.max(...etas.map((eta) => eta ?? 0));
}
