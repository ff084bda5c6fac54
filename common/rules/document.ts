import type { PathStep, Substitute } from '../model/field-path.js';

/** What of a record may have fields. */
export type Part = 'key' | 'value';

/** Why a key or value cannot be looked into. Thrown within a program only. */
export class Unreadable extends Error {}

/** What stands in front of it has to be looked up before anything can be said of the record. Thrown within a program only. */
export class SchemaWanted extends Error {
  readonly part: Part;
  readonly id: number;

  constructor(part: Part, id: number) {
    super(`schema ${id} has not been looked up`);
    this.part = part;
    this.id = id;
  }
}

/** A key or value with fields. */
export interface FieldDocument {
  /** The whole key or value. */
  readonly bytes: Buffer;
  /** As JSON, for people. */
  text(): string;
  /** Every value at the path; several where it has a `*`. */
  valuesAt(path: readonly PathStep[]): readonly unknown[];
  /** With others at the path, null stays null; itself where there is nothing. @throws Unreadable: it cannot hold them */
  replaced(path: readonly PathStep[], by: Substitute): FieldDocument;
  /** Without what is at the path; itself where there is nothing. @throws Unreadable: it cannot be without */
  removed(path: readonly PathStep[]): FieldDocument;
}

/** Reads keys or values. @throws Unreadable, SchemaWanted */
export type DocumentReader = (bytes: Buffer) => FieldDocument;

/** Larger keys and values are not looked into: they count as unreadable. */
export const MAX_PARSED_BYTES = 1 << 20;
