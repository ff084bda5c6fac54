import type { Operation } from './operation.js';
import { schemaPromoteBody, schemaPromoteView, schemaSyncBody, schemaSyncView, schemasView } from './schema-shapes.js';

/** Schema registries of routes. */
export const schemaOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/routes/{route}/schemas',
    summary: 'What differs between the schema registries of a route’s clusters',
    answers: { 200: schemasView },
    errors: [400, 404, 422, 502, 503],
  },
  {
    method: 'post',
    path: '/routes/{route}/schemas/sync',
    summary: 'Copy schemas now, or tell what would be copied',
    body: schemaSyncBody,
    answers: { 200: schemaSyncView },
    errors: [400, 404, 409, 422, 502, 503],
  },
  {
    method: 'post',
    path: '/routes/{route}/schemas/promote',
    summary: 'The target’s registry takes schemas of its own from now on; nothing is copied into it',
    body: schemaPromoteBody,
    answers: { 200: schemaPromoteView },
    errors: [400, 404, 422, 502, 503],
  },
];
