import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '../../runtime/clock.js';

/** Tokens are a few kilobytes. */
const MAX_ANSWER_BYTES = 256 * 1024;

export interface FormOptions {
  /** The Authorization header. */
  readonly authorization: string;
  /** For the whole exchange. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string;
}

/** POSTs a form over http or https; redirects are not followed: they could lead the secret elsewhere. */
export function postForm(
  url: string,
  fields: Readonly<Record<string, string>>,
  { authorization, timeoutMs, clock, ca }: FormOptions,
): Promise<{ readonly status: number; readonly body: string }> {
  const body = new URLSearchParams(fields).toString();
  const headers = {
    authorization,
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers, agent: false, ...(ca === undefined ? {} : { ca }) };
    const request = url.startsWith('https:') ? requestHttps(url, options) : requestHttp(url, options);
    const timer = clock.after(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.once('close', () => timer.cancel());
    request.once('error', reject);
    request.once('response', (response) => {
      readBody(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    });
    request.end(body);
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the response and its socket.
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
