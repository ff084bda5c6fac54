import { CausewayError } from '../errors/error.js';
import type { SchemaBody, SchemaReference } from '../model/schema.js';
import type { PlacedSchema } from './registry-answers.js';
import type { RegistryClient } from './registry-client.js';

/** Ids are small integers, and a route sees few of them; bounds what garbage in front of values may cost. */
const MAX_KNOWN = 100_000;
/** How deep references may refer. */
const MAX_DEPTH = 20;

export interface IdResolverOptions {
  readonly source: Pick<RegistryClient, 'schema' | 'subjectsOf' | 'version'>;
  readonly target: Pick<RegistryClient, 'lookUp' | 'register'>;
  /** Register at the target what it does not have; else such an id has no translation. */
  readonly register: boolean;
}

/**
 * Which id a schema of the source has at the target, where ids differ because both registries give their own (merge routes). The target knows
 * schemas by subject, so that the source's subject is asked for there.
 */
export class SchemaIdResolver {
  readonly #options: IdResolverOptions;
  readonly #known = new Map<number, number>();

  constructor(options: IdResolverOptions) {
    this.#options = options;
  }

  /** For `translateSchemaId`. */
  get map(): ReadonlyMap<number, number> {
    return this.#known;
  }

  /**
   * Finds the target's id, or registers the schema there where that is allowed; remembered. Afterwards `map` has it.
   * @throws SCHEMA_CONFLICT: the source does not know the id, or the target lacks the schema and it may not be registered;
   *   REGISTRY_UNREACHABLE...: ask again
   */
  async resolve(id: number): Promise<number> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const { source } = this.#options;
    const schema = await source.schema(id);
    const [subject] = schema === undefined ? [] : await source.subjectsOf(id);
    if (schema === undefined || subject === undefined) throw unknownId(id);
    const { id: found } = await this.#atTarget(subject, schema, id, 0);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(id, found);
    return found;
  }

  /** References are told by the versions that they have at the target. */
  async #atTarget(subject: string, schema: SchemaBody, id: number, depth: number): Promise<PlacedSchema> {
    const { target, register } = this.#options;
    if (depth > MAX_DEPTH) throw unknownId(id);
    const references: SchemaReference[] = [];
    for (const reference of schema.references) {
      const { version } = await this.#reference(reference.subject, reference.version, depth + 1);
      references.push({ ...reference, version });
    }
    const there = { ...schema, references };
    const found = await target.lookUp(subject, there);
    if (found !== undefined) return found;
    if (register) {
      await target.register(subject, there);
      const placed = await target.lookUp(subject, there);
      if (placed !== undefined) return placed;
    }
    throw new CausewayError(
      'SCHEMA_CONFLICT',
      `the target’s registry does not have the schema of id ${id} under subject ${subject}`,
      { fix: 'Register it there, or let the route register what is missing.' },
    );
  }

  async #reference(subject: string, version: number, depth: number): Promise<PlacedSchema> {
    const needed = await this.#options.source.version(subject, version);
    if (needed === undefined) throw unknownId(-1);
    return await this.#atTarget(subject, needed, needed.id, depth);
  }
}

function unknownId(id: number): CausewayError {
  return new CausewayError('SCHEMA_CONFLICT', `the source’s registry does not know schema id ${id}`, {
    fix: 'The record was written with another registry, or the schema was deleted for good.',
  });
}
