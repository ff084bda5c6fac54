import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { desiredOperations } from './desired-operations.js';
import { problemBody } from './desired-shapes.js';
import { fleetOperations } from './fleet-operations.js';
import { groupOperations } from './group-operations.js';
import { jobOperations } from './job-operations.js';
import { mm2Operations } from './mm2-operations.js';
import { offsetOperations } from './offset-operations.js';
import type { Operation } from './operation.js';
import { recoveryOperations } from './recovery-operations.js';
import { rulesOperations } from './rules-operations.js';
import { schemaOperations } from './schema-operations.js';
import { syncOperations } from './sync-operations.js';
import { z } from './zod.js';

const API_VERSION = '1.0.0';

/** Everything below /api/v1, joined from the parts; a test compares it with the router. */
export function apiOperations(): readonly Operation[] {
  return [
    ...desiredOperations,
    ...fleetOperations,
    ...groupOperations,
    ...jobOperations,
    ...mm2Operations,
    ...offsetOperations,
    ...recoveryOperations,
    ...rulesOperations,
    ...schemaOperations,
    ...syncOperations,
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
