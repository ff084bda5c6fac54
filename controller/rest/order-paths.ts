import type { Router } from 'express';
import {
  type ExclusionView,
  exclusionBody,
  type FreezeView,
  freezeBody,
  type WorkerOrderView,
  workerOrderBody,
} from '../../common/api/desired-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import type { Exclusion, FreezeOrder, WorkerOrder } from '../../common/model/orders.js';
import { on, param } from './endpoint.js';
import type { OrderService } from './order-service.js';

function exclusionView(route: string, topic: string, exclusion: Exclusion | undefined): ExclusionView {
  const { partitions = [], reason = '', at = null } = exclusion ?? {};
  return { route, topic, partitions: [...partitions], reason, at };
}

function orderView(worker: string, order: WorkerOrder | undefined): WorkerOrderView {
  const { role = null, routes, restartUntil = null, reason = '', at = null } = order ?? {};
  return { worker, role, routes: routes === undefined ? null : [...routes], restartUntil, reason, at };
}

function freezeView(order: FreezeOrder | undefined): FreezeView {
  return { frozen: order !== undefined, reason: order?.reason ?? '', at: order?.at ?? null };
}

/** Orders about workers, single partitions, and the whole fleet. */
export function orderPaths(router: Router, { orders }: { readonly orders: OrderService }): void {
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
      const { role, routes, restartWithinMs, reason } = jsonBody(request, workerOrderBody);
      const wish = {
        reason,
        ...(role === undefined ? {} : { role }),
        ...(routes === undefined ? {} : { routes }),
        ...(restartWithinMs === undefined ? {} : { restartWithinMs }),
      };
      response.json(orderView(worker, await orders.orderWorker(worker, wish)));
    },
    delete: async (request, response) => {
      await orders.releaseWorker(param(request, 'worker'));
      response.status(204).end();
    },
  });
}
