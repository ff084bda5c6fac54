import type { FieldDocument, Part } from './document.js';
import type { PartReaders } from './readers.js';

/** A record as rules see it; every part may be a view of a batch. */
export interface RuleRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [key: Buffer, value: Buffer | null])[];
  /** Ms since 1970; -1 = none. */
  readonly timestamp: bigint;
}

/** A record on its way through the rules: each sees what the ones before left. */
export class RecordInHand implements RuleRecord {
  readonly timestamp: bigint;
  isChanged = false;
  #key: RuleRecord['key'];
  #value: RuleRecord['value'];
  #headers: RuleRecord['headers'];
  readonly #readers: PartReaders;
  readonly #documents: { [part in Part]?: FieldDocument | undefined } = {};

  constructor({ key, value, headers, timestamp }: RuleRecord, readers: PartReaders) {
    this.#key = key;
    this.#value = value;
    this.#headers = headers;
    this.timestamp = timestamp;
    this.#readers = readers;
  }

  get key(): RuleRecord['key'] {
    return this.#key;
  }

  set key(key: RuleRecord['key']) {
    if (key === this.#key) return;
    this.#key = key;
    this.#documents.key = undefined;
    this.isChanged = true;
  }

  get value(): RuleRecord['value'] {
    return this.#value;
  }

  set value(value: RuleRecord['value']) {
    if (value === this.#value) return;
    this.#value = value;
    this.#documents.value = undefined;
    this.isChanged = true;
  }

  get headers(): RuleRecord['headers'] {
    return this.#headers;
  }

  set headers(headers: RuleRecord['headers']) {
    this.#headers = headers;
    this.isChanged = true;
  }

  /** Its key or value by fields; undefined where there is none: a tombstone has no fields. @throws Unreadable, SchemaWanted */
  document(part: Part): FieldDocument | undefined {
    const bytes = this[part];
    if (bytes === null) return undefined;
    this.#documents[part] ??= this.#readers[part](bytes);
    return this.#documents[part];
  }

  /** What is left of its key or value. */
  put(part: Part, document: FieldDocument): void {
    this[part] = document.bytes;
    this.#documents[part] = document;
  }
}
