/** A schema that another one builds on: a version of a subject of the same registry (and context). */
export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** What a schema says, wherever it is registered. */
export interface SchemaBody {
  /** `AVRO`, `JSON`, `PROTOBUF`. */
  readonly type: string;
  readonly text: string;
  readonly references: readonly SchemaReference[];
  /** Metadata and rules of a data contract, as the registry told them; copied unread. */
  readonly extras?: Readonly<Record<string, unknown>>;
}

/** One version of a subject. Several may have one id: the id is the schema's. */
export interface SchemaVersion extends SchemaBody {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  /** Not offered any more, and still to be had by its id: old records need it. */
  readonly deleted: boolean;
}

/** `READWRITE`, `READONLY`, `IMPORT`... as registries tell it. */
export type RegistryMode = string;

/** A registry, as far as a route looks at it. */
export interface RegistryState {
  readonly mode: RegistryMode;
  /** For subjects without a level of their own. */
  readonly compatibility: string;
  readonly versions: readonly SchemaVersion[];
  /** Of subjects that have their own. */
  readonly levels: ReadonlyMap<string, string>;
}

export const IMPORT = 'IMPORT';
export const READWRITE = 'READWRITE';

/** The subject within a context of the target's (`:.east:orders-value`); without one as it is. */
export function subjectIn(context: string | undefined, subject: string): string {
  return context === undefined ? subject : `:.${context}:${subject}`;
}

/** The other way; undefined: it is of another context. */
export function subjectFrom(context: string | undefined, subject: string): string | undefined {
  if (context === undefined) return isQualified(subject) ? undefined : subject;
  const prefix = `:.${context}:`;
  return subject.startsWith(prefix) ? subject.slice(prefix.length) : undefined;
}

/** It names a context other than the default one. */
export function isQualified(subject: string): boolean {
  return subject.startsWith(':.');
}

/**
 * One text for schemas that say the same: registries write JSON with blanks and orders of their own. Protobuf is compared by its words.
 */
export function schemaFingerprint({ type, text, references }: SchemaBody): string {
  const ordered = references.map(({ name, subject, version }) => [name, subject, version]);
  return JSON.stringify([type, type === 'PROTOBUF' ? text.replace(/\s+/g, ' ').trim() : canonicalJson(text), ordered]);
}

function canonicalJson(text: string): string {
  try {
    return JSON.stringify(sorted(JSON.parse(text)));
  } catch {
    // An Avro primitive may be written bare.
    return text.trim();
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, child]) => [key, sorted(child)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
