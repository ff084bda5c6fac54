import type { Operation } from './operation.js';
import { applyBody, applyView, syncPlan } from './sync-shapes.js';

/** Metadata at a route's target: what differs, what would be done about it, and the doing. */
export const syncOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/routes/{route}/drift',
    summary:
      'What differs between the source and the target: topics, partitions, configs and what else the route keeps in step',
    answers: { 200: syncPlan },
    errors: [404],
  },
  {
    method: 'post',
    path: '/routes/{route}/plan',
    summary: 'What apply would do, with the hash that it takes; nothing is done',
    answers: { 200: syncPlan },
    errors: [404],
  },
  {
    method: 'post',
    path: '/routes/{route}/apply',
    summary: 'Do what the plan with this hash says, if that is still what there is to do',
    body: applyBody,
    answers: { 200: applyView },
    errors: [400, 404, 412],
  },
];
