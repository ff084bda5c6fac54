import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '../runtime/clock.js';

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** Of the answer's body: a longer one is an error. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request and its whole answer; redirects are not followed: they could lead credentials elsewhere. @throws what the socket says */
export function exchange({ method, url, headers, body, timeoutMs, maxBytes, clock, ca }: Exchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const options = { method, headers: { ...headers, ...length }, agent: false, ...(ca === undefined ? {} : { ca }) };
    const request = url.startsWith('https:') ? requestHttps(url, options) : requestHttp(url, options);
    const timer = clock.after(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.once('close', () => timer.cancel());
    request.once('error', reject);
    request.once('response', (response) => {
      readBody(response, maxBytes).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    });
    request.end(body);
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the response and its socket.
    if (bytes > maxBytes) throw new Error(`its answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
