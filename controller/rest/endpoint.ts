import type { Request, RequestHandler, Router } from 'express';
import { CausewayError } from '../../common/errors/error.js';
import type { Preconditions } from './etag.js';

type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

/** Serves a path with these methods; any other one on it answers 405. */
export function on(router: Router, path: string, handlers: Partial<Record<Method, RequestHandler>>): void {
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

/** What the request demands of the resource before it is changed. */
export function preconditions(request: Request): Preconditions {
  return { ifMatch: request.get('if-match'), ifNoneMatch: request.get('if-none-match') };
}

/** A part of the path, by its name there. */
export function param(request: Request, name: 'route' | 'topic' | 'partition' | 'worker' | 'id'): string {
  return String(request.params[name] ?? '');
}

/** Asked of this controller as the leader: it asks nobody else. */
export function isOwn(request: Request): boolean {
  return request.query['own'] === 'true';
}
