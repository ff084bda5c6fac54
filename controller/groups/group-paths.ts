import type { Router } from 'express';
import { groupSyncBody } from '../../common/api/group-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import { isOwn, on, param } from '../rest/endpoint.js';
import { pageOf } from '../rest/paging.js';
import type { GroupService } from './group-service.js';

/** Positions of consumer groups: looked at, and written on order. */
export function groupPaths(router: Router, { groups }: { readonly groups: GroupService }): void {
  on(router, '/routes/:route/groups', {
    get: async (request, response) => {
      const page = Object.fromEntries(
        ['group', 'limit', 'cursor'].flatMap((name) => {
          const value = request.query[name];
          return typeof value === 'string' ? [[name, value]] : [];
        }),
      );
      const cut = (names: readonly string[]) => pageOf(request, names);
      // Refused before anybody is asked.
      cut([]);
      response.json(await groups.list(param(request, 'route'), page, isOwn(request), cut));
    },
  });
  on(router, '/routes/:route/groups/sync', {
    post: async (request, response) => {
      const body = jsonBody(request, groupSyncBody);
      response.json(await groups.sync(param(request, 'route'), body, isOwn(request)));
    },
  });
}
