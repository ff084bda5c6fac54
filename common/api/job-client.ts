import type { JobList, JobPatch, JobView, JobWish } from './job-shapes.js';
import type { RestTransport } from './rest-transport.js';

export type JobOrder = 'pause' | 'resume' | 'cancel';

/** Jobs over REST. */
export class JobClient {
  readonly #transport: RestTransport;

  constructor(transport: RestTransport) {
    this.#transport = transport;
  }

  list(page: { readonly limit?: number; readonly cursor?: string } = {}): Promise<JobList> {
    return this.#transport.json('GET', '/jobs', { query: { ...page } });
  }

  /** @throws JOB_EXISTS, JOB_INVALID, CLUSTER_UNKNOWN, TOPIC_UNKNOWN_AT_SOURCE, TOPIC_DENIED, TARGET_CONFLICT, CLUSTER_UNREACHABLE */
  create(body: JobWish): Promise<JobView> {
    return this.#transport.json('POST', '/jobs', { body });
  }

  get(job: string): Promise<JobView> {
    return this.#transport.json('GET', urlOf(job));
  }

  /** @throws JOB_UNKNOWN, JOB_STATE */
  patch(job: string, body: JobPatch): Promise<JobView> {
    return this.#transport.json('PATCH', urlOf(job), { body });
  }

  /** @throws JOB_UNKNOWN, JOB_STATE, TARGET_CONFLICT */
  order(job: string, order: JobOrder): Promise<JobView> {
    return this.#transport.json('POST', `${urlOf(job)}/${order}`);
  }

  async delete(job: string): Promise<void> {
    await this.#transport.send('DELETE', urlOf(job));
  }
}

function urlOf(job: string): string {
  return `/jobs/${encodeURIComponent(job)}`;
}
