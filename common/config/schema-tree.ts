import { z } from 'zod';
import type { ConfigPath } from './faults.js';
import { configSchema } from './schema.js';

/** What a JSON Schema says of one place in the file; only the words that the configuration schema uses. */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  /** The form of every entry, where the keys are names of the operator's choice. */
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
}

let tree: SchemaNode | undefined;

/** The configuration file's form as a tree. */
export function configTree(): SchemaNode {
  tree ??= z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  return tree;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The key whose constant tells the alternatives apart: `type`, `policy`. */
function tagOf(node: SchemaNode): string | undefined {
  return Object.entries(node.oneOf?.[0]?.properties ?? {}).find(([, property]) => property.const !== undefined)?.[0];
}

/** The alternatives that the value may mean: one when its tag says which, all of them before that. */
export function alternatives(node: SchemaNode, value: unknown): readonly SchemaNode[] {
  if (node.oneOf === undefined) return [node];
  const tag = tagOf(node);
  const said = tag !== undefined && isRecord(value) ? value[tag] : undefined;
  const chosen = node.oneOf.filter((option) => tag !== undefined && option.properties?.[tag]?.const === said);
  return chosen.length > 0 ? chosen : node.oneOf;
}

/** What the schema says of `key` below a place that holds `value`; undefined for unknown keys. */
export function childOf(node: SchemaNode, value: unknown, key: string | number): SchemaNode | undefined {
  for (const option of alternatives(node, value)) {
    if (typeof key === 'number') {
      if (option.items !== undefined) return option.items;
      continue;
    }
    const properties = option.properties ?? {};
    if (Object.hasOwn(properties, key)) return properties[key];
    if (typeof option.additionalProperties === 'object') return option.additionalProperties;
  }
  return undefined;
}

/** The schema of the place at `path`, given the whole file's value. */
export function nodeAt(path: ConfigPath, root: unknown): SchemaNode | undefined {
  let node: SchemaNode | undefined = configTree();
  let value: unknown = root;
  for (const key of path) {
    if (node === undefined) return undefined;
    node = childOf(node, value, key);
    value = valueAt(value, key);
  }
  return node;
}

export function valueAt(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** A copy without the entries at these paths. */
export function withoutPaths(value: unknown, paths: readonly ConfigPath[]): unknown {
  if (Array.isArray(value)) return value.map((item, i) => withoutPaths(item, below(paths, i)));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !paths.some((path) => path.length === 1 && path[0] === key));
  return Object.fromEntries(kept.map(([key, child]) => [key, withoutPaths(child, below(paths, key))]));
}

function below(paths: readonly ConfigPath[], key: string | number): ConfigPath[] {
  return paths.filter((path) => path.length > 1 && path[0] === key).map((path) => path.slice(1));
}
