import type { Operation } from './operation.js';
import { recoveryBody, recoveryList, recoveryOrderBody, recoveryView, rpoView } from './recovery-shapes.js';

/** Recovery programs. */
export const recoveryOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/recoveries',
    summary: 'Recovery programs, the latest first',
    answers: { 200: recoveryList },
    errors: [],
  },
  {
    method: 'post',
    path: '/recoveries',
    summary: 'Begin a recovery program; the leader works on it',
    body: recoveryBody,
    answers: { 202: recoveryView },
    errors: [400, 404, 409, 422],
  },
  {
    method: 'get',
    path: '/recoveries/{id}',
    summary: 'A recovery program with steps, evidence and audit log',
    answers: { 200: recoveryView },
    errors: [404],
  },
  {
    method: 'post',
    path: '/recoveries/{id}/confirm',
    summary: 'Let the step go on that waits for an operator',
    body: recoveryOrderBody,
    answers: { 202: recoveryView },
    errors: [400, 404, 409],
  },
  {
    method: 'post',
    path: '/recoveries/{id}/resume',
    summary: 'Try again what failed',
    body: recoveryOrderBody,
    answers: { 202: recoveryView },
    errors: [400, 404, 409],
  },
  {
    method: 'post',
    path: '/recoveries/{id}/abort',
    summary: 'Give a program up and undo what it did, before its point of no return',
    body: recoveryOrderBody,
    answers: { 202: recoveryView },
    errors: [400, 404, 409],
  },
  {
    method: 'get',
    path: '/routes/{route}/rpo',
    summary: 'What would be lost if the source were lost now',
    answers: { 200: rpoView },
    errors: [404],
  },
];
