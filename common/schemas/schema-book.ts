import { compileAvro, MAX_SCHEMA_BYTES, SchemaFault } from '../avro/schema.js';
import { CausewayError } from '../errors/error.js';
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
/** What is dropped or copied unchanged because its schema is not known is not put right afterwards: so long a registry may lag behind. */
const PATIENCE_MS = 40_000;
/** Who waited in vain does not for that long: garbage with ever new ids must not hold partitions up all the time. */
const REST_MS = 300_000;
/** In the place of the time at which an id was missed first. */
const GIVEN_UP = Number.NEGATIVE_INFINITY;
/** Ids that a message names. */
const MAX_NAMED = 10;
/** What the registry did not have is asked for again after that. */
const ABSENT_MS = 60_000;

export interface SchemaBookOptions {
  /** The cluster's name, for messages. */
  readonly cluster: string;
  readonly client: Pick<RegistryClient, 'schema' | 'version'>;
  readonly clock: Clock;
  /** What the registry does not know is waited for, as long as it may only lag behind. */
  readonly isPatient?: boolean;
}

/** Why a schema cannot be read; `isAbsent`: because the registry does not have something, which it may have a moment later. */
interface Lack {
  readonly why: string;
  readonly isAbsent: boolean;
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
  readonly #asking = new Map<number, Promise<string | undefined>>();
  /** When each id that is not known was missed first; monotonic. */
  readonly #missed = new Map<number, number>();
  #restsUntilMs = Number.NEGATIVE_INFINITY;
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
   * @throws REGISTRY_UNREACHABLE (also: it does not know one of them yet), REGISTRY_REFUSED, REGISTRY_PROTOCOL: ask again
   */
  async learn(ids: ReadonlySet<number>): Promise<void> {
    const { clock, cluster } = this.#options;
    const first = await this.#absentOf([...ids]);
    if (first.size === 0) return;
    await clock.sleep(SECOND_LOOK_MS);
    const awaited: number[] = [];
    for (const [id, why] of await this.#absentOf([...first.keys()])) {
      if (this.#isAwaited(id)) awaited.push(id);
      else this.#keepForAWhile(id, why);
    }
    if (awaited.length === 0) return;
    const named = `${awaited.slice(0, MAX_NAMED).join(', ')}${awaited.length > MAX_NAMED ? '...' : ''}`;
    const message = `the schema registry of cluster ${cluster} does not have all of schema ${named} yet; it is asked for up to ${PATIENCE_MS} ms`;
    throw new CausewayError('REGISTRY_UNREACHABLE', message, {
      place: { cluster },
      fix: 'Check whether the registry keeps up with the one it follows. A schema that stays unknown makes records unreadable: the rules’ onUnreadable says what becomes of them.',
    });
  }

  /** It was missed a short time ago only. */
  #isAwaited(id: number): boolean {
    if (this.#options.isPatient !== true) return false;
    const nowMs = this.#options.clock.monotonicMs();
    const missedMs = this.#missed.get(id);
    if (missedMs === undefined) {
      if (nowMs < this.#restsUntilMs) return false;
      if (this.#missed.size >= MAX_KNOWN) this.#missed.clear();
      this.#missed.set(id, nowMs);
      return true;
    }
    if (nowMs - missedMs < PATIENCE_MS) return true;
    // Once: the same garbage comes again and again.
    if (missedMs !== GIVEN_UP) this.#restsUntilMs = nowMs + REST_MS;
    this.#missed.set(id, GIVEN_UP);
    return false;
  }

  /** Each with what is missing of it. */
  async #absentOf(ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const lacks = await mapLimited(ids, MAX_QUESTIONS, (id) => this.#ask(id));
    const absent = new Map<number, string>();
    for (const [i, why] of lacks.entries()) if (why !== undefined) absent.set(ids[i] as number, why);
    return absent;
  }

  /** Several partitions need the same one at the same time. */
  #ask(id: number): Promise<string | undefined> {
    const known = this.#asking.get(id);
    if (known !== undefined) return known;
    const asked = this.#look(id).finally(() => this.#asking.delete(id));
    this.#asking.set(id, asked);
    return asked;
  }

  /** @returns what the registry does not have; undefined: what it has is kept */
  async #look(id: number): Promise<string | undefined> {
    const body = await this.#options.client.schema(id);
    if (body === undefined) return `the schema registry of cluster ${this.#options.cluster} does not know it`;
    if (body.type === 'AVRO') return await this.#compile(id, body);
    if (body.type === 'JSON') {
      this.#keep(id, { format: { kind: 'json' }, textBytes: 0, untilMs: Number.POSITIVE_INFINITY });
      return undefined;
    }
    const why = `schemas of type ${body.type} are not understood`;
    this.#keep(id, { format: { kind: 'none', why }, textBytes: 0, untilMs: Number.POSITIVE_INFINITY });
    return undefined;
  }

  async #compile(id: number, body: SchemaBody): Promise<string | undefined> {
    const texts = new Map<string, string>();
    const lack = await this.#gather(body.references, texts, 0);
    if (lack?.isAbsent === true) return lack.why;
    if (lack !== undefined) {
      this.#keepForAWhile(id, lack.why);
      return undefined;
    }
    const format = formatOf(body.text, [...texts.values()]);
    const textBytes = format.kind === 'avro' ? totalBytes([body.text, ...texts.values()]) : 0;
    this.#keep(id, { format, textBytes, untilMs: Number.POSITIVE_INFINITY });
    return undefined;
  }

  /** Adds what they refer to, each behind what it needs itself. @returns why that cannot be had */
  async #gather(
    references: readonly SchemaReference[],
    texts: Map<string, string>,
    depth: number,
  ): Promise<Lack | undefined> {
    if (depth > MAX_REFERENCE_DEPTH) return tooMuch(`its references are more than ${MAX_REFERENCE_DEPTH} deep`);
    for (const { subject, version } of references) {
      const key = JSON.stringify([subject, version]);
      if (texts.has(key)) continue;
      if (texts.size >= MAX_REFERENCES) return tooMuch(`it refers to more than ${MAX_REFERENCES} schemas`);
      const found = await this.#options.client.version(subject, version);
      if (found === undefined) {
        return { why: `it refers to version ${version} of subject ${subject}, which is not there`, isAbsent: true };
      }
      const deeper = await this.#gather(found.references, texts, depth + 1);
      if (deeper !== undefined) return deeper;
      texts.set(key, found.text);
      if (totalBytes(texts.values()) > MAX_SCHEMA_BYTES)
        return tooMuch(`it has more than ${MAX_SCHEMA_BYTES} bytes with its references`);
    }
    return undefined;
  }

  #keepForAWhile(id: number, why: string): void {
    const untilMs = this.#options.clock.monotonicMs() + ABSENT_MS;
    this.#keep(id, { format: { kind: 'none', why }, textBytes: 0, untilMs });
  }

  #keep(id: number, entry: Entry): void {
    if (entry.untilMs === Number.POSITIVE_INFINITY) this.#missed.delete(id);
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

function tooMuch(why: string): Lack {
  return { why, isAbsent: false };
}

function totalBytes(texts: Iterable<string>): number {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  return bytes;
}
