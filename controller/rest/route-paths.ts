import type { Response, Router } from 'express';
import { type RouteView, routeBody, routePatch } from '../../common/api/desired-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import { DEFAULT_CONTINUITY } from '../../common/model/continuity.js';
import { deliveryReason } from '../../common/model/delivery.js';
import { DEFAULT_TOPIC_SYNC } from '../../common/model/topic-sync.js';
import { on, param, preconditions } from './endpoint.js';
import { etagOf } from './etag.js';
import { pageOf } from './paging.js';
import type { RouteService, StoredRoute } from './route-service.js';
import { selectionSettingsOf } from './selection-service.js';

/** Routes: read, made, replaced, limited, removed. */
export function routePaths(router: Router, { routes }: { readonly routes: RouteService }): void {
  const view = async ({ route }: StoredRoute): Promise<RouteView> => {
    const { zones, selection, groups, acls, schemas, rules, topicSync = DEFAULT_TOPIC_SYNC, ...rest } = route;
    const topics = await routes.topicCount(route.name);
    const continuity = { ...(route.continuity ?? DEFAULT_CONTINUITY) };
    return {
      ...rest,
      deliveryReason: deliveryReason(route),
      continuity,
      naming: structuredClone(route.naming) as RouteView['naming'],
      ...(zones === undefined ? {} : { zones: [...zones] }),
      ...(rules === undefined ? {} : { rules: structuredClone(rules) as NonNullable<RouteView['rules']> }),
      ...(selection === undefined ? {} : { selection: selectionSettingsOf(selection) }),
      ...(groups === undefined ? {} : { groups: structuredClone(groups) as NonNullable<RouteView['groups']> }),
      ...(acls === undefined ? {} : { acls: structuredClone(acls) as NonNullable<RouteView['acls']> }),
      ...(schemas === undefined ? {} : { schemas: structuredClone(schemas) as NonNullable<RouteView['schemas']> }),
      metadata: route.metadata ?? 'auto',
      topicSync: structuredClone(topicSync) as RouteView['topicSync'],
      topics,
    };
  };
  const send = async (response: Response, stored: StoredRoute, status: number): Promise<void> => {
    response.setHeader('etag', etagOf(stored.node));
    response.status(status).json(await view(stored));
  };
  /** With what should be known of it before its topics come. */
  const sendSaved = async (response: Response, stored: StoredRoute, status: number): Promise<void> => {
    response.setHeader('etag', etagOf(stored.node));
    const warnings = await routes.warnings(stored.route);
    const saved: RouteView = { ...(await view(stored)), ...(warnings.length === 0 ? {} : { warnings: [...warnings] }) };
    response.status(status).json(saved);
  };
  on(router, '/routes', {
    get: async (request, response) => {
      const { names, next } = pageOf(request, await routes.names());
      const found = await Promise.all(names.map((name) => routes.find(name)));
      const views = await Promise.all(found.flatMap((stored) => (stored === undefined ? [] : [view(stored)])));
      response.json({ routes: views, next });
    },
  });
  on(router, '/routes/:route', {
    get: async (request, response) => await send(response, await routes.get(param(request, 'route')), 200),
    put: async (request, response) => {
      const body = jsonBody(request, routeBody);
      const mayRename = request.query['renames'] === 'allow';
      const stored = await routes.put(param(request, 'route'), body, preconditions(request), { mayRename });
      await sendSaved(response, stored, stored.created ? 201 : 200);
    },
    patch: async (request, response) => {
      const patch = jsonBody(request, routePatch);
      await sendSaved(response, await routes.patch(param(request, 'route'), patch, preconditions(request)), 200);
    },
    delete: async (request, response) => {
      await routes.remove(param(request, 'route'), preconditions(request));
      response.status(204).end();
    },
  });
}
