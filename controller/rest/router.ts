import { type RequestHandler, Router } from 'express';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { CausewayError } from '../../common/errors/error.js';
import { type ApiOptions, apiRouter } from './api-router.js';
import { type LegacyFleetOptions, legacyFleetRouter } from './legacy-fleet.js';
import { type LegacyOptions, legacyRouter } from './legacy-router.js';

/** uReplicator’s paths that read or write the store. */
const LEGACY_PATHS = ['/topics', '/instances', '/blacklist', '/admin', '/noprogress', '/offset', '/validation'];

/** Everything a controller serves behind the authentication. */
export function controllerRouter(
  store: CoordinationStore,
  options: ApiOptions & LegacyOptions & LegacyFleetOptions,
): Router {
  const router = Router();
  const connected = requireStore(store);
  router.use('/api/v1', connected, apiRouter(options));
  for (const path of LEGACY_PATHS) router.use(path, connected);
  router.use(legacyRouter(options));
  router.use(legacyFleetRouter(options));
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
