import { type Job, jobRouteName } from '../../common/model/job.js';
import type { WorkerStatus } from '../../common/model/status.js';
import type { JobSighting } from '../core/job-progress.js';

/** What the workers say of a job's partitions. */
export function sightingsOf(job: Pick<Job, 'id' | 'run'>, statuses: Iterable<WorkerStatus>): JobSighting[] {
  const route = jobRouteName(job);
  const sightings: JobSighting[] = [];
  for (const { incarnation, partitions } of statuses) {
    for (const status of partitions) if (status.route === route) sightings.push({ incarnation, status });
  }
  return sightings;
}
