import type { Router } from 'express';
import { denialBody, selectionBody } from '../../common/api/selection-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import { on, param } from './endpoint.js';
import { pageOf } from './paging.js';
import type { SelectionService } from './selection-service.js';

/** What a route chooses by itself, what it would choose, and what it never does. */
export function selectionPaths(router: Router, { selections }: { readonly selections: SelectionService }): void {
  on(router, '/routes/:route/selection', {
    get: async (request, response) => void response.json(await selections.preview(param(request, 'route'))),
  });
  on(router, '/routes/:route/selection/preview', {
    post: async (request, response) => {
      response.json(await selections.preview(param(request, 'route'), jsonBody(request, selectionBody)));
    },
  });
  on(router, '/routes/:route/denials', {
    get: async (request, response) => {
      const route = param(request, 'route');
      const { names, next } = pageOf(request, await selections.denied(route));
      response.json({ denials: await selections.read(route, names), next });
    },
  });
  on(router, '/routes/:route/denials/:topic', {
    put: async (request, response) => {
      const { reason } = jsonBody(request, denialBody);
      response.json(await selections.deny(param(request, 'route'), param(request, 'topic'), reason));
    },
    delete: async (request, response) => {
      await selections.allow(param(request, 'route'), param(request, 'topic'));
      response.status(204).end();
    },
  });
}
