import type { Operation } from './operation.js';
import { rulesTestBody, rulesTestView, rulesView } from './rules-shapes.js';

/** Rules of routes. */
export const rulesOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/routes/{route}/rules',
    summary: 'A route’s rules and what they have done to records',
    answers: { 200: rulesView },
    errors: [404],
  },
  {
    method: 'post',
    path: '/routes/{route}/rules/test',
    summary: 'What rules would do to real records of the source; nothing is written',
    body: rulesTestBody,
    answers: { 200: rulesTestView },
    errors: [400, 404, 422],
  },
];
