import { ERROR_CODES, type ErrorCode } from '../errors/codes.js';
import { CausewayError, messageOf } from '../errors/error.js';
import { problemBody } from './desired-shapes.js';

const DEFAULT_TIMEOUT_MS = 30_000;

export interface ClientOptions {
  /** `http://host:port` of any controller. */
  readonly baseUrl: string;
  readonly token?: string;
  /** Whole request; 30 s unless said. */
  readonly timeoutMs?: number;
}

/** A resource as read, with the ETag that a later write may demand. */
export interface Versioned<T> {
  readonly value: T;
  readonly etag: string;
}

/** What goes with a request. */
export interface Sent {
  readonly body?: unknown;
  readonly ifMatch?: string | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
}

/**
 * Requests to /api/v1, for the clients of all parts. Failures are CausewayErrors with the code of the problem document; those of the
 * transport itself come as CONNECTION_LOST or REQUEST_TIMEOUT.
 */
export class RestTransport {
  readonly #options: ClientOptions;
  readonly #base: string;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#base = `${options.baseUrl.replace(/\/+$/, '')}/api/v1`;
  }

  async json<T>(method: string, path: string, sent: Sent = {}): Promise<T> {
    const response = await this.send(method, path, sent);
    return (await this.#read(response)) as T;
  }

  async versioned<T>(method: string, path: string, sent: Sent = {}): Promise<Versioned<T>> {
    const response = await this.send(method, path, sent);
    return { value: (await this.#read(response)) as T, etag: response.headers.get('etag') ?? '' };
  }

  async #read(response: Response): Promise<unknown> {
    try {
      return await response.json();
    } catch (error) {
      throw this.#transportError(error);
    }
  }

  async send(method: string, path: string, { body, ifMatch, query = {} }: Sent = {}): Promise<Response> {
    const url = new URL(`${this.#base}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const { token, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (ifMatch !== undefined) headers['if-match'] = ifMatch;
    let response: Response;
    try {
      const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs), redirect: 'error' };
      response = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
    } catch (error) {
      throw this.#transportError(error);
    }
    if (!response.ok) throw await failureOf(response);
    return response;
  }

  #transportError(error: unknown): CausewayError {
    const address = this.#options.baseUrl;
    if (error instanceof Error && error.name === 'TimeoutError') {
      return new CausewayError('REQUEST_TIMEOUT', 'the controller did not answer in time', {
        place: { address },
        cause: error,
      });
    }
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return new CausewayError('CONNECTION_LOST', `the controller cannot be reached: ${messageOf(cause)}`, {
      place: { address },
      fix: 'Check the address and whether the controller runs.',
      cause: error,
    });
  }
}

export function routeUrl(route: string): string {
  return `/routes/${encodeURIComponent(route)}`;
}

export function topicUrl(route: string, topic: string): string {
  return `${routeUrl(route)}/topics/${encodeURIComponent(topic)}`;
}

async function failureOf(response: Response): Promise<CausewayError> {
  const text = await response.text().catch(() => '');
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const problem = problemBody.safeParse(body);
  if (!problem.success || !(problem.data.code in ERROR_CODES)) {
    return new CausewayError('INTERNAL_INVARIANT', `the answer ${response.status} is not one of a controller`);
  }
  const { code, detail, errors, fix } = problem.data;
  const faults = errors.map((fault) => `${fault.pointer === '' ? '' : `${fault.pointer}: `}${fault.detail}`).join('; ');
  const message = faults === '' ? detail : `${detail}: ${faults}`;
  return new CausewayError(code as ErrorCode, message, fix === undefined ? {} : { fix });
}
