import type { Router } from 'express';
import { schemaPromoteBody, schemaSyncBody } from '../../common/api/schema-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import { on, param } from '../rest/endpoint.js';
import type { RouteService } from '../rest/route-service.js';
import type { SchemaService } from './schema-service.js';

export interface SchemaPathsOptions {
  readonly routes: Pick<RouteService, 'get'>;
  readonly schemas: SchemaService;
}

/** Schema registries of a route: compared, copied, promoted. */
export function schemaPaths(router: Router, { routes, schemas }: SchemaPathsOptions): void {
  on(router, '/routes/:route/schemas', {
    get: async (request, response) => {
      const { route } = await routes.get(param(request, 'route'));
      response.json(await schemas.read(route));
    },
  });
  on(router, '/routes/:route/schemas/sync', {
    post: async (request, response) => {
      const order = jsonBody(request, schemaSyncBody);
      const { route } = await routes.get(param(request, 'route'));
      response.json(await schemas.sync(route, order));
    },
  });
  on(router, '/routes/:route/schemas/promote', {
    post: async (request, response) => {
      const order = jsonBody(request, schemaPromoteBody);
      const { route } = await routes.get(param(request, 'route'));
      response.json(await schemas.promote(route, order));
    },
  });
}
