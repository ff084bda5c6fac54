import { isCausewayError } from '../errors/error.js';
import type { RegistryMode, SchemaBody, SchemaVersion } from '../model/schema.js';
import {
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
import { type RegistryClientOptions, RegistryTransport } from './registry-transport.js';

/** What became of an order to register. */
export interface RegisteredSchema {
  readonly id: number;
  readonly version: number | null;
}

/**
 * A schema registry over its REST API (Confluent's, which Karapace, Apicurio and others speak). Failures are CausewayErrors: REGISTRY_UNREACHABLE,
 * REGISTRY_REFUSED (with its status and message), REGISTRY_PROTOCOL.
 */
export class RegistryClient {
  protected readonly transport: RegistryTransport;

  constructor(options: RegistryClientOptions) {
    this.transport = new RegistryTransport(options);
  }

  /** Names of a context's subjects, with the context, the default one's unless said; those too that are offered no more. */
  async subjects(context?: string): Promise<readonly string[]> {
    if (context === undefined) return await this.transport.read('GET', '/subjects?deleted=true', parseList);
    const prefix = `:.${context}:`;
    const found = await this.transport.read(
      'GET',
      `/subjects?deleted=true&subjectPrefix=${encodeURIComponent(prefix)}`,
      parseList,
    );
    return found.length > 0 ? found : await this.#subjectsApart(context, prefix);
  }

  /** Registries whose listing keeps to the default context have a path for each; those that have none say 404. */
  async #subjectsApart(context: string, prefix: string): Promise<readonly string[]> {
    try {
      const found = await this.transport.maybe(
        'GET',
        `/contexts/${segment(`.${context}`)}/subjects?deleted=true`,
        parseList,
      );
      return (found ?? []).map((subject) => (subject.startsWith(prefix) ? subject : `${prefix}${subject}`));
    } catch (error) {
      if (isCausewayError(error, 'REGISTRY_REFUSED') || isCausewayError(error, 'REGISTRY_PROTOCOL')) return [];
      throw error;
    }
  }

  /** Numbers of a subject's versions; none: there is no such subject. */
  async versions(subject: string, deleted: boolean): Promise<readonly number[]> {
    return (
      (await this.transport.maybe('GET', `${subjectUrl(subject)}/versions?deleted=${deleted}`, parseNumbers)) ?? []
    );
  }

  /** A version, a deleted one too; without its `deleted`. Undefined: gone meanwhile. */
  async version(subject: string, version: number): Promise<Omit<SchemaVersion, 'deleted'> | undefined> {
    return await this.transport.maybe('GET', `${subjectUrl(subject)}/versions/${version}?deleted=true`, parseVersion);
  }

  /** What an id stands for. @param subject of whose context; undefined: the default one */
  async schema(id: number, subject?: string): Promise<SchemaBody | undefined> {
    const query = subject === undefined ? '' : `?subject=${encodeURIComponent(subject)}`;
    const found = await this.transport.maybe('GET', `/schemas/ids/${id}${query}`, (body) =>
      parseVersion(body, { subject: '', version: 0, id }),
    );
    if (found === undefined) return undefined;
    const { type, text, references, extras } = found;
    return { type, text, references, ...(extras === undefined ? {} : { extras }) };
  }

  /** Subjects that offer the id's schema; where none does any more, those that did. */
  async subjectsOf(id: number): Promise<readonly string[]> {
    const path = `/schemas/ids/${id}/subjects`;
    const offered = (await this.transport.maybe('GET', path, parseList)) ?? [];
    if (offered.length > 0) return offered;
    return (await this.transport.maybe('GET', `${path}?deleted=true`, parseList)) ?? [];
  }

  /** Id and version that this schema has in the subject; those of a deleted version only where none is offered. Undefined: none has it. */
  async lookUp(subject: string, schema: SchemaBody): Promise<PlacedSchema | undefined> {
    const path = subjectUrl(subject);
    const offered = await this.transport.maybe('POST', path, parsePlaced, bodyOf(schema));
    return offered ?? (await this.transport.maybe('POST', `${path}?deleted=true`, parsePlaced, bodyOf(schema)));
  }

  /** @returns the id that the registry gave, or that the schema has already */
  async register(subject: string, schema: SchemaBody): Promise<number> {
    const { id } = await this.transport.read(
      'POST',
      `${subjectUrl(subject)}/versions`,
      parseRegistered,
      bodyOf(schema),
    );
    return id;
  }

  /**
   * Registers under this very version and id, which a registry does in mode IMPORT. Some take the order and give their own all the same: what
   * the subject has afterwards is what counts. @returns the version null: the id is given, and the version is not there
   */
  async registerAs(subject: string, schema: SchemaBody, as: PlacedSchema): Promise<RegisteredSchema> {
    const body = { ...bodyOf(schema), ...as };
    const given = await this.transport.read('POST', `${subjectUrl(subject)}/versions`, parseRegistered, body);
    if (given.version !== undefined || given.id !== as.id) return { version: null, ...given };
    const found = await this.version(subject, as.version);
    return { id: found?.id ?? given.id, version: found?.version ?? null };
  }

  /** A version is offered no more; its id stays. One that is gone is no error. */
  async deleteVersion(subject: string, version: number): Promise<void> {
    await this.transport.maybe('DELETE', `${subjectUrl(subject)}/versions/${version}`, (body) => body);
  }

  /** @param subject null: the registry’s own level. @returns undefined: the subject has none of its own */
  async level(subject: string | null): Promise<string | undefined> {
    const path = subject === null ? '/config' : `/config/${segment(subject)}?defaultToGlobal=false`;
    return await this.transport.maybe('GET', path, parseLevel);
  }

  /** @param level null: the registry’s own counts again */
  async setLevel(subject: string | null, level: string | null): Promise<void> {
    const path = subject === null ? '/config' : `/config/${segment(subject)}`;
    if (level === null) await this.transport.maybe('DELETE', path, (body) => body);
    else await this.transport.read('PUT', path, (body) => body, { compatibility: level });
  }

  /** @param context a context of the registry; undefined: the whole of it */
  async mode(context?: string): Promise<RegistryMode> {
    const own = context === undefined ? undefined : await this.transport.maybe('GET', modeUrl(context), parseMode);
    return own ?? (await this.transport.read('GET', '/mode', parseMode));
  }

  /** Whether this very registry writes; undefined: it does not tell (only Karapace does). */
  async isLeader(): Promise<boolean | undefined> {
    try {
      return await this.transport.maybe('GET', '/master_available', parseLeader);
    } catch (error) {
      if (isCausewayError(error, 'REGISTRY_REFUSED') || isCausewayError(error, 'REGISTRY_PROTOCOL')) return undefined;
      throw error;
    }
  }

  /** @param force also where there are schemas already */
  async setMode(mode: RegistryMode, context: string | undefined, force: boolean): Promise<void> {
    await this.transport.read('PUT', `${modeUrl(context)}${force ? '?force=true' : ''}`, (body) => body, { mode });
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

export function subjectUrl(subject: string): string {
  return `/subjects/${segment(subject)}`;
}

/** Colons stay: a path may have them, and not every registry reads them otherwise. */
export function segment(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

function modeUrl(context: string | undefined): string {
  return context === undefined ? '/mode' : `/mode/${segment(`:.${context}:`)}`;
}
