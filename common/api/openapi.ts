import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import {
  exclusionBody,
  exclusionView,
  freezeBody,
  freezeView,
  newTopicBody,
  problemBody,
  resolveBody,
  resolveView,
  routeBody,
  routeList,
  routePatch,
  routeView,
  skipBody,
  skipView,
  topicBody,
  topicList,
  topicPatch,
  topicView,
  workerOrderBody,
  workerOrderView,
} from './desired-shapes.js';
import {
  assignmentView,
  expectedWorkersView,
  fleetStatus,
  planView,
  problemList,
  simulateBody,
  simulationView,
  topicDetail,
  workerList,
} from './fleet-shapes.js';
import { denialBody, denialList, denialView, selectionBody, selectionView } from './selection-shapes.js';
import { fleetExport, importBody, importView } from './transfer-shapes.js';
import { whyView } from './why-shapes.js';
import { z } from './zod.js';

const API_VERSION = '1.0.0';

type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

interface Operation {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  /** Status -> schema of the answer; null: no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  readonly errors: readonly number[];
  readonly paged?: boolean;
  readonly conditional?: boolean;
}

/** Everything below /api/v1; a test compares it with the router. */
export function apiOperations(): readonly Operation[] {
  const put = { 200: routeView, 201: routeView };
  return [
    { method: 'get', path: '/routes', summary: 'List routes', answers: { 200: routeList }, errors: [400], paged: true },
    { method: 'get', path: '/routes/{route}', summary: 'Read a route', answers: { 200: routeView }, errors: [404] },
    {
      method: 'put',
      path: '/routes/{route}',
      summary: 'Create or replace a route',
      body: routeBody,
      answers: put,
      errors: [400, 409, 412, 422, 428],
      conditional: true,
    },
    {
      method: 'patch',
      path: '/routes/{route}',
      summary: 'Change the rate limits of a route, or which topics it selects',
      body: routePatch,
      answers: { 200: routeView },
      errors: [400, 404, 412],
      conditional: true,
    },
    {
      method: 'delete',
      path: '/routes/{route}',
      summary: 'Remove a route without topics',
      answers: { 204: null },
      errors: [404, 409, 412],
      conditional: true,
    },
    {
      method: 'get',
      path: '/routes/{route}/selection',
      summary: 'What the route’s selection makes of the topics at its source',
      answers: { 200: selectionView },
      errors: [404],
    },
    {
      method: 'post',
      path: '/routes/{route}/selection/preview',
      summary: 'What another selection would make of them; nothing is done',
      body: selectionBody,
      answers: { 200: selectionView },
      errors: [400, 404],
    },
    {
      method: 'get',
      path: '/routes/{route}/denials',
      summary: 'Topics that the route never selects',
      answers: { 200: denialList },
      errors: [400, 404],
      paged: true,
    },
    {
      method: 'put',
      path: '/routes/{route}/denials/{topic}',
      summary: 'Deny a topic: it is never selected, and stops where it is mirrored',
      body: denialBody,
      answers: { 200: denialView },
      errors: [400, 404, 422],
    },
    {
      method: 'delete',
      path: '/routes/{route}/denials/{topic}',
      summary: 'Allow a denied topic again',
      answers: { 204: null },
      errors: [404, 422],
    },
    {
      method: 'get',
      path: '/routes/{route}/topics',
      summary: 'List the topics of a route',
      answers: { 200: topicList },
      errors: [400, 404],
      paged: true,
    },
    {
      method: 'post',
      path: '/routes/{route}/topics',
      summary: 'Mirror a topic',
      body: newTopicBody,
      answers: { 201: topicView },
      errors: [400, 404, 409, 412, 422],
    },
    {
      method: 'get',
      path: '/routes/{route}/topics/{topic}',
      summary: 'Read a topic entry',
      answers: { 200: topicView },
      errors: [404],
    },
    {
      method: 'put',
      path: '/routes/{route}/topics/{topic}',
      summary: 'Create or replace a topic entry',
      body: topicBody,
      answers: { 200: topicView, 201: topicView },
      errors: [400, 404, 412, 422, 428],
      conditional: true,
    },
    {
      method: 'patch',
      path: '/routes/{route}/topics/{topic}',
      summary: 'Pause, resume, expand or limit a topic',
      body: topicPatch,
      answers: { 200: topicView },
      errors: [400, 404, 412, 422],
      conditional: true,
    },
    {
      method: 'delete',
      path: '/routes/{route}/topics/{topic}',
      summary: 'Stop mirroring a topic',
      answers: { 204: null },
      errors: [404, 412],
      conditional: true,
    },
    {
      method: 'post',
      path: '/routes/{route}/topics/{topic}/skip',
      summary: 'Leave source records of a partition out for good, declared as a gap',
      body: skipBody,
      answers: { 202: skipView },
      errors: [400, 404, 412, 422],
    },
    {
      method: 'post',
      path: '/routes/{route}/topics/{topic}/resolve',
      summary: 'Let partitions go on that stopped because a topic is not what it was, what that costs declared',
      body: resolveBody,
      answers: { 202: resolveView },
      errors: [400, 404, 409, 412],
    },
    {
      method: 'get',
      path: '/routes/{route}/topics/{topic}/exclusions',
      summary: 'Partitions that nobody is to copy',
      answers: { 200: exclusionView },
      errors: [404, 422],
    },
    {
      method: 'patch',
      path: '/routes/{route}/topics/{topic}/exclusions',
      summary: 'Exclude partitions, or take exclusions back',
      body: exclusionBody,
      answers: { 200: exclusionView },
      errors: [400, 404, 412, 422],
    },
    {
      method: 'get',
      path: '/routes/{route}/topics/{topic}/status',
      summary: 'State, lag and worker of each partition',
      answers: { 200: topicDetail },
      errors: [404],
    },
    {
      method: 'get',
      path: '/routes/{route}/topics/{topic}/partitions/{partition}/why',
      summary: 'Why a partition is, or is not, being copied: checks in order, evidence, what to do',
      answers: { 200: whyView },
      errors: [400, 404],
    },
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
}

let cached: ReturnType<OpenApiGeneratorV31['generateDocument']> | undefined;

/** OpenAPI 3.1, made from the schemas that check requests and type the client. */
export function openApiDocument(): ReturnType<OpenApiGeneratorV31['generateDocument']> {
  cached ??= generate();
  return cached;
}

function generate(): ReturnType<OpenApiGeneratorV31['generateDocument']> {
  const registry = new OpenAPIRegistry();
  const problem = registry.register('Problem', problemBody);
  const bearer = registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  for (const operation of apiOperations()) registry.registerPath(pathOf(operation, problem, bearer.name));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Causeway', version: API_VERSION, description: 'Mirrors topics between Kafka clusters.' },
    servers: [{ url: '/api/v1' }],
  });
}

function pathOf(operation: Operation, problem: z.ZodType, bearer: string): RouteConfig {
  const { method, path, summary, body, answers, errors, paged, conditional } = operation;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  const responses: RouteConfig['responses'] = {};
  for (const [status, schema] of Object.entries(answers)) {
    const content = schema === null ? {} : { content: { 'application/json': { schema } } };
    responses[status] = { description: 'Done', ...content };
  }
  for (const status of [...errors, 401, 403, 429, 500, 503]) {
    responses[status] = { description: 'Refused', content: { 'application/problem+json': { schema: problem } } };
  }
  return {
    method,
    path,
    summary,
    security: [{ [bearer]: [] }, {}],
    request: {
      ...(names.length > 0 ? { params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) } : {}),
      ...(paged === true
        ? { query: z.object({ limit: z.number().int().optional(), cursor: z.string().optional() }) }
        : {}),
      ...(conditional === true ? { headers: z.object({ 'If-Match': z.string().optional() }) } : {}),
      ...(body === undefined ? {} : { body: { content: { 'application/json': { schema: body } } } }),
    },
    responses,
  };
}
