import express, { type Request, type RequestHandler } from 'express';
import type { z } from 'zod';
import { RequestFault } from './problem.js';

export const MAX_BODY_BYTES = 64 * 1024;
/** Where whole records of the store come in, which may be longer. */
const LARGE_BODIES = { path: '/api/v1/import', maxBytes: 2 * 1024 * 1024 };
/** Conditions of rules nest. */
const MAX_JSON_DEPTH = 20;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** Reads the body as text whatever its type claims (plain `curl -d` sends forms); each handler says what it expects. */
export function textBodies(): RequestHandler {
  const upTo = (limit: number): RequestHandler =>
    express.text({ type: () => true, limit, defaultCharset: 'utf-8' }) as RequestHandler;
  const usual = upTo(MAX_BODY_BYTES);
  const large = upTo(LARGE_BODIES.maxBytes);
  return (request, response, next) => (request.path === LARGE_BODIES.path ? large : usual)(request, response, next);
}

export function bodyText(request: Request): string {
  return typeof request.body === 'string' ? request.body : '';
}

/**
 * The body as JSON of the given schema. Unknown fields are faults, and so is a content type other than JSON: a form on a web page
 * cannot send that without asking first.
 * @throws MALFORMED_JSON, INVALID_REQUEST with a pointer to each fault
 */
export function jsonBody<S extends z.ZodType>(request: Request, schema: S): z.output<S> {
  const type = request.get('content-type') ?? '';
  if (!/^application\/(?:[a-z.+-]+\+)?json\s*(?:;|$)/i.test(type)) {
    throw new RequestFault(
      'MALFORMED_JSON',
      'the content type is not application/json',
      [],
      'Send "Content-Type: application/json".',
    );
  }
  return checkBody(parseJson(bodyText(request)), schema);
}

export function checkBody<S extends z.ZodType>(value: unknown, schema: S): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => ({
    pointer: issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    detail: issue.message,
  }));
  throw new RequestFault('INVALID_REQUEST', 'the request has faults', faults);
}

/** @throws MALFORMED_JSON also for what is legal JSON and never meant well: deep nesting, keys that reach into prototypes */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text, (key, field: unknown) => {
      if (FORBIDDEN_KEYS.has(key)) throw new SyntaxError(`the key "${key}" is not allowed`);
      return field;
    });
  } catch (error) {
    const detail = text === '' ? 'it is empty' : error instanceof Error ? error.message : '';
    throw new RequestFault('MALFORMED_JSON', 'the body is not JSON', [{ pointer: '', detail: detail.slice(0, 200) }]);
  }
  if (depthOf(value, 0) > MAX_JSON_DEPTH) {
    throw new RequestFault('MALFORMED_JSON', `the body nests deeper than ${MAX_JSON_DEPTH} levels`, []);
  }
  return value;
}

function depthOf(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null || depth > MAX_JSON_DEPTH) return depth;
  return Math.max(depth + 1, ...Object.values(value).map((field) => depthOf(field, depth + 1)));
}
