import { createHash, timingSafeEqual } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { CausewayError } from '../errors/error.js';
import type { Random } from '../runtime/random.js';
import { hostOf, isLoopback } from './address.js';

/** Answered to anybody: they tell no more than that the process lives. Metrics hold topic names, no payloads or secrets. */
const OPEN_PATHS = new Set(['/livez', '/readyz', '/metrics']);
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Every answer carries a request id: the caller's if it is a decent one, else our own. */
export function requestIds(random: Random): RequestHandler {
  return (request: Request, response: Response, next: NextFunction): void => {
    const given = request.get('x-request-id') ?? '';
    response.setHeader('x-request-id', REQUEST_ID.test(given) ? given : random.uuid());
    next();
  };
}

/** One check before any router: what is not open needs the token, whether such a path exists or not. */
export function requireToken(token: string | undefined): RequestHandler {
  const expected = token === undefined ? undefined : digest(token);
  return (request: Request, _response: Response, next: NextFunction) => {
    if (expected === undefined || isOpen(request)) return next();
    const match = /^Bearer ([^\s]+)$/i.exec(request.get('authorization') ?? '');
    if (match !== null && timingSafeEqual(digest(match[1] as string), expected)) return next();
    next(
      new CausewayError('UNAUTHENTICATED', 'the request carries no valid bearer token', {
        fix: 'Send "Authorization: Bearer <token>" with the token of http.token or http.tokenFile.',
      }),
    );
  };
}

function isOpen(request: Request): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && OPEN_PATHS.has(request.path);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Keeps web pages out: a page the operator happens to look at must not write through the browser (cross-site requests), nor reach a
 * server without a token under another name (DNS rebinding).
 */
export function refuseBrowsers(settings: {
  readonly token: string | undefined;
  readonly names: readonly string[];
}): RequestHandler {
  const names = new Set(settings.names.map((name) => name.toLowerCase()));
  return (request: Request, _response: Response, next: NextFunction) => {
    const host = request.get('host') ?? '';
    const name = hostOf(host);
    if (settings.token === undefined && !isLoopback(name) && !names.has(name)) {
      return next(
        new CausewayError('FORBIDDEN', 'the Host header names another server', {
          fix: 'Use the address the server listens on.',
        }),
      );
    }
    const origin = request.get('origin');
    if (origin !== undefined && !SAFE_METHODS.has(request.method) && !sameOrigin(origin, host)) {
      return next(new CausewayError('FORBIDDEN', 'the request comes from a page of another origin'));
    }
    next();
  };
}

function sameOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}
