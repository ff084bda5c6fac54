import type { ConfigFault, ConfigPath } from './faults.js';
import { nearest, suggestion } from './nearest.js';
import { alternatives, childOf, configTree, isRecord, type SchemaNode } from './schema-tree.js';

/** The file without its unknown keys, what is wrong with those, and which keys they probably were meant to be. */
export interface KnownKeys {
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  /** Paths that are probably present under a misspelt name: "is missing" would only be noise. */
  readonly meant: readonly ConfigPath[];
}

interface Walk {
  readonly faults: ConfigFault[];
  readonly meant: ConfigPath[];
}

/** Takes the unknown keys out, so that everything else of the file can still be checked. */
export function separateUnknownKeys(value: unknown): KnownKeys {
  const walk: Walk = { faults: [], meant: [] };
  const known = visit(configTree(), value, [], walk);
  return { value: known, ...walk };
}

function visit(node: SchemaNode | undefined, value: unknown, path: ConfigPath, walk: Walk): unknown {
  if (node === undefined) return value;
  if (Array.isArray(value)) return value.map((item, i) => visit(childOf(node, value, i), item, [...path, i], walk));
  if (!isRecord(value) || !takesKeys(node)) return value;
  const kept: [string, unknown][] = [];
  for (const [key, child] of Object.entries(value)) {
    const form = key === '__proto__' ? undefined : childOf(node, value, key);
    if (form === undefined) reportUnknown(node, value, key, path, walk);
    else kept.push([key, visit(form, child, [...path, key], walk)]);
  }
  return Object.fromEntries(kept);
}

/** A section where a text was expected is the type check's business. */
function takesKeys(node: SchemaNode): boolean {
  return node.type === 'object' || node.oneOf !== undefined;
}

function reportUnknown(
  node: SchemaNode,
  value: Record<string, unknown>,
  key: string,
  path: ConfigPath,
  walk: Walk,
): void {
  const known = [...new Set(alternatives(node, value).flatMap((option) => Object.keys(option.properties ?? {})))];
  const taken = new Set(Object.keys(value));
  const where = [...path, key];
  const elsewhere = (node.oneOf ?? []).some((option) => Object.hasOwn(option.properties ?? {}, key));
  if (elsewhere) {
    walk.faults.push({
      path: where,
      message: `does not belong to this kind; allowed here: ${known.join(', ')}`,
      atKey: true,
    });
    return;
  }
  const near = nearest(key, known, taken);
  for (const word of near) walk.meant.push([...path, word]);
  const hint = near.length > 0 ? suggestion(key, known, taken) : `; allowed here: ${known.join(', ')}`;
  walk.faults.push({ path: where, message: `unknown key${hint}`, atKey: true });
}
