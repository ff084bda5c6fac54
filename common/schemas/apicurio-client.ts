import { isCausewayError } from '../errors/error.js';
import type { RegistryMode, SchemaBody, SchemaVersion } from '../model/schema.js';
import { apicurioArchive, DEFAULT_GROUP, LATEST } from './apicurio-archive.js';
import { type PlacedSchema, parseContentId, parseCount, parseList, parseRule } from './registry-answers.js';
import { type RegisteredSchema, RegistryClient, segment } from './registry-client.js';
import type { RegistryClientOptions, Unusual } from './registry-transport.js';

/** Below this, Apicurio speaks as Confluent's registry does. */
const CONFLUENT_API = /\/apis\/ccompat\/v\d+\/*$/;

/** It tells a thousand at most unless asked for parts. */
const PAGE_SUBJECTS = 500;
/** No registry has more; a listing ends there. */
const MAX_SUBJECTS = 100_000;

/** Whether a registry is Apicurio's; told by its address, which always ends like this. */
export function isApicurio(url: string): boolean {
  return CONFLUENT_API.test(url);
}

/**
 * Apicurio Registry 3. Where its Confluent API answers otherwise than Confluent's, its own API is asked:
 * - it takes the order to switch to mode IMPORT, and gives ids of its own all the same: versions go into it with its own import, which keeps ids;
 * - it tells the level NONE for a subject without a level;
 * - it lists a subject all of whose versions are deleted, and does not tell them;
 * - it has no contexts, and tells all subjects for any;
 * - it tells a part of its subjects at a time.
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
    const found = new Set<string>();
    const total = await this.transport.maybe('GET', '/search/artifacts?limit=1', parseCount, undefined, this.#own);
    for (let offset = 0; offset < MAX_SUBJECTS; offset += PAGE_SUBJECTS) {
      const path = `/subjects?deleted=true&offset=${offset}&limit=${PAGE_SUBJECTS}`;
      const page = await this.transport.read('GET', path, parseList);
      // A page may be short or empty and not the last: what is no schema is left out of it. Older ones know of no parts, and tell all of them each time.
      const isAtEnd = offset + PAGE_SUBJECTS >= (total ?? 0);
      if (isAtEnd && page.every((subject) => found.has(subject))) break;
      for (const subject of page) found.add(subject);
    }
    return [...found];
  }

  override async version(subject: string, version: number): Promise<Omit<SchemaVersion, 'deleted'> | undefined> {
    const found = await super.version(subject, version);
    if (found !== undefined) return found;
    const id = await this.#idOf(subject, version);
    if (id === undefined) return undefined;
    const subjects = await this.transport.maybe('GET', `/schemas/ids/${id}/subjects?deleted=true`, parseList);
    // Set up to give each version an id of its own (legacy-id-mode), it means another schema by this id.
    const schema = subjects?.includes(subject) === true ? await this.schema(id) : undefined;
    return schema === undefined ? undefined : { subject, version, id, ...schema };
  }

  override async registerAs(subject: string, schema: SchemaBody, as: PlacedSchema): Promise<RegisteredSchema> {
    // Its import takes no content twice; where it has it, the version gets the content's id by itself.
    if ((await this.#idOf(subject, as.version)) === as.id) await this.#offerAgain(subject, as.version);
    else if ((await this.schema(as.id)) !== undefined) await this.#addVersion(subject, schema, as);
    else await this.#import(subject, schema, as);
    const found = await super.version(subject, as.version);
    return { id: found?.id ?? as.id, version: found?.version ?? null };
  }

  override async level(subject: string | null): Promise<string | undefined> {
    if (subject === null) return await super.level(null);
    return await this.transport.maybe('GET', levelPath(subject), parseRule, undefined, this.#own);
  }

  override async setLevel(subject: string | null, level: string | null): Promise<void> {
    if (subject === null || level !== null) return await super.setLevel(subject, level);
    // Its Confluent API leaves a level of NONE where it is.
    await this.transport.maybe('DELETE', levelPath(subject), isDone, undefined, this.#own);
  }

  /** Also one that is read-only writes into its topic whenever it starts. Its mode tells what it takes from others. */
  override isLeader(): Promise<boolean> {
    return Promise.resolve(true);
  }

  override async mode(context?: string): Promise<RegistryMode> {
    this.#expectNoContext(context);
    return await super.mode();
  }

  override async setMode(mode: RegistryMode, context: string | undefined, force: boolean): Promise<void> {
    this.#expectNoContext(context);
    await super.setMode(mode, undefined, force);
  }

  /** Of a version's content, a deleted one's too; undefined: there is no such version. */
  async #idOf(subject: string, version: number): Promise<number | undefined> {
    const path = `${artifactPath(subject)}/versions/${version}`;
    return await this.transport.maybe('GET', path, parseContentId, undefined, this.#own);
  }

  /** A version that was deleted here, and is not at the source. */
  async #offerAgain(subject: string, version: number): Promise<void> {
    const path = `${artifactPath(subject)}/versions/${version}/state`;
    const sent = { ...this.#own, contentType: 'application/json' };
    await this.transport.maybe('PUT', path, isDone, { state: 'ENABLED' }, sent);
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
    const sent = { ...this.#own, contentType: 'application/zip', headers };
    const path = '/admin/import?requireEmptyRegistry=false';
    const isTaken = await this.transport.maybe('POST', path, isDone, archive, sent);
    if (isTaken === undefined)
      throw this.transport.refused(`POST ${path}`, 404, 'only Apicurio 3 has the import that keeps ids');
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

function levelPath(subject: string): string {
  return `${artifactPath(subject)}/rules/COMPATIBILITY`;
}

function isDone(): true {
  return true;
}
