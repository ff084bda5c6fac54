import { STATUS_CODES } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { ERROR_CODES, type ErrorCode } from '../errors/codes.js';
import { CausewayError, isCausewayError } from '../errors/error.js';
import type { Logger } from '../observability/logger.js';

/** One fault of a request, with a JSON pointer to the place. */
export interface FieldFault {
  readonly pointer: string;
  readonly detail: string;
}

/** The body of every failed request (RFC 9457, application/problem+json). */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldFault[];
  readonly requestId: string;
  readonly retryable: boolean;
  readonly fix?: string;
}

/** A request with several faults; each is told. */
export class RequestFault extends CausewayError {
  readonly faults: readonly FieldFault[];

  constructor(code: ErrorCode, message: string, faults: readonly FieldFault[], fix?: string) {
    super(code, message, fix === undefined ? {} : { fix });
    this.faults = faults;
  }
}

export function problemOf(error: unknown, requestId: string): ProblemBody {
  const known = isCausewayError(error) ? error : fromBodyParser(error);
  const code: ErrorCode = known?.code ?? 'INTERNAL_INVARIANT';
  const { httpStatus, retryable } = ERROR_CODES[code];
  // Nothing of an unexpected error goes out: the request id finds it in the log.
  const detail = known === undefined ? 'An unexpected error; the request id finds it in the log.' : detailOf(known);
  return {
    type: `urn:causeway:error:${code}`,
    title: STATUS_CODES[httpStatus] ?? 'Error',
    status: httpStatus,
    code,
    detail,
    errors: known instanceof RequestFault ? known.faults : [],
    requestId,
    retryable,
    ...(known?.fix === undefined ? {} : { fix: known.fix }),
  };
}

function detailOf(error: CausewayError): string {
  const place = Object.entries(error.place).map(([key, value]) => `${key} ${String(value)}`);
  return place.length > 0 ? `${error.message} (${place.join(', ')})` : error.message;
}

/** Express and its body reader throw http-errors: the client's fault where they say 4xx. */
function fromBodyParser(error: unknown): CausewayError | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const { status, type, limit } = error as { status?: unknown; type?: unknown; limit?: unknown };
  if (status === 413 || type === 'entity.too.large') {
    return new CausewayError('REQUEST_TOO_LARGE', `the request body is larger than ${Number(limit) / 1024} KiB`);
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new CausewayError('INVALID_REQUEST', 'the request cannot be read');
  }
  return undefined;
}

export function requestIdOf(response: Response): string {
  return String(response.getHeader('x-request-id') ?? '');
}

/** The last middleware: turns whatever was thrown into a problem document, and logs what is our fault. */
export function problemHandler(logger: Logger) {
  return (error: unknown, request: Request, response: Response, next: NextFunction) => {
    const problem = problemOf(error, requestIdOf(response));
    const fields = { method: request.method, path: request.path, status: problem.status, requestId: problem.requestId };
    if (problem.status === 500) logger.error('http.failed', { ...fields, err: error });
    else logger.debug('http.refused', { ...fields, code: problem.code });
    if (response.headersSent) return next(error);
    if (problem.status === 503) response.setHeader('retry-after', '1');
    if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer realm="causeway"');
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };
}
