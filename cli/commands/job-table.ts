import type { JobSummary } from '../../common/api/job-shapes.js';
import { counted, megabytes, seconds } from '../numbers.js';
import type { Result } from '../output.js';

export function summaryResult(jobs: readonly JobSummary[]): Result {
  return {
    value: { jobs },
    columns: ['JOB', 'FROM', 'TO', 'STATE', 'PARTITIONS', 'OFFSETS', 'RECORDS', 'MB', 'GAPS', 'ETA S'],
    rows: jobs.map((job) => [
      job.id,
      job.source,
      job.target,
      job.state,
      `${job.partitionsDone}/${job.partitions}`,
      `${counted(job.offsetsDone)}/${counted(job.offsets)}`,
      counted(job.records),
      megabytes(job.bytes),
      counted(job.gapRecords),
      seconds(job.etaSeconds),
    ]),
  };
}
