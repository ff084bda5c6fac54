import type { PathStep, Substitute } from '../model/field-path.js';
import { type FieldDocument, Unreadable } from './document.js';
import { valuesAt } from './field-path.js';
import { removeAt, replaceAt } from './json-edit.js';

const NULL = 'null';
const QUOTE = 0x22;

/** JSON, whose bytes are edited where they lie: the rest of the text stays as it was written. */
export class JsonDocument implements FieldDocument {
  readonly bytes: Buffer;
  readonly #frameBytes: number;
  #parsed: { readonly value: unknown } | undefined;

  private constructor(bytes: Buffer, frameBytes: number) {
    this.bytes = bytes;
    this.#frameBytes = frameBytes;
  }

  /** @param frameBytes in front of the text @throws Unreadable */
  static read(bytes: Buffer, frameBytes: number): JsonDocument {
    const document = new JsonDocument(bytes, frameBytes);
    document.#value();
    return document;
  }

  text(): string {
    return this.bytes.toString('utf8', this.#frameBytes);
  }

  valuesAt(path: readonly PathStep[]): readonly unknown[] {
    return valuesAt(this.#value(), path);
  }

  replaced(path: readonly PathStep[], by: Substitute): FieldDocument {
    return this.#edited((text) =>
      replaceAt(text, path, (value) => (isNull(value) ? undefined : Buffer.from(JSON.stringify(by(contentOf(value)))))),
    );
  }

  removed(path: readonly PathStep[]): FieldDocument {
    return this.#edited((text) => removeAt(text, path));
  }

  #value(): unknown {
    this.#parsed ??= { value: this.#parse() };
    return this.#parsed.value;
  }

  #parse(): unknown {
    try {
      return JSON.parse(this.bytes.toString('utf8', this.#frameBytes));
    } catch {
      throw new Unreadable('it is not JSON');
    }
  }

  /** What is left is JSON again. */
  #edited(edit: (text: Buffer) => Buffer): FieldDocument {
    const text = this.bytes.subarray(this.#frameBytes);
    const left = edit(text);
    if (left === text) return this;
    const bytes = this.#frameBytes === 0 ? left : Buffer.concat([this.bytes.subarray(0, this.#frameBytes), left]);
    return new JsonDocument(bytes, this.#frameBytes);
  }
}

/** A text's digest is that of what it says, however it is written; anything else's that of its bytes. */
function contentOf(value: Buffer): Buffer {
  return value[0] === QUOTE ? Buffer.from(JSON.parse(value.toString('utf8')) as string) : value;
}

function isNull(value: Buffer): boolean {
  return value.length === NULL.length && value.toString('latin1') === NULL;
}
