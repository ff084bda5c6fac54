import type { Request, Response, Router } from 'express';
import { jobBody, jobPatch } from '../../common/api/job-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import type { Job } from '../../common/model/job.js';
import { jobRouteName } from '../../common/model/job.js';
import { on } from '../rest/endpoint.js';
import { pageOf } from '../rest/paging.js';
import type { FleetViews } from '../rest/views.js';
import type { JobOrder, JobService } from './job-service.js';
import { jobSummary, jobView } from './job-views.js';

export interface JobPathsOptions {
  readonly jobs: JobService;
  readonly views: FleetViews;
}

const ORDERS: readonly JobOrder[] = ['pause', 'resume', 'cancel'];

/** Copies that come to an end. */
export function jobPaths(router: Router, { jobs, views }: JobPathsOptions): void {
  const send = async (response: Response, job: Job, status = 200): Promise<void> => {
    const [statuses, problems] = await Promise.all([views.statuses(), views.problemsOf(jobRouteName(job))]);
    response.status(status).json(jobView(job, statuses, problems === undefined ? null : [...problems]));
  };
  on(router, '/jobs', {
    get: async (request, response) => {
      const { names, next } = pageOf(request, await jobs.names());
      const [found, statuses] = await Promise.all([jobs.read(names), views.statuses()]);
      response.json({ jobs: found.map((job) => jobSummary(job, statuses)), next });
    },
    post: async (request, response) => {
      const job = await jobs.create(jsonBody(request, jobBody));
      response.location(`/api/v1/jobs/${job.id}`);
      await send(response, job, 201);
    },
  });
  on(router, '/jobs/:job', {
    get: async (request, response) => await send(response, await jobs.get(idOf(request))),
    patch: async (request, response) => {
      await send(response, await jobs.limit(idOf(request), jsonBody(request, jobPatch).limits));
    },
    delete: async (request, response) => {
      await jobs.remove(idOf(request));
      response.status(204).end();
    },
  });
  for (const order of ORDERS) {
    on(router, `/jobs/:job/${order}`, {
      post: async (request, response) => await send(response, await jobs.order(idOf(request), order)),
    });
  }
}

function idOf(request: Request): string {
  return String(request.params['job'] ?? '');
}
