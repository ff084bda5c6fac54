import { readFile } from 'node:fs/promises';
import { CausewayError, isCausewayError, messageOf } from '../errors/error.js';
import { type Answer, type Exchange, exchange } from '../http/exchange.js';
import { readSecretFile } from '../kafka/wire/secret-file.js';
import type { SchemaRegistryConnection } from '../model/cluster.js';
import type { RegistryMode, SchemaBody, SchemaVersion } from '../model/schema.js';
import type { Clock } from '../runtime/clock.js';
import {
  type Parsed,
  type PlacedSchema,
  parseLeader,
  parseLevel,
  parseList,
  parseMode,
  parseNumbers,
  parsePlaced,
  parseRegistered,
  parseVersion,
} from './registry-answers.js';

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

/**
 * A schema registry over its REST API (Confluent's, which Karapace, Apicurio and others speak). Failures are CausewayErrors: REGISTRY_UNREACHABLE,
 * REGISTRY_REFUSED (with its status and message), REGISTRY_PROTOCOL.
 */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #base: string;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#base = options.connection.url.replace(/\/+$/, '');
  }

  /** Names of a context's subjects, with the context, the default one's unless said; those too that are offered no more. */
  async subjects(context?: string): Promise<readonly string[]> {
    if (context === undefined) return await this.#read('GET', '/subjects?deleted=true', parseList);
    const prefix = `:.${context}:`;
    const found = await this.#read(
      'GET',
      `/subjects?deleted=true&subjectPrefix=${encodeURIComponent(prefix)}`,
      parseList,
    );
    return found.length > 0 ? found : await this.#subjectsApart(context, prefix);
  }

  /** Registries whose listing keeps to the default context have a path for each; those that have none say 404. */
  async #subjectsApart(context: string, prefix: string): Promise<readonly string[]> {
    try {
      const found = await this.#maybe('GET', `/contexts/${segment(`.${context}`)}/subjects?deleted=true`, parseList);
      return (found ?? []).map((subject) => (subject.startsWith(prefix) ? subject : `${prefix}${subject}`));
    } catch (error) {
      if (isCausewayError(error, 'REGISTRY_REFUSED') || isCausewayError(error, 'REGISTRY_PROTOCOL')) return [];
      throw error;
    }
  }

  /** Numbers of a subject's versions; none: there is no such subject. */
  async versions(subject: string, deleted: boolean): Promise<readonly number[]> {
    return (await this.#maybe('GET', `${subjectUrl(subject)}/versions?deleted=${deleted}`, parseNumbers)) ?? [];
  }

  /** A version, a deleted one too; without its `deleted`. Undefined: gone meanwhile. */
  async version(subject: string, version: number): Promise<Omit<SchemaVersion, 'deleted'> | undefined> {
    return await this.#maybe('GET', `${subjectUrl(subject)}/versions/${version}?deleted=true`, parseVersion);
  }

  /** What an id stands for. @param subject of whose context; undefined: the default one */
  async schema(id: number, subject?: string): Promise<SchemaBody | undefined> {
    const query = subject === undefined ? '' : `?subject=${encodeURIComponent(subject)}`;
    const found = await this.#maybe('GET', `/schemas/ids/${id}${query}`, (body) =>
      parseVersion(body, { subject: '', version: 0, id }),
    );
    if (found === undefined) return undefined;
    const { type, text, references, extras } = found;
    return { type, text, references, ...(extras === undefined ? {} : { extras }) };
  }

  /** Subjects in which the id's schema is offered. */
  async subjectsOf(id: number): Promise<readonly string[]> {
    return (await this.#maybe('GET', `/schemas/ids/${id}/subjects`, parseList)) ?? [];
  }

  /** Id and version under which the subject offers this schema; undefined: it does not. */
  async lookUp(subject: string, schema: SchemaBody): Promise<PlacedSchema | undefined> {
    return await this.#maybe('POST', subjectUrl(subject), parsePlaced, bodyOf(schema));
  }

  /** Registers; with `as` under this very version and id (mode IMPORT). @returns the id it has */
  async register(
    subject: string,
    schema: SchemaBody,
    as?: { readonly version: number; readonly id: number },
  ): Promise<number> {
    return await this.#read('POST', `${subjectUrl(subject)}/versions`, parseRegistered, { ...bodyOf(schema), ...as });
  }

  /** A version is offered no more; its id stays. One that is gone is no error. */
  async deleteVersion(subject: string, version: number): Promise<void> {
    await this.#maybe('DELETE', `${subjectUrl(subject)}/versions/${version}`, (body) => body);
  }

  /** @param subject null: the registry’s own level. @returns undefined: the subject has none of its own */
  async level(subject: string | null): Promise<string | undefined> {
    const path = subject === null ? '/config' : `/config/${segment(subject)}?defaultToGlobal=false`;
    return await this.#maybe('GET', path, parseLevel);
  }

  /** @param level null: the registry’s own counts again */
  async setLevel(subject: string | null, level: string | null): Promise<void> {
    const path = subject === null ? '/config' : `/config/${segment(subject)}`;
    if (level === null) await this.#maybe('DELETE', path, (body) => body);
    else await this.#read('PUT', path, (body) => body, { compatibility: level });
  }

  /** @param context a context of the registry; undefined: the whole of it */
  async mode(context?: string): Promise<RegistryMode> {
    const own = context === undefined ? undefined : await this.#maybe('GET', modeUrl(context), parseMode);
    return own ?? (await this.#read('GET', '/mode', parseMode));
  }

  /** Whether this very registry writes; undefined: it does not tell (only Karapace does). */
  async isLeader(): Promise<boolean | undefined> {
    try {
      return await this.#maybe('GET', '/master_available', parseLeader);
    } catch (error) {
      if (isCausewayError(error, 'REGISTRY_REFUSED') || isCausewayError(error, 'REGISTRY_PROTOCOL')) return undefined;
      throw error;
    }
  }

  /** @param force also where there are schemas already */
  async setMode(mode: RegistryMode, context: string | undefined, force: boolean): Promise<void> {
    await this.#read('PUT', `${modeUrl(context)}${force ? '?force=true' : ''}`, (body) => body, { mode });
  }

  async #read<T>(method: Exchange['method'], path: string, parse: Parsed<T>, body?: object): Promise<T> {
    const found = await this.#ask(method, path, parse, body);
    if (found !== undefined) return found.value;
    throw this.#refused(`${method} ${path}`, 404, 'not found');
  }

  /** Undefined: the registry says that there is none. */
  async #maybe<T>(method: Exchange['method'], path: string, parse: Parsed<T>, body?: object): Promise<T | undefined> {
    return (await this.#ask(method, path, parse, body))?.value;
  }

  async #ask<T>(
    method: Exchange['method'],
    path: string,
    parse: Parsed<T>,
    body?: object,
  ): Promise<{ readonly value: T } | undefined> {
    const answer = await this.#exchange(method, path, body);
    const json = jsonOf(answer.body);
    if (answer.status >= 200 && answer.status < 300) {
      const value = parse(json);
      if (value !== undefined) return { value };
      throw new CausewayError(
        'REGISTRY_PROTOCOL',
        `the schema registry of cluster ${this.#options.cluster} answered ${method} ${path} with something else than a registry would`,
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
    if (answer.status === 404 && typeof code === 'number' && ABSENT_CODES.has(code)) return undefined;
    throw this.#refused(`${method} ${path}`, answer.status, typeof message === 'string' ? message.slice(0, 500) : '');
  }

  async #exchange(method: Exchange['method'], path: string, body: object | undefined): Promise<Answer> {
    const { connection, clock } = this.#options;
    const ca = connection.caFile === undefined ? {} : { ca: await this.#ca(connection.caFile) };
    const headers = {
      accept: `${MEDIA_TYPE}, application/json`,
      ...(body === undefined ? {} : { 'content-type': MEDIA_TYPE }),
      ...(await this.#authorization()),
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const limits = { timeoutMs: connection.requestTimeoutMs, maxBytes: MAX_ANSWER_BYTES };
    try {
      return await exchange({ method, url: `${this.#base}${path}`, headers, ...sent, ...limits, clock, ...ca });
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

  get #place(): { readonly cluster: string; readonly address: string } {
    return { cluster: this.#options.cluster, address: this.#base };
  }

  #refused(what: string, status: number, message: string): CausewayError {
    const fix =
      status === 401 || status === 403
        ? 'Check the credentials of schemaRegistry, and what its user may do.'
        : 'See the registry’s log.';
    return new CausewayError(
      'REGISTRY_REFUSED',
      `the schema registry of cluster ${this.#options.cluster} answered ${what} with ${status}${message === '' ? '' : `: ${message}`}`,
      {
        place: this.#place,
        fix,
      },
    );
  }
}

function bodyOf({ type, text, references, extras }: SchemaBody): object {
  return {
    ...extras,
    schema: text,
    // Registries of old know Avro only, and no such field.
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    ...(references.length === 0 ? {} : { references }),
  };
}

function subjectUrl(subject: string): string {
  return `/subjects/${segment(subject)}`;
}

/** Colons stay: a path may have them, and not every registry reads them otherwise. */
function segment(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

function modeUrl(context: string | undefined): string {
  return context === undefined ? '/mode' : `/mode/${segment(`:.${context}:`)}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
