import { type Request, type RequestHandler, type Response, Router } from 'express';
import {
  type ExclusionView,
  exclusionBody,
  type FreezeView,
  freezeBody,
  newTopicBody,
  type RouteView,
  routeBody,
  routePatch,
  type SkipView,
  skipBody,
  type TopicView,
  topicBody,
  topicPatch,
  type WorkerOrderView,
  workerOrderBody,
} from '../../common/api/desired-shapes.js';
import { simulateBody } from '../../common/api/fleet-shapes.js';
import { openApiDocument } from '../../common/api/openapi.js';
import { rateLimitsFrom } from '../../common/config/route.js';
import { CausewayError } from '../../common/errors/error.js';
import { jsonBody } from '../../common/http/body.js';
import type { SkipOrder } from '../../common/model/gap.js';
import type { Exclusion, FreezeOrder, WorkerOrder } from '../../common/model/orders.js';
import { targetTopicOf } from '../../common/model/route.js';
import { etagOf, type Preconditions } from './etag.js';
import type { LeaderPlan } from './leader-plan.js';
import type { LeaderProblems } from './leader-problems.js';
import type { OrderService } from './order-service.js';
import { pageOf } from './paging.js';
import type { RouteService, StoredRoute } from './route-service.js';
import type { SkipService } from './skip-service.js';
import type { StoredTopic, TopicService } from './topic-service.js';
import type { FleetViews } from './views.js';

export interface ApiOptions {
  readonly routes: RouteService;
  readonly topics: TopicService;
  readonly skips: SkipService;
  readonly orders: OrderService;
  readonly views: FleetViews;
  readonly problems: LeaderProblems;
  readonly plan: LeaderPlan;
}

type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

/** The router of /api/v1. Paths are static strings; other methods on them answer 405. */
export function apiRouter(options: ApiOptions): Router {
  const router = Router({ caseSensitive: true });
  routePaths(router, options);
  topicPaths(router, options);
  orderPaths(router, options);
  fleetPaths(router, options);
  return router;
}

function on(router: Router, path: string, handlers: Partial<Record<Method, RequestHandler>>): void {
  const route = router.route(path);
  for (const [method, handler] of Object.entries(handlers)) route[method as Method](handler);
  const allowed = Object.keys(handlers).map((method) => method.toUpperCase());
  route.all((request, response) => {
    response.setHeader('allow', allowed.join(', '));
    throw new CausewayError('METHOD_NOT_ALLOWED', `${request.method} is not possible here`, {
      fix: `Use ${allowed.join(', ')}.`,
    });
  });
}

function preconditions(request: Request): Preconditions {
  return { ifMatch: request.get('if-match'), ifNoneMatch: request.get('if-none-match') };
}

function param(request: Request, name: 'route' | 'topic' | 'worker'): string {
  return String(request.params[name] ?? '');
}

function routePaths(router: Router, { routes }: ApiOptions): void {
  const view = async ({ route }: StoredRoute): Promise<RouteView> => {
    const { zones, ...rest } = route;
    const topics = await routes.topicCount(route.name);
    return { ...rest, naming: { ...route.naming }, ...(zones === undefined ? {} : { zones: [...zones] }), topics };
  };
  const send = async (response: Response, stored: StoredRoute, status: number): Promise<void> => {
    response.setHeader('etag', etagOf(stored.node));
    response.status(status).json(await view(stored));
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
      const stored = await routes.put(param(request, 'route'), jsonBody(request, routeBody), preconditions(request));
      await send(response, stored, stored.created ? 201 : 200);
    },
    patch: async (request, response) => {
      const patch = jsonBody(request, routePatch);
      await send(response, await routes.patch(param(request, 'route'), patch, preconditions(request)), 200);
    },
    delete: async (request, response) => {
      await routes.remove(param(request, 'route'), preconditions(request));
      response.status(204).end();
    },
  });
}

function topicView({ route, entry }: StoredTopic): TopicView {
  const { topic, partitions, paused, limits, skips, addedAt } = entry;
  const targetTopic = targetTopicOf(route, topic);
  return { route: route.name, topic, targetTopic, partitions, paused, limits, skips: skips.map(skipView), addedAt };
}

function skipView({ partition, from, to, reason, at }: SkipOrder): SkipView {
  return { partition, from: String(from), to: String(to), reason, at };
}

function sendTopic(response: Response, stored: StoredTopic, status: number): void {
  response.setHeader('etag', etagOf(stored.node));
  response.status(status).json(topicView(stored));
}

