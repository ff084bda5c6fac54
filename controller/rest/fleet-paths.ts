import type { Router } from 'express';
import { simulateBody } from '../../common/api/fleet-shapes.js';
import { openApiDocument } from '../../common/api/openapi.js';
import { CausewayError } from '../../common/errors/error.js';
import { jsonBody } from '../../common/http/body.js';
import { isOwn, on } from './endpoint.js';
import type { LeaderPlan } from './leader-plan.js';
import type { LeaderProblems } from './leader-problems.js';
import type { FleetViews } from './views.js';

export interface FleetPathsOptions {
  readonly views: FleetViews;
  readonly problems: LeaderProblems;
  readonly plan: LeaderPlan;
}

/** What the fleet does, and what the leader plans. */
export function fleetPaths(router: Router, { views, problems, plan }: FleetPathsOptions): void {
  on(router, '/assignment', { get: async (_request, response) => void response.json(await views.assignment()) });
  on(router, '/workers', { get: async (_request, response) => void response.json(await views.workers()) });
  on(router, '/status', { get: async (_request, response) => void response.json(await views.status()) });
  on(router, '/problems', {
    get: (_request, response) => {
      const own = problems.own();
      if (own === undefined) {
        throw new CausewayError('NO_LEADER', 'this controller does not lead', {
          fix: 'Ask the leader; GET /api/v1/status names it.',
        });
      }
      response.json({ problems: own });
    },
  });
  on(router, '/plan', { get: async (request, response) => void response.json(await plan.read(isOwn(request))) });
  on(router, '/plan/expected-workers', {
    get: async (request, response) => void response.json(await plan.expectedWorkers(isOwn(request))),
  });
  on(router, '/plan/simulate', {
    post: async (request, response) => {
      response.json(await plan.simulate(jsonBody(request, simulateBody), isOwn(request)));
    },
  });
  on(router, '/openapi.json', { get: (_request, response) => void response.json(openApiDocument()) });
}
