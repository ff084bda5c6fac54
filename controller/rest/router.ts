import { type RequestHandler, Router } from 'express';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { CausewayError } from '../../common/errors/error.js';
import { type ApiOptions, apiRouter } from './api-router.js';
import { type LegacyOptions, legacyRouter } from './legacy-router.js';

/** Everything a controller serves behind the authentication. */
export function controllerRouter(store: CoordinationStore, options: ApiOptions & LegacyOptions): Router {
  const router = Router();
  const connected = requireStore(store);
  router.use('/api/v1', connected, apiRouter(options));
  router.use('/topics', connected);
  router.use(legacyRouter(options));
  return router;
}

/** Nothing can be read or written while the store does not answer: said at once, instead of after each operation's timeout. */
function requireStore(store: CoordinationStore): RequestHandler {
  return (_request, _response, next) => {
    if (store.session().state === 'connected') return next();
    next(
      new CausewayError('COORDINATION_UNAVAILABLE', 'the coordination service does not answer at the moment', {
        fix: 'Workers copy on. Try again; /readyz?verbose tells when it is back.',
      }),
    );
  };
}
