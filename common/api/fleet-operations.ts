import { freezeBody, freezeView, workerOrderBody, workerOrderView } from './desired-shapes.js';
import {
  assignmentView,
  expectedWorkersView,
  fleetStatus,
  planView,
  problemList,
  simulateBody,
  simulationView,
  workerList,
} from './fleet-shapes.js';
import type { Operation } from './operation.js';
import { fleetExport, importBody, importView } from './transfer-shapes.js';
import { z } from './zod.js';

/** The fleet, its plan, and its state as one document. */
export const fleetOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/export',
    summary: 'The desired state as one document',
    answers: { 200: fleetExport },
    errors: [],
  },
  {
    method: 'post',
    path: '/import',
    summary: 'Put a part of an export into the store; the last part begins a new reign',
    body: importBody,
    answers: { 200: importView },
    errors: [400, 412],
  },
  {
    method: 'get',
    path: '/assignment',
    summary: 'Ideal and actual, per worker',
    answers: { 200: assignmentView },
    errors: [],
  },
  { method: 'get', path: '/workers', summary: 'Living workers', answers: { 200: workerList }, errors: [] },
  {
    method: 'get',
    path: '/workers/{worker}/order',
    summary: 'What is ordered about a worker',
    answers: { 200: workerOrderView },
    errors: [400],
  },
  {
    method: 'patch',
    path: '/workers/{worker}/order',
    summary: 'Drain, exclude, set standby or dedicate a worker, or make it active again',
    body: workerOrderBody,
    answers: { 200: workerOrderView },
    errors: [400, 404, 412],
  },
  {
    method: 'delete',
    path: '/workers/{worker}/order',
    summary: 'Take the order back: the worker’s own configuration counts',
    answers: { 204: null },
    errors: [400],
  },
  { method: 'get', path: '/status', summary: 'The fleet at a glance', answers: { 200: fleetStatus }, errors: [] },
  {
    method: 'get',
    path: '/problems',
    summary: 'Why topics wait, as the leader knows',
    answers: { 200: problemList },
    errors: [],
  },
  {
    method: 'get',
    path: '/plan',
    summary: 'Loads, shares and the latest moves, as the leader knows',
    answers: { 200: planView },
    errors: [],
  },
  {
    method: 'get',
    path: '/plan/freeze',
    summary: 'Is the assignment frozen?',
    answers: { 200: freezeView },
    errors: [],
  },
  {
    method: 'put',
    path: '/plan/freeze',
    summary: 'Let nothing move from worker to worker until it is lifted',
    body: freezeBody,
    answers: { 200: freezeView },
    errors: [400, 412],
  },
  { method: 'delete', path: '/plan/freeze', summary: 'Lift the freeze', answers: { 204: null }, errors: [] },
  {
    method: 'get',
    path: '/plan/expected-workers',
    summary: 'How many workers loads and partitions ask for',
    answers: { 200: expectedWorkersView },
    errors: [],
  },
  {
    method: 'post',
    path: '/plan/simulate',
    summary: 'What would move with other workers or loads; nothing is done',
    body: simulateBody,
    answers: { 200: simulationView },
    errors: [400],
  },
  { method: 'get', path: '/openapi.json', summary: 'This document', answers: { 200: z.looseObject({}) }, errors: [] },
];
