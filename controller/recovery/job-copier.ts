import type { JobBody } from '../../common/api/job-shapes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { Job } from '../../common/model/job.js';
import type { RangeCopier, RangeOrder } from './ports.js';

/** Copies by a bounded job of the fleet: made once by its id, then looked at until it is done. */
export class JobCopier implements RangeCopier {
  readonly #jobs: { get(id: string): Promise<Job>; create(body: JobBody): Promise<Job> };

  constructor(jobs: { get(id: string): Promise<Job>; create(body: JobBody): Promise<Job> }) {
    this.#jobs = jobs;
  }

  async copy(order: RangeOrder): Promise<{ readonly copied: number; readonly isDone: boolean }> {
    const job = await this.#jobOf(order);
    const copied = job.progress.reduce((sum, { records }) => sum + records, 0);
    return { copied, isDone: job.state === 'done' };
  }

  async #jobOf(order: RangeOrder): Promise<Job> {
    try {
      return await this.#jobs.get(order.id);
    } catch (error) {
      if (!isCausewayError(error, 'JOB_UNKNOWN')) throw error;
      return await this.#jobs.create(bodyOf(order));
    }
  }
}

function bodyOf({ id, route, topics }: RangeOrder): JobBody {
  const { source, target, isolation, delivery } = route;
  return {
    ...{ id, source, target, isolation, delivery, timestamps: 'keep', limits: {} },
    topics: topics.map(({ topic, targetTopic, partitions }) => ({
      ...{ topic, targetTopic, from: 'beginning' as const, to: 'end' as const },
      ranges: partitions.map(({ partition, from, to }) => ({
        partition,
        from: { offset: String(from) },
        to: { offset: String(to) },
      })),
    })),
  };
}
