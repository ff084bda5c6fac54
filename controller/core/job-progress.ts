import { type Job, type JobProgress, type JobRange, jobPartitionKey } from '../../common/model/job.js';
import type { PartitionStatus } from '../../common/model/status.js';

/** What a worker says of one partition of a job. */
export interface JobSighting {
  readonly incarnation: string;
  readonly status: Pick<
    PartitionStatus,
    'topic' | 'partition' | 'sourceOffset' | 'recordsCopied' | 'bytesCopied' | 'gapRecords'
  >;
}

/** What is known of the job once these sightings are taken in; the job itself where they tell nothing new. */
export function withSightings(
  job: Job,
  sightings: readonly JobSighting[],
  /** `topic/partition` that a worker reports to be copied up to their ends. */
  finished: ReadonlySet<string>,
): Job {
  const seen = new Map(sightings.map((sighting) => [jobPartitionKey(sighting.status), sighting]));
  const before = new Map(job.progress.map((one) => [jobPartitionKey(one), one]));
  let isNews = false;
  const progress = job.topics.flatMap(({ topic, ranges }) =>
    ranges.flatMap((range): JobProgress[] => {
      const key = jobPartitionKey({ topic, partition: range.partition });
      const last = before.get(key);
      const next = advanced(topic, range, last, seen.get(key), finished.has(key));
      if (next !== last) isNews = true;
      return next === undefined ? [] : [next];
    }),
  );
  return isNews ? { ...job, progress } : job;
}

function advanced(
  topic: string,
  { partition, from, until }: JobRange,
  last: JobProgress | undefined,
  sighting: JobSighting | undefined,
  isDone: boolean,
): JobProgress | undefined {
  if (last?.isDone === true || (sighting === undefined && !isDone)) return last;
  const base = last ?? { topic, partition, isDone: false, position: from, records: 0, bytes: 0, gapRecords: 0 };
  const counted = sighting === undefined ? base : withStay(base, sighting);
  const told = sighting?.status.sourceOffset ?? from;
  const position = isDone ? until : within(told > base.position ? told : base.position, { from, until });
  if (!isDone) {
    const isSame = counted === last && position === last.position;
    return isSame ? last : { ...counted, position };
  }
  const { stay: _over, ...total } = counted;
  return { ...total, position, isDone };
}

/** Counts begin at nothing in each stay at a worker, and in each thread of it: less than before is another one. */
function withStay(base: JobProgress, { incarnation, status }: JobSighting): JobProgress {
  const { recordsCopied: records, bytesCopied: bytes, gapRecords } = status;
  const { stay } = base;
  const isSameStay = stay?.incarnation === incarnation && records >= stay.records && gapRecords >= stay.gapRecords;
  const former = isSameStay ? stay : { records: 0, bytes: 0, gapRecords: 0 };
  if (isSameStay && records === stay.records && bytes === stay.bytes && gapRecords === stay.gapRecords) return base;
  return {
    ...base,
    records: base.records - former.records + records,
    bytes: base.bytes - former.bytes + bytes,
    gapRecords: base.gapRecords - former.gapRecords + gapRecords,
    stay: { incarnation, records, bytes, gapRecords },
  };
}

function within(offset: bigint, { from, until }: Pick<JobRange, 'from' | 'until'>): bigint {
  if (offset < from) return from;
  return offset > until ? until : offset;
}

/** Source offsets of its ranges that are not known to be settled. */
export function offsetsLeft({ topics, progress }: Job): number {
  const positions = new Map(progress.map((one) => [jobPartitionKey(one), one.position]));
  let left = 0n;
  for (const { topic, ranges } of topics) {
    for (const { partition, from, until } of ranges) {
      left += until - (positions.get(jobPartitionKey({ topic, partition })) ?? from);
    }
  }
  return Number(left);
}

/** Every partition has reached its end. */
export function isComplete({ topics, progress }: Job): boolean {
  const ranges = topics.reduce((sum, topic) => sum + topic.ranges.length, 0);
  return progress.filter(({ isDone }) => isDone).length === ranges;
}
