import type { Node } from '../avro/node.js';
import { compileAvro, SchemaFault } from '../avro/schema.js';
import { messageOf } from '../errors/error.js';
import type { RecordRules } from '../model/record-rules.js';
import { AvroDocument } from './avro-document.js';
import { type DocumentReader, MAX_PARSED_BYTES, type Part, SchemaWanted, Unreadable } from './document.js';
import { JsonDocument } from './json-document.js';

/** Confluent's wire format: this byte, then the schema's id in four bytes, big-endian, then the data. No JSON begins so. */
const MAGIC = 0;
const FRAME_BYTES = 5;

/** What an id in front of keys and values stands for. */
export type FramedFormat =
  | { readonly kind: 'avro'; readonly node: Node }
  /** JSON text, checked by a schema when it was written. */
  | { readonly kind: 'json' }
  /** It cannot be read. */
  | { readonly kind: 'none'; readonly why: string };

/** What is known of a registry's schemas. */
export interface KnownSchemas {
  /** Undefined: not looked up yet. */
  find(id: number): FramedFormat | undefined;
}

/** How the keys and values of a route are read. */
export type PartReaders = Readonly<Record<Part, DocumentReader>>;

/** Why there is no registry to ask, or what is known of it. */
export type Schemas = KnownSchemas | { readonly missing: string };

/**
 * @param rules without faults; a schema in them is of unframed Avro
 * @param schemas of the registry whose ids stand in front of keys and values when rules see them
 */
export function partReaders({ avro = {} }: Pick<RecordRules, 'avro'>, schemas: Record<Part, Schemas>): PartReaders {
  const reader = (part: Part): DocumentReader => {
    const text = avro[part];
    return bounded(text === undefined ? framed(part, schemas[part]) : unframed(compileAvro(text)));
  };
  return { key: reader('key'), value: reader('value') };
}

/** Why a text is no schema of Avro values; undefined: it is one. */
export function avroFault(text: string): string | undefined {
  try {
    compileAvro(text);
    return undefined;
  } catch (error) {
    return error instanceof SchemaFault ? error.message : messageOf(error);
  }
}

function bounded(read: DocumentReader): DocumentReader {
  return (bytes) => {
    if (bytes.length > MAX_PARSED_BYTES) throw new Unreadable(`it has more than ${MAX_PARSED_BYTES} bytes`);
    return read(bytes);
  };
}

function unframed(node: Node): DocumentReader {
  return (bytes) => AvroDocument.read(node, bytes, 0);
}

function framed(part: Part, schemas: Schemas): DocumentReader {
  return (bytes) => {
    if (bytes.length < FRAME_BYTES || bytes[0] !== MAGIC) return JsonDocument.read(bytes, 0);
    const id = bytes.readInt32BE(1);
    if ('missing' in schemas) throw new Unreadable(`a schema’s id is in front of it (${id}), and ${schemas.missing}`);
    if (id < 0) throw new Unreadable(`it begins as data with a schema’s id, which ${id} cannot be`);
    const format = schemas.find(id);
    if (format === undefined) throw new SchemaWanted(part, id);
    switch (format.kind) {
      case 'avro':
        return AvroDocument.read(format.node, bytes, FRAME_BYTES);
      case 'json':
        return JsonDocument.read(bytes, FRAME_BYTES);
      case 'none':
        throw new Unreadable(`schema id ${id} is in front of it: ${format.why}`);
    }
  };
}
