import { Router } from 'express';
import type { WorkerStatus } from '../common/model/status.js';

/** `GET /status`: what this worker holds and how it fares; bigints as decimal strings. */
export function statusRoutes(status: () => WorkerStatus): Router {
  const router = Router();
  router.get('/status', (_request, response) => {
    const json = JSON.stringify(status(), (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
    response.type('application/json').send(json);
  });
  return router;
}
