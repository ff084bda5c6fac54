/** Confluent's wire format: this byte, then the schema's id in four bytes, big-endian, then the data. */
const MAGIC = 0;
const HEADER_BYTES = 5;

/** What became of the id in front of a key or value. */
export type TranslatedId =
  /** The same bytes under another id; a copy. */
  | { readonly kind: 'translated'; readonly bytes: Buffer }
  /** It has the id already that it should have. */
  | { readonly kind: 'same' }
  /** It does not begin as Confluent's serializers write. */
  | { readonly kind: 'not-framed' }
  /** Nobody knows what the source's id is at the target. */
  | { readonly kind: 'unknown'; readonly id: number };

/** The source's id in front of a key or value; undefined: there is none. */
export function schemaIdOf(bytes: Buffer): number | undefined {
  return bytes.length >= HEADER_BYTES && bytes[0] === MAGIC ? bytes.readInt32BE(1) : undefined;
}

/** Puts the target's id in the place of the source's. Pure; the bytes given stay as they are. @param map source id -> target id */
export function translateSchemaId(bytes: Buffer, map: ReadonlyMap<number, number>): TranslatedId {
  const id = schemaIdOf(bytes);
  if (id === undefined) return { kind: 'not-framed' };
  const target = map.get(id);
  if (target === undefined) return { kind: 'unknown', id };
  if (target === id) return { kind: 'same' };
  const translated = Buffer.from(bytes);
  translated.writeInt32BE(target, 1);
  return { kind: 'translated', bytes: translated };
}
