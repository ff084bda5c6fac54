import type { Response, Router } from 'express';
import { applyBody } from '../../common/api/sync-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import { on, param } from '../rest/endpoint.js';
import type { SyncService } from './sync-service.js';

/** What differs at a route's target, what would be done about it, and the doing. */
export function syncPaths(router: Router, { syncs }: { readonly syncs: SyncService }): void {
  on(router, '/routes/:route/drift', {
    get: async (request, response) => {
      response.json(await syncs.drift(param(request, 'route'), untilGone(response)));
    },
  });
  on(router, '/routes/:route/plan', {
    post: async (request, response) => {
      response.json(await syncs.plan(param(request, 'route'), untilGone(response)));
    },
  });
  on(router, '/routes/:route/apply', {
    post: async (request, response) => {
      const { hash } = jsonBody(request, applyBody);
      // Once begun it is brought to its end, whether or not anybody listens.
      response.json(await syncs.apply(param(request, 'route'), hash, new AbortController().signal));
    },
  });
}

/** Aborts when nobody waits for the answer any more. */
function untilGone(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}
