import { CausewayError, type ErrorPlace, isCausewayError, messageOf } from '../../errors/error.js';
import { exchange } from '../../http/exchange.js';
import type { TokenEndpoint } from '../../model/cluster.js';
import type { Clock } from '../../runtime/clock.js';
import { readSecretFile } from './secret-file.js';

/** A token is used for this share of its life; a login with one that is about to end would hold for moments only. */
const USE_RATIO = 0.8;
/** RFC 6750's b64token: anything else could break out of the SASL message. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
/** How much of an issuer's own words goes into an error. */
const MAX_REASON_CHARS = 300;
/** Tokens are a few kilobytes. */
const MAX_ANSWER_BYTES = 256 * 1024;

interface IssuedToken {
  readonly token: string;
  /** By the monotonic clock. */
  readonly useUntilMs: number;
}

/** Fetches tokens from one endpoint: kept for most of their life, and one request at a time, whoever asks. */
export class TokenSource {
  readonly #endpoint: TokenEndpoint;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #place: ErrorPlace;
  #current: IssuedToken | undefined;
  #fetching: Promise<IssuedToken> | undefined;

  constructor(
    endpoint: TokenEndpoint,
    { cluster, clock, timeoutMs }: { readonly cluster: string; readonly clock: Clock; readonly timeoutMs: number },
  ) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#place = { cluster };
  }

  /** @throws KAFKA_AUTH_FAILED */
  async token(): Promise<string> {
    const current = this.#current;
    if (current !== undefined && this.#clock.monotonicMs() < current.useUntilMs) return current.token;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    this.#current = await this.#fetching;
    return this.#current.token;
  }

  /** A broker refused it. */
  forget(token: string): void {
    if (this.#current?.token === token) this.#current = undefined;
  }

  async #fetch(): Promise<IssuedToken> {
    const { url, clientId, clientSecretFile, scope, caFile } = this.#endpoint;
    const clientSecret =
      this.#endpoint.clientSecret ?? (await readSecretFile(clientSecretFile ?? '', 'client secret file', this.#place));
    const ca = caFile === undefined ? undefined : await readSecretFile(caFile, 'CA file', this.#place);
    const fields = { grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) };
    const askedMs = this.#clock.monotonicMs();
    try {
      const { status, body } = await exchange({
        method: 'POST',
        url,
        headers: {
          authorization: basic(clientId, clientSecret),
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams(fields).toString(),
        timeoutMs: this.#timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        clock: this.#clock,
        ...(ca === undefined ? {} : { ca }),
      });
      if (status !== 200) throw new Error(`it answered with status ${status}${reasonOf(body)}`);
      return issuedToken(body, askedMs);
    } catch (error) {
      if (isCausewayError(error)) throw error;
      throw new CausewayError('KAFKA_AUTH_FAILED', `no token from ${hostOf(url)}: ${messageOf(error)}`, {
        place: this.#place,
        fix: 'Check url, clientId, clientSecret and scope in the cluster’s sasl.tokenEndpoint, and the endpoint itself.',
      });
    }
  }
}

/** RFC 6749 2.3.1: both are form-encoded before they are joined. */
function basic(clientId: string, clientSecret: string): string {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`;
}

/** RFC 6749 5.1. Without `expires_in` nobody says how long the token holds: it serves one login. */
function issuedToken(body: string, askedMs: number): IssuedToken {
  const answer = parseObject(body);
  if (answer === undefined) throw new Error('its answer is not a JSON object');
  const { access_token: token, expires_in: expiresInS } = answer;
  if (typeof token !== 'string' || !TOKEN.test(token)) throw new Error('its answer holds no access_token');
  const lifeS = Number(expiresInS ?? 0);
  const lifeMs = Number.isFinite(lifeS) && lifeS > 0 ? lifeS * 1_000 : 0;
  return { token, useUntilMs: askedMs + lifeMs * USE_RATIO };
}

/** `error` and `error_description` of RFC 6749 5.2, which hold no secrets. */
function reasonOf(body: string): string {
  const answer = parseObject(body);
  const words = [answer?.['error'], answer?.['error_description']].filter((word) => typeof word === 'string');
  const text = words
    .join(': ')
    .replace(/[^\x20-\x7e]/g, ' ')
    .slice(0, MAX_REASON_CHARS);
  return text === '' ? '' : ` (${text})`;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function hostOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
