import { jobBody, jobList, jobPatch, jobView } from './job-shapes.js';
import type { Operation } from './operation.js';

/** Copies that come to an end. */
export const jobOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/jobs',
    summary: 'Jobs and how far they are',
    answers: { 200: jobList },
    errors: [400],
    paged: true,
  },
  {
    method: 'post',
    path: '/jobs',
    summary: 'Copy ranges of topics into topics of their own',
    body: jobBody,
    answers: { 201: jobView },
    errors: [400, 409, 422],
  },
  {
    method: 'get',
    path: '/jobs/{job}',
    summary: 'One job, partition by partition',
    answers: { 200: jobView },
    errors: [404],
  },
  {
    method: 'patch',
    path: '/jobs/{job}',
    summary: 'Change the limits of a job that is not done',
    body: jobPatch,
    answers: { 200: jobView },
    errors: [400, 404, 409],
  },
  {
    method: 'delete',
    path: '/jobs/{job}',
    summary: 'Forget a job that is done or cancelled',
    answers: { 204: null },
    errors: [404, 409],
  },
  {
    method: 'post',
    path: '/jobs/{job}/pause',
    summary: 'Stop copying; partitions stay where they are',
    answers: { 200: jobView },
    errors: [404, 409],
  },
  {
    method: 'post',
    path: '/jobs/{job}/resume',
    summary: 'Go on with a job that was paused or cancelled',
    answers: { 200: jobView },
    errors: [404, 409, 422],
  },
  {
    method: 'post',
    path: '/jobs/{job}/cancel',
    summary: 'Take the job off the workers; what was copied stays',
    answers: { 200: jobView },
    errors: [404, 409],
  },
];
