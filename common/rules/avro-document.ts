import { AvroMisfit, avroRemoved, avroReplaced } from '../avro/edit.js';
import { avroValuesAt, expectWhole } from '../avro/find.js';
import type { Node } from '../avro/node.js';
import { AvroFault } from '../avro/reader.js';
import { avroText } from '../avro/text.js';
import type { PathStep, Substitute } from '../model/field-path.js';
import { type FieldDocument, Unreadable } from './document.js';
import { pathText } from './field-path.js';

/** Avro, by the schema that it was written with; what is changed is written with the same. */
export class AvroDocument implements FieldDocument {
  readonly bytes: Buffer;
  readonly #node: Node;
  readonly #frameBytes: number;

  private constructor(node: Node, bytes: Buffer, frameBytes: number) {
    this.bytes = bytes;
    this.#node = node;
    this.#frameBytes = frameBytes;
  }

  /** @param frameBytes in front of the data @throws Unreadable */
  static read(node: Node, bytes: Buffer, frameBytes: number): AvroDocument {
    const document = new AvroDocument(node, bytes, frameBytes);
    readable(() => expectWhole(node, document.#data));
    return document;
  }

  text(): string {
    return readable(() => avroText(this.#node, this.#data));
  }

  valuesAt(path: readonly PathStep[]): readonly unknown[] {
    return readable(() => avroValuesAt(this.#node, this.#data, path));
  }

  replaced(path: readonly PathStep[], by: Substitute): FieldDocument {
    return this.#edited(path, (data) => avroReplaced(this.#node, data, path, by));
  }

  removed(path: readonly PathStep[]): FieldDocument {
    return this.#edited(path, (data) => avroRemoved(this.#node, data, path));
  }

  get #data(): Buffer {
    return this.bytes.subarray(this.#frameBytes);
  }

  #edited(path: readonly PathStep[], edit: (data: Buffer) => Buffer): FieldDocument {
    const data = this.#data;
    try {
      const left = readable(() => edit(data));
      if (left === data) return this;
      const bytes = this.#frameBytes === 0 ? left : Buffer.concat([this.bytes.subarray(0, this.#frameBytes), left]);
      return new AvroDocument(this.#node, bytes, this.#frameBytes);
    } catch (error) {
      if (error instanceof AvroMisfit) throw new Unreadable(`its field ${pathText(path)}: ${error.message}`);
      throw error;
    }
  }
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof AvroFault) throw new Unreadable(`it is not what its schema says: ${error.message}`);
    throw error;
  }
}
