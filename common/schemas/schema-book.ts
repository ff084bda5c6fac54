import { compileAvro, MAX_SCHEMA_BYTES, SchemaFault } from '../avro/schema.js';
import type { SchemaBody, SchemaReference } from '../model/schema.js';
import type { FramedFormat, KnownSchemas } from '../rules/readers.js';
import type { Clock } from '../runtime/clock.js';
import { mapLimited } from '../runtime/map-limited.js';
import type { RegistryClient } from './registry-client.js';

/** Ids of which something is remembered; bounds what garbage in front of values costs. */
const MAX_KNOWN = 100_000;
/** Text of all schemas that are kept ready. */
const MAX_TEXT_BYTES = 16 << 20;
/** Of one schema. */
const MAX_REFERENCES = 200;
const MAX_REFERENCE_DEPTH = 20;
/** Questions to the registry at a time, by one batch. */
const MAX_QUESTIONS = 8;
/** A registry that follows another one may know an id a moment later. */
const SECOND_LOOK_MS = 500;
/** What the registry did not have is asked for again after that. */
const ABSENT_MS = 60_000;

export interface SchemaBookOptions {
  /** The cluster's name, for messages. */
  readonly cluster: string;
  readonly client: Pick<RegistryClient, 'schema' | 'version'>;
  readonly clock: Clock;
}

interface Entry {
  readonly format: FramedFormat;
  readonly textBytes: number;
  /** Monotonic; Infinity: what an id stands for never changes. */
  readonly untilMs: number;
}

/** What the ids of one registry stand for, as far as somebody asked; the least recently used are forgotten. */
export class SchemaBook implements KnownSchemas {
  readonly #options: SchemaBookOptions;
  /** In the order of their last use. */
  readonly #entries = new Map<number, Entry>();
  #textBytes = 0;
  readonly #asking = new Map<number, Promise<boolean>>();
  /** Records that follow each other mostly have the same. */
  #latest = -1;

  constructor(options: SchemaBookOptions) {
    this.#options = options;
  }

  find(id: number): FramedFormat | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    if (entry.untilMs !== Number.POSITIVE_INFINITY && entry.untilMs <= this.#options.clock.monotonicMs()) {
      this.#forget(id);
      return undefined;
    }
    if (id !== this.#latest) {
      this.#entries.delete(id);
      this.#entries.set(id, entry);
      this.#latest = id;
    }
    return entry.format;
  }

  /**
   * Asks the registry what these ids stand for. Afterwards `find` has them, unless they are more than are kept.
   * @throws REGISTRY_UNREACHABLE, REGISTRY_REFUSED, REGISTRY_PROTOCOL: ask again
   */
  async learn(ids: ReadonlySet<number>): Promise<void> {
    const absent = await this.#absentOf([...ids]);
    if (absent.length === 0) return;
    await this.#options.clock.sleep(SECOND_LOOK_MS);
    for (const id of await this.#absentOf(absent)) {
      this.#keepForAWhile(id, `the schema registry of cluster ${this.#options.cluster} does not know it`);
    }
  }

  async #absentOf(ids: readonly number[]): Promise<readonly number[]> {
    const isThere = await mapLimited(ids, MAX_QUESTIONS, (id) => this.#ask(id));
    return ids.filter((_, i) => isThere[i] !== true);
  }

  /** Several partitions need the same one at the same time. */
  #ask(id: number): Promise<boolean> {
    const known = this.#asking.get(id);
    if (known !== undefined) return known;
    const asked = this.#look(id).finally(() => this.#asking.delete(id));
    this.#asking.set(id, asked);
    return asked;
  }

  async #look(id: number): Promise<boolean> {
    const body = await this.#options.client.schema(id);
    if (body === undefined) return false;
    if (body.type === 'JSON') {
      this.#keep(id, { format: { kind: 'json' }, textBytes: 0, untilMs: Number.POSITIVE_INFINITY });
    } else if (body.type !== 'AVRO') {
      const why = `schemas of type ${body.type} are not understood`;
      this.#keep(id, { format: { kind: 'none', why }, textBytes: 0, untilMs: Number.POSITIVE_INFINITY });
    } else await this.#compile(id, body);
    return true;
  }

  async #compile(id: number, body: SchemaBody): Promise<void> {
    const texts = new Map<string, string>();
    const missing = await this.#gather(body.references, texts, 0);
    if (missing !== undefined) {
      this.#keepForAWhile(id, missing);
      return;
    }
    const format = formatOf(body.text, [...texts.values()]);
    const textBytes = format.kind === 'avro' ? totalBytes([body.text, ...texts.values()]) : 0;
    this.#keep(id, { format, textBytes, untilMs: Number.POSITIVE_INFINITY });
  }

  /** Adds what they refer to, each behind what it needs itself. @returns why that cannot be had */
  async #gather(
    references: readonly SchemaReference[],
    texts: Map<string, string>,
    depth: number,
  ): Promise<string | undefined> {
    if (depth > MAX_REFERENCE_DEPTH) return `its references are more than ${MAX_REFERENCE_DEPTH} deep`;
    for (const { subject, version } of references) {
      const key = JSON.stringify([subject, version]);
      if (texts.has(key)) continue;
      if (texts.size >= MAX_REFERENCES) return `it refers to more than ${MAX_REFERENCES} schemas`;
      const found = await this.#options.client.version(subject, version);
      if (found === undefined) return `it refers to version ${version} of subject ${subject}, which is not there`;
      const deeper = await this.#gather(found.references, texts, depth + 1);
      if (deeper !== undefined) return deeper;
      texts.set(key, found.text);
      if (totalBytes(texts.values()) > MAX_SCHEMA_BYTES)
        return `it has more than ${MAX_SCHEMA_BYTES} bytes with its references`;
    }
    return undefined;
  }

  #keepForAWhile(id: number, why: string): void {
    const untilMs = this.#options.clock.monotonicMs() + ABSENT_MS;
    this.#keep(id, { format: { kind: 'none', why }, textBytes: 0, untilMs });
  }

  #keep(id: number, entry: Entry): void {
    this.#forget(id);
    this.#entries.set(id, entry);
    this.#textBytes += entry.textBytes;
    for (const eldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_KNOWN && this.#textBytes <= MAX_TEXT_BYTES) break;
      this.#forget(eldest);
    }
  }

  #forget(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#textBytes -= entry.textBytes;
    if (this.#latest === id) this.#latest = -1;
  }
}

function formatOf(text: string, references: readonly string[]): FramedFormat {
  try {
    return { kind: 'avro', node: compileAvro(text, references) };
  } catch (error) {
    if (!(error instanceof SchemaFault)) throw error;
    return { kind: 'none', why: error.message };
  }
}

function totalBytes(texts: Iterable<string>): number {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  return bytes;
}
