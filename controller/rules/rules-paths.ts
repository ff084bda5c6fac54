import type { Router } from 'express';
import { rulesTestBody } from '../../common/api/rules-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import { on, param } from '../rest/endpoint.js';
import type { RulesService } from './rules-service.js';

export interface RulesPathsOptions {
  readonly rules: RulesService;
}

/** Rules of routes: what they did, and what they would do. */
export function rulesPaths(router: Router, { rules }: RulesPathsOptions): void {
  on(router, '/routes/:route/rules', {
    get: async (request, response) => void response.json(await rules.view(param(request, 'route'))),
  });
  on(router, '/routes/:route/rules/test', {
    post: async (request, response) => {
      response.json(await rules.test(param(request, 'route'), jsonBody(request, rulesTestBody)));
    },
  });
}
