import { CausewayError } from '../../common/errors/error.js';
import type { RegistryState, SchemaVersion } from '../../common/model/schema.js';
import { isQualified, subjectFrom } from '../../common/model/schema.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { RegistryClient } from '../../common/schemas/registry-client.js';

/** Requests under way at one registry. */
const READ_CONCURRENCY = 8;
/** More than any registry that was heard of; bounds what a wrong address may make of a round. */
const MAX_SUBJECTS = 50_000;
const MAX_VERSIONS = 500_000;
/** Schemas that are remembered: they never change under their subject, version and id, and reading them is what costs. */
const MAX_REMEMBERED = 100_000;
/** After so many readings all are read anew: whoever deletes a version for good may give its number to another schema. */
const READINGS_PER_MEMORY = 60;

export interface ReadWish {
  /** Read of this context, and told without it. */
  readonly context: string | undefined;
  /** Of a subject's name without the context. */
  readonly takes: (subject: string) => boolean;
}

/** Reads registries whole: what changes is asked for each time, what cannot change once. */
export class RegistryReader {
  readonly #client: RegistryClient;
  readonly #versions = new Map<string, Omit<SchemaVersion, 'deleted'>>();
  #readings = 0;

  constructor(client: RegistryClient) {
    this.#client = client;
  }

  async read({ context, takes }: ReadWish): Promise<RegistryState> {
    this.#readings += 1;
    if (this.#readings % READINGS_PER_MEMORY === 0) this.#versions.clear();
    const names = (await this.#client.subjects(context)).filter((name) => {
      const subject = subjectFrom(context, name);
      return subject !== undefined && !isQualified(subject) && takes(subject);
    });
    if (names.length > MAX_SUBJECTS) throw tooMany('subjects', names.length, MAX_SUBJECTS);
    const [mode, compatibility] = [await this.#client.mode(context), await this.#client.level(null)];
    const levels = new Map<string, string>();
    const lists = await mapLimited(names, READ_CONCURRENCY, async (name) => {
      const subject = subjectFrom(context, name) ?? name;
      const level = await this.#client.level(name);
      if (level !== undefined) levels.set(subject, level);
      return await this.#numbers(name, subject);
    });
    const places = lists.flat();
    if (places.length > MAX_VERSIONS) throw tooMany('versions', places.length, MAX_VERSIONS);
    const versions = await mapLimited(places, READ_CONCURRENCY, async ({ name, subject, version, deleted }) => {
      const found = await this.#version(name, version);
      return found === undefined ? undefined : { ...found, subject, deleted };
    });
    return {
      mode,
      compatibility: compatibility ?? '',
      versions: versions.filter((version) => version !== undefined),
      levels,
    };
  }

  async #numbers(
    name: string,
    subject: string,
  ): Promise<readonly { name: string; subject: string; version: number; deleted: boolean }[]> {
    // In this order: what is deleted in between counts as deleted.
    const all = await this.#client.versions(name, true);
    const offered = new Set(await this.#client.versions(name, false));
    return all.map((version) => ({ name, subject, version, deleted: !offered.has(version) }));
  }

  async #version(name: string, version: number): Promise<Omit<SchemaVersion, 'deleted'> | undefined> {
    const key = `${JSON.stringify(name)} ${version}`;
    const known = this.#versions.get(key);
    if (known !== undefined) return known;
    const found = await this.#client.version(name, version);
    if (found === undefined) return undefined;
    if (this.#versions.size >= MAX_REMEMBERED) this.#versions.clear();
    this.#versions.set(key, found);
    return found;
  }
}

function tooMany(what: string, count: number, limit: number): CausewayError {
  return new CausewayError(
    'REGISTRY_REFUSED',
    `the schema registry has ${count} ${what} that the route takes; at most ${limit} are compared`,
    {
      fix: 'Narrow schemas.subjects.',
    },
  );
}
