import { groupList, groupSyncBody, groupSyncView } from './group-shapes.js';
import type { Operation } from './operation.js';

/** Positions of consumer groups. */
export const groupOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/routes/{route}/groups',
    summary: 'Where the route’s consumer groups stand at the source, and where that is at the target',
    answers: { 200: groupList },
    errors: [400, 404],
    paged: true,
  },
  {
    method: 'post',
    path: '/routes/{route}/groups/sync',
    summary: 'Write the groups’ positions to the target now, or only say what would be written',
    body: groupSyncBody,
    answers: { 200: groupSyncView },
    errors: [400, 404],
  },
];
