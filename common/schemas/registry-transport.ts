import { readFile } from 'node:fs/promises';
import { CausewayError, isCausewayError, messageOf } from '../errors/error.js';
import { type Answer, type Exchange, exchange } from '../http/exchange.js';
import { readSecretFile } from '../kafka/wire/secret-file.js';
import type { SchemaRegistryConnection } from '../model/cluster.js';
import type { Clock } from '../runtime/clock.js';
import type { Parsed } from './registry-answers.js';

/** A schema may be long; a whole listing longer. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
/** Confluent's codes: subject, version, schema not found; compatibility or mode of a subject not configured. */
const ABSENT_CODES: ReadonlySet<number> = new Set([40401, 40402, 40403, 40406, 40407, 40408, 40409]);

export interface RegistryClientOptions {
  /** The cluster's name, for messages. */
  readonly cluster: string;
  readonly connection: SchemaRegistryConnection;
  readonly clock: Clock;
}

/** What is not as usual about a question. */
export interface Unusual {
  /** Instead of the connection's URL. */
  readonly base?: string;
  /** Every 404 says that there is none, whatever its code. */
  readonly isAnyAbsent?: boolean;
  /** Of a body that is no JSON. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Question extends Unusual {
  readonly method: Exchange['method'];
  /** Below the registry's URL, with a leading slash. */
  readonly path: string;
  /** Sent as JSON; a Buffer as it is. */
  readonly body?: object | Buffer | undefined;
}

/** Questions to one registry, with its credentials. Failures are CausewayErrors: REGISTRY_UNREACHABLE, REGISTRY_REFUSED, REGISTRY_PROTOCOL. */
export class RegistryTransport {
  readonly #options: RegistryClientOptions;
  /** Without a slash at its end. */
  readonly #base: string;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#base = options.connection.url.replace(/\/+$/, '');
  }

  /** @throws REGISTRY_REFUSED also where the registry says that there is none */
  async read<T>(method: Exchange['method'], path: string, parse: Parsed<T>, body?: object): Promise<T> {
    const found = await this.#ask({ method, path, body }, parse);
    if (found !== undefined) return found.value;
    throw this.refused(`${method} ${path}`, 404, 'not found');
  }

  /** Undefined: the registry says that there is none. */
  async maybe<T>(
    method: Exchange['method'],
    path: string,
    parse: Parsed<T>,
    body?: object | Buffer,
    unusual: Unusual = {},
  ): Promise<T | undefined> {
    return (await this.#ask({ method, path, body, ...unusual }, parse))?.value;
  }

  /** @param what the question, or what was wanted with it */
  refused(what: string, status: number, message: string): CausewayError {
    const fix =
      status === 401 || status === 403
        ? 'Check the credentials of schemaRegistry, and what its user may do.'
        : 'See the registry’s log.';
    const said = message === '' ? '' : `: ${message}`;
    const text = `the schema registry of cluster ${this.#options.cluster} answered ${what} with ${status}${said}`;
    return new CausewayError('REGISTRY_REFUSED', text, { place: this.#place, fix });
  }

  get #place(): { readonly cluster: string; readonly address: string } {
    return { cluster: this.#options.cluster, address: this.#base };
  }

  async #ask<T>(question: Question, parse: Parsed<T>): Promise<{ readonly value: T } | undefined> {
    const answer = await this.#exchange(question);
    const json = jsonOf(answer.body);
    if (answer.status >= 200 && answer.status < 300) {
      const value = parse(json);
      if (value !== undefined) return { value };
      throw new CausewayError(
        'REGISTRY_PROTOCOL',
        `the schema registry of cluster ${this.#options.cluster} answered ${question.method} ${question.path} with something else than a registry would`,
        {
          place: this.#place,
          fix: 'Check that schemaRegistry.url is the address of a schema registry.',
        },
      );
    }
    const { error_code: code, message } = (typeof json === 'object' && json !== null ? json : {}) as Record<
      string,
      unknown
    >;
    const isKnown = question.isAnyAbsent === true || (typeof code === 'number' && ABSENT_CODES.has(code));
    if (answer.status === 404 && isKnown) return undefined;
    throw this.refused(
      `${question.method} ${question.path}`,
      answer.status,
      typeof message === 'string' ? message.slice(0, 500) : '',
    );
  }

  async #exchange({ method, path, body, base = this.#base, contentType, headers: more }: Question): Promise<Answer> {
    const { connection, clock } = this.#options;
    const ca = connection.caFile === undefined ? {} : { ca: await this.#ca(connection.caFile) };
    const headers = {
      accept: `${MEDIA_TYPE}, application/json`,
      ...(body === undefined ? {} : { 'content-type': contentType ?? MEDIA_TYPE }),
      ...more,
      ...(await this.#authorization()),
    };
    const sent = body === undefined ? {} : { body: Buffer.isBuffer(body) ? body : JSON.stringify(body) };
    const limits = { timeoutMs: connection.requestTimeoutMs, maxBytes: MAX_ANSWER_BYTES };
    try {
      return await exchange({ method, url: `${base}${path}`, headers, ...sent, ...limits, clock, ...ca });
    } catch (error) {
      if (isCausewayError(error)) throw error;
      throw new CausewayError(
        'REGISTRY_UNREACHABLE',
        `the schema registry of cluster ${this.#options.cluster} does not answer: ${messageOf(error)}`,
        {
          place: this.#place,
          fix: 'Check schemaRegistry.url of the cluster, and whether the registry runs.',
          cause: error,
        },
      );
    }
  }

  async #authorization(): Promise<{ readonly authorization?: string }> {
    const { username, password, passwordFile, token, tokenFile } = this.#options.connection;
    if (username !== undefined) {
      const secret =
        password ??
        (passwordFile === undefined
          ? ''
          : await readSecretFile(passwordFile, 'password of the schema registry', this.#place));
      return { authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}` };
    }
    const bearer =
      token ??
      (tokenFile === undefined
        ? undefined
        : await readSecretFile(tokenFile, 'token of the schema registry', this.#place));
    return bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  }

  async #ca(path: string): Promise<string> {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw new CausewayError(
        'REGISTRY_UNREACHABLE',
        `the registry’s authorities cannot be read: ${messageOf(error)}`,
        {
          place: { ...this.#place, path },
          cause: error,
        },
      );
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
