import { isCausewayError } from '../errors/error.js';
import type { RegistryMode, SchemaBody, SchemaVersion } from '../model/schema.js';
import { apicurioArchive, DEFAULT_GROUP, LATEST } from './apicurio-archive.js';
import { type PlacedSchema, parseContentId, parseRule } from './registry-answers.js';
import { type RegisteredSchema, RegistryClient, segment } from './registry-client.js';
import type { RegistryClientOptions, Unusual } from './registry-transport.js';

/** Below this, Apicurio speaks as Confluent's registry does. */
const CONFLUENT_API = /\/apis\/ccompat\/v\d+\/*$/;

/** Whether a registry is Apicurio's; told by its address, which always ends like this. */
export function isApicurio(url: string): boolean {
  return CONFLUENT_API.test(url);
}

/**
 * Apicurio Registry 3. Where its Confluent API answers otherwise than Confluent's, its own API is asked:
 * - it takes the order to switch to mode IMPORT, and gives ids of its own all the same: versions go into it with its own import, which keeps ids;
 * - it tells the level NONE for a subject without a level;
 * - it lists a subject all of whose versions are deleted, and does not tell them;
 * - it has no contexts, and tells all subjects for any.
 */
export class ApicurioClient extends RegistryClient {
  /** For questions to its own API. */
  readonly #own: Unusual;

  constructor(options: RegistryClientOptions) {
    super(options);
    const base = options.connection.url.replace(CONFLUENT_API, '/apis/registry/v3');
    this.#own = { base, isAnyAbsent: true };
  }

  override async subjects(context?: string): Promise<readonly string[]> {
    this.#expectNoContext(context);
    return await super.subjects();
  }

  override async version(subject: string, version: number): Promise<Omit<SchemaVersion, 'deleted'> | undefined> {
    const found = await super.version(subject, version);
    if (found !== undefined) return found;
    const id = await this.#idOf(subject, version);
    const schema = id === undefined ? undefined : await this.schema(id);
    return id === undefined || schema === undefined ? undefined : { subject, version, id, ...schema };
  }

  override async registerAs(subject: string, schema: SchemaBody, as: PlacedSchema): Promise<RegisteredSchema> {
    const isKnown = (await this.schema(as.id)) !== undefined;
    // Its import takes no content twice; where it has it, the version gets the content's id by itself.
    if (isKnown) await this.#addVersion(subject, schema, as);
    else await this.#import(subject, schema, as);
    const id = await this.#idOf(subject, as.version);
    return id === undefined ? { id: as.id, version: null } : { id, version: as.version };
  }

  override async level(subject: string | null): Promise<string | undefined> {
    if (subject === null) return await super.level(null);
    return await this.transport.maybe(
      'GET',
      `${artifactPath(subject)}/rules/COMPATIBILITY`,
      parseRule,
      undefined,
      this.#own,
    );
  }

  override async setLevel(subject: string | null, level: string | null): Promise<void> {
    if (subject === null || level !== null) return await super.setLevel(subject, level);
    // Its Confluent API leaves a level of NONE where it is.
    await this.transport.maybe('DELETE', `${artifactPath(subject)}/rules/COMPATIBILITY`, isDone, undefined, this.#own);
  }

  override async mode(context?: string): Promise<RegistryMode> {
    this.#expectNoContext(context);
    return await super.mode();
  }

  override async setMode(mode: RegistryMode, context: string | undefined, force: boolean): Promise<void> {
    this.#expectNoContext(context);
    await super.setMode(mode, undefined, force);
  }

  /** The version comes behind those that the subject has, so that it must be the next one. */
  async #addVersion(subject: string, schema: SchemaBody, { version }: PlacedSchema): Promise<void> {
    const last = Math.max(0, ...(await this.versions(subject, true)));
    if (last + 1 !== version) {
      const why = `it has the schema, and would make it version ${last + 1}`;
      throw this.transport.refused(`the order to keep ${subject} version ${version}`, 409, why);
    }
    await this.register(subject, schema);
  }

  /** Its answer says nothing of what it could not do: whoever asks for it looks afterwards. */
  async #import(subject: string, schema: SchemaBody, as: PlacedSchema): Promise<void> {
    const isThere = (await this.transport.maybe('GET', artifactPath(subject), isDone, undefined, this.#own)) === true;
    const archive = apicurioArchive(subject, schema, as, !isThere);
    const headers = { 'x-registry-preserve-contentid': 'true', 'x-registry-preserve-globalid': 'false' };
    const sent = { ...this.#own, isAnyAbsent: false, contentType: 'application/zip', headers };
    await this.transport.read('POST', '/admin/import?requireEmptyRegistry=false', isDone, archive, sent);
    if (isThere) await this.#addToLatest(subject, as.version);
  }

  async #addToLatest(subject: string, version: number): Promise<void> {
    const path = `${artifactPath(subject)}/branches/${LATEST}/versions`;
    const sent = { ...this.#own, contentType: 'application/json' };
    try {
      await this.transport.maybe('POST', path, isDone, { version: `${version}` }, sent);
    } catch (error) {
      // The branch of a subject that the registry made itself cannot be changed: it names its own latest version until it registers the next one.
      if (!isCausewayError(error, 'REGISTRY_REFUSED')) throw error;
    }
  }

  /** What Confluent's API calls the id of a version, a deleted one too; undefined: there is no such version. */
  async #idOf(subject: string, version: number): Promise<number | undefined> {
    const path = `${artifactPath(subject)}/versions/${version}`;
    return await this.transport.maybe('GET', path, parseContentId, undefined, this.#own);
  }

  #expectNoContext(context: string | undefined): void {
    if (context === undefined) return;
    throw this.transport.refused(
      `the wish for context ${context}`,
      400,
      'Apicurio has no contexts; leave out schemas.context',
    );
  }
}

function artifactPath(subject: string): string {
  return `/groups/${DEFAULT_GROUP}/artifacts/${segment(subject)}`;
}

function isDone(): true {
  return true;
}
