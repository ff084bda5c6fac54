import { configTree, type SchemaNode } from './schema-tree.js';

/** One documented key of the configuration file. */
export interface KeyDoc {
  /** `clusters.<name>.bootstrap`: `<name>` stands for a name of the operator's choice. */
  readonly path: string;
  /** `integer 1..16`, `one of a, b`, `list of strings`. */
  readonly form: string;
  /** As written in YAML; undefined where there is none. */
  readonly defaultText: string | undefined;
  readonly required: boolean;
  readonly meaning: string;
}

const NO_BOUND = Number.MAX_SAFE_INTEGER;

function formOf(node: SchemaNode): string {
  if (node.oneOf !== undefined) return 'section';
  if (node.enum !== undefined) return `one of ${node.enum.map((value) => `\`${value}\``).join(', ')}`;
  if (node.const !== undefined) return `one of \`${node.const}\``;
  switch (node.type) {
    case 'object':
      return typeof node.additionalProperties === 'object' ? 'sections by name' : 'section';
    case 'array':
      return `list of ${formOf(node.items ?? {})}s`;
    case 'integer':
    case 'number': {
      const { minimum, maximum } = node;
      const upper = maximum === undefined || maximum >= NO_BOUND ? '' : String(maximum);
      return minimum === undefined ? node.type : `${node.type} ${minimum}..${upper}`;
    }
    case 'boolean':
      return '`true` or `false`';
    default:
      return node.type ?? 'any';
  }
}

function keysBelow(node: SchemaNode, prefix: string, docs: Map<string, KeyDoc>): void {
  if (typeof node.additionalProperties === 'object') {
    keysBelow(node.additionalProperties, `${prefix}.<name>`, docs);
    return;
  }
  for (const option of node.oneOf ?? [node]) {
    for (const [key, child] of Object.entries(option.properties ?? {})) {
      const path = prefix === '' ? key : `${prefix}.${key}`;
      addKey(path, child, option.required?.includes(key) ?? false, docs);
      keysBelow(child, path, docs);
    }
  }
}

function addKey(path: string, node: SchemaNode, required: boolean, docs: Map<string, KeyDoc>): void {
  const known = docs.get(path);
  if (known !== undefined) {
    // The same tag in another alternative: its constant joins the allowed values.
    if (node.const !== undefined) docs.set(path, { ...known, form: `${known.form}, \`${node.const}\`` });
    return;
  }
  const simple = node.type !== 'object' && node.oneOf === undefined;
  const defaultText = simple && node.default !== undefined ? JSON.stringify(node.default) : undefined;
  docs.set(path, { path, form: formOf(node), defaultText, required, meaning: node.description ?? '' });
}

/** Every key of the configuration file in the schema's order: what docs/configuration.md and `config explain` print. */
export function configReference(): readonly KeyDoc[] {
  const docs = new Map<string, KeyDoc>();
  keysBelow(configTree(), '', docs);
  return [...docs.values()];
}
