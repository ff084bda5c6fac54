import type { Type } from 'avsc';

/** Logical types that conditions and replacements understand; every other one is its underlying type. */
export type Logical =
  | { readonly type: 'decimal'; readonly scale: number }
  | { readonly type: 'uuid' }
  | { readonly type: 'date' }
  /** Also the local ones: they are compared as if they were in UTC. */
  | { readonly type: 'timestamp'; readonly unitsPerMs: number };

export type LeafKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

interface Encodable {
  /** The library's type, for the bytes of what is put in a value's place. */
  readonly type: Type;
  readonly logical?: Logical;
}

/** A schema as values are read by it (Avro 1.12, "Binary encoding"). Recursive schemas are circles of nodes. */
export type Node =
  | (Encodable & { readonly kind: LeafKind })
  | (Encodable & { readonly kind: 'fixed'; readonly size: number })
  | (Encodable & { readonly kind: 'enum'; readonly symbols: readonly string[] })
  | { readonly kind: 'array'; items: Node }
  | { readonly kind: 'map'; items: Node }
  | { readonly kind: 'record'; fields: readonly { readonly name: string; readonly node: Node }[] }
  | { readonly kind: 'union'; branches: readonly Node[] };

export type Leaf = Extract<Node, Encodable>;

export function isLeaf(node: Node): node is Leaf {
  return node.kind !== 'array' && node.kind !== 'map' && node.kind !== 'record' && node.kind !== 'union';
}
