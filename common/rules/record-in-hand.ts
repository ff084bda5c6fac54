/** A record as rules see it; every part may be a view of a batch. */
export interface RuleRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [key: Buffer, value: Buffer | null])[];
  /** Ms since 1970; -1 = none. */
  readonly timestamp: bigint;
}

/** Larger values are not parsed: they count as unreadable. */
export const MAX_PARSED_BYTES = 1 << 20;

/** Why the value cannot be looked into. Thrown within a program only. */
export class Unreadable extends Error {}

/** A record on its way through the rules: each sees what the ones before left. */
export class RecordInHand implements RuleRecord {
  readonly timestamp: bigint;
  isChanged = false;
  #key: RuleRecord['key'];
  #value: RuleRecord['value'];
  #headers: RuleRecord['headers'];
  #parsed: { readonly document: unknown } | undefined;

  constructor({ key, value, headers, timestamp }: RuleRecord) {
    this.#key = key;
    this.#value = value;
    this.#headers = headers;
    this.timestamp = timestamp;
  }

  get key(): RuleRecord['key'] {
    return this.#key;
  }

  set key(key: RuleRecord['key']) {
    this.#key = key;
    this.isChanged = true;
  }

  get value(): RuleRecord['value'] {
    return this.#value;
  }

  set value(value: RuleRecord['value']) {
    if (value === this.#value) return;
    this.#value = value;
    this.#parsed = undefined;
    this.isChanged = true;
  }

  get headers(): RuleRecord['headers'] {
    return this.#headers;
  }

  set headers(headers: RuleRecord['headers']) {
    this.#headers = headers;
    this.isChanged = true;
  }

  /** The value as JSON; undefined for a tombstone, which has no fields. @throws Unreadable */
  document(): unknown {
    this.#parsed ??= { document: this.#parse() };
    return this.#parsed.document;
  }

  #parse(): unknown {
    const value = this.#value;
    if (value === null) return undefined;
    if (value.length > MAX_PARSED_BYTES) throw new Unreadable(`its value has more than ${MAX_PARSED_BYTES} bytes`);
    try {
      return JSON.parse(value.toString('utf8'));
    } catch {
      throw new Unreadable('its value is not JSON');
    }
  }
}