function topicPaths(router: Router, { topics, skips, views }: ApiOptions): void {
  on(router, '/routes/:route/topics', {
    get: async (request, response) => {
      const route = param(request, 'route');
      const { names, next } = pageOf(request, await topics.names(route));
      response.json({ topics: (await topics.read(route, names)).map(topicView), next });
    },
    post: async (request, response) => {
      const { topic, ...body } = jsonBody(request, newTopicBody);
      const wish = { ...body, limits: rateLimitsFrom(body.limits) };
      const route = param(request, 'route');
      const stored = await topics.add(route, topic, wish);
      response.setHeader('location', `/api/v1/routes/${route}/topics/${stored.entry.topic}`);
      sendTopic(response, stored, 201);
    },
  });
  on(router, '/routes/:route/topics/:topic', {
    get: async (request, response) => {
      sendTopic(response, await topics.get(param(request, 'route'), param(request, 'topic')), 200);
    },
    put: async (request, response) => {
      const body = jsonBody(request, topicBody);
      const wish = { ...body, limits: rateLimitsFrom(body.limits) };
      const stored = await topics.put(param(request, 'route'), param(request, 'topic'), wish, preconditions(request));
      sendTopic(response, stored, stored.created ? 201 : 200);
    },
    patch: async (request, response) => {
      const { partitions, paused, limits } = jsonBody(request, topicPatch);
      const wish = {
        ...(partitions === undefined ? {} : { partitions }),
        ...(paused === undefined ? {} : { paused }),
        ...(limits === undefined ? {} : { limits: rateLimitsFrom(limits) }),
      };
      const stored = await topics.patch(param(request, 'route'), param(request, 'topic'), wish, preconditions(request));
      sendTopic(response, stored, 200);
    },
    delete: async (request, response) => {
      await topics.remove(param(request, 'route'), param(request, 'topic'), preconditions(request));
      response.status(204).end();
    },
  });
  on(router, '/routes/:route/topics/:topic/skip', {
    post: async (request, response) => {
      const { partition, from, to, reason } = jsonBody(request, skipBody);
      const wish = { partition, from: BigInt(from), to: BigInt(to), reason };
      const order = await skips.order(param(request, 'route'), param(request, 'topic'), wish);
      response.status(202).json(skipView(order));
    },
  });
  on(router, '/routes/:route/topics/:topic/status', {
    get: async (request, response) => {
      const { route, entry } = await topics.get(param(request, 'route'), param(request, 'topic'));
      response.json(await views.topic(route, entry));
    },
  });
}

function exclusionView(route: string, topic: string, exclusion: Exclusion | undefined): ExclusionView {
  const { partitions = [], reason = '', at = null } = exclusion ?? {};
  return { route, topic, partitions: [...partitions], reason, at };
}

function orderView(worker: string, order: WorkerOrder | undefined): WorkerOrderView {
  const { role = null, routes, reason = '', at = null } = order ?? {};
  return { worker, role, routes: routes === undefined ? null : [...routes], reason, at };
}

function freezeView(order: FreezeOrder | undefined): FreezeView {
  return { frozen: order !== undefined, reason: order?.reason ?? '', at: order?.at ?? null };
}

/** Asked of this controller as the leader: it asks nobody else. */
function isOwn(request: Request): boolean {
  return request.query['own'] === 'true';
}

function orderPaths(router: Router, { orders }: ApiOptions): void {
  on(router, '/routes/:route/topics/:topic/exclusions', {
    get: async (request, response) => {
      const [route, topic] = [param(request, 'route'), param(request, 'topic')];
      response.json(exclusionView(route, topic, await orders.exclusion(route, topic)));
    },
    patch: async (request, response) => {
      const [route, topic] = [param(request, 'route'), param(request, 'topic')];
      const wish = jsonBody(request, exclusionBody);
      response.json(exclusionView(route, topic, await orders.exclude(route, topic, wish)));
    },
  });
  on(router, '/plan/freeze', {
    get: async (_request, response) => void response.json(freezeView(await orders.frozen())),
    put: async (request, response) => {
      response.json(freezeView(await orders.freeze(jsonBody(request, freezeBody).reason)));
    },
    delete: async (_request, response) => {
      await orders.thaw();
      response.status(204).end();
    },
  });
  on(router, '/workers/:worker/order', {
    get: async (request, response) => {
      const worker = param(request, 'worker');
      response.json(orderView(worker, await orders.worker(worker)));
    },
    patch: async (request, response) => {
      const worker = param(request, 'worker');
      const { role, routes, reason } = jsonBody(request, workerOrderBody);
      const wish = { reason, ...(role === undefined ? {} : { role }), ...(routes === undefined ? {} : { routes }) };
      response.json(orderView(worker, await orders.orderWorker(worker, wish)));
    },
    delete: async (request, response) => {
      await orders.releaseWorker(param(request, 'worker'));
      response.status(204).end();
    },
  });
}

function fleetPaths(router: Router, { views, problems, plan }: ApiOptions): void {
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
