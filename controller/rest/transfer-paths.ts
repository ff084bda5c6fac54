import type { Router } from 'express';
import { importBody } from '../../common/api/transfer-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import { on } from './endpoint.js';
import type { TransferService } from './transfer-service.js';

/** The desired state as one document, and back. */
export function transferPaths(router: Router, { transfer }: { readonly transfer: TransferService }): void {
  on(router, '/export', { get: async (_request, response) => void response.json(await transfer.export()) });
  on(router, '/import', {
    post: async (request, response) => void response.json(await transfer.import(jsonBody(request, importBody))),
  });
}
