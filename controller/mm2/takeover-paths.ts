import type { Router } from 'express';
import { mm2ImportBody } from '../../common/api/mm2-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import { on, param } from '../rest/endpoint.js';
import type { Mm2Takeover } from './takeover-service.js';

export interface TakeoverPathsOptions {
  readonly mm2: Mm2Takeover;
}

/** Going on where MirrorMaker 2 stood. */
export function takeoverPaths(router: Router, { mm2 }: TakeoverPathsOptions): void {
  on(router, '/routes/:route/mm2-import', {
    post: async (request, response) => {
      response.json(await mm2.run(param(request, 'route'), jsonBody(request, mm2ImportBody)));
    },
  });
}
