import avro, { type Schema, type Type, type types } from 'avsc';
import { messageOf } from '../errors/error.js';
import type { LeafKind, Logical, Node } from './node.js';

/** Of a schema with all that it refers to, as text. */
export const MAX_SCHEMA_BYTES = 1 << 20;
/** Of the text's own objects and lists. */
const MAX_TEXT_DEPTH = 200;
/** Digits behind the point of a decimal. */
const MAX_SCALE = 1_000;
/** What decides neither names nor bytes. Defaults above all: many registries took some that do not fit their field. */
const IDLE_KEYS: ReadonlySet<string> = new Set(['default', 'aliases', 'doc', 'order']);

/** Why a text is no schema that values can be read by. */
export class SchemaFault extends Error {}

/**
 * @param text JSON
 * @param references texts of the schemas whose names it uses, each behind those that it uses itself
 * @throws SchemaFault
 */
export function compileAvro(text: string, references: readonly string[] = []): Node {
  let bytes = 0;
  for (const one of [...references, text]) bytes += Buffer.byteLength(one);
  if (bytes > MAX_SCHEMA_BYTES) throw new SchemaFault(`its schema has ${bytes} bytes, more than ${MAX_SCHEMA_BYTES}`);
  // Without a prototype: a schema may call a type `constructor`.
  const registry = Object.create(null) as Record<string, Type>;
  try {
    for (const reference of references) typeOf(reference, registry);
    return new Nodes().of(typeOf(text, registry));
  } catch (error) {
    if (error instanceof SchemaFault) throw error;
    throw new SchemaFault(`its schema cannot be understood: ${messageOf(error).slice(0, 300)}`);
  }
}

function typeOf(text: string, registry: Record<string, Type>): Type {
  const schema = plain(JSON.parse(text), 0);
  return avro.Type.forSchema(schema as Schema, {
    registry,
    wrapUnions: 'always',
    omitRecordMethods: true,
    logicalTypes: LOGICAL_TYPES,
  });
}

/** The schema without what does not matter here, `{"type": X}` as X where nothing else is said. */
function plain(json: unknown, depth: number): unknown {
  if (depth > MAX_TEXT_DEPTH) throw new SchemaFault(`its schema nests deeper than ${MAX_TEXT_DEPTH}`);
  if (Array.isArray(json)) return json.map((item) => plain(item, depth + 1));
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).filter(([key]) => !IDLE_KEYS.has(key));
  const kept = Object.fromEntries(
    entries.map(([key, value]) => [key, NESTED.has(key) ? plain(value, depth + 1) : value]),
  );
  const { type } = kept;
  const isWrapper = typeof type === 'object' || (typeof type === 'string' && !BUILT_IN.has(type));
  if (!isWrapper || 'name' in kept) return kept;
  const isNoted = 'logicalType' in kept && typeof type === 'object' && type !== null && !Array.isArray(type);
  return isNoted ? { ...kept, ...type } : type;
}

const NESTED: ReadonlySet<string> = new Set(['type', 'fields', 'items', 'values']);
const LEAVES: ReadonlySet<string> = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);
const BUILT_IN: ReadonlySet<string> = new Set([...LEAVES, 'record', 'error', 'enum', 'array', 'map', 'fixed']);

/** Keeps what the schema says beside the underlying type. */
class NotedType extends avro.types.LogicalType {
  readonly noted: Readonly<Record<string, unknown>>;

  constructor(schema: Schema, options?: unknown) {
    super(schema, options);
    this.noted = schema as unknown as Readonly<Record<string, unknown>>;
  }

  protected override _fromValue(value: unknown): unknown {
    return value;
  }

  protected override _toValue(value: unknown): unknown {
    return value;
  }
}

const TIMESTAMP_UNITS: ReadonlyMap<string, number> = new Map([
  ['millis', 1],
  ['micros', 1_000],
  ['nanos', 1_000_000],
]);

const LOGICAL_NAMES = [
  ...['decimal', 'uuid', 'date'],
  ...[...TIMESTAMP_UNITS.keys()].flatMap((unit) => [`timestamp-${unit}`, `local-timestamp-${unit}`]),
];
const LOGICAL_TYPES = Object.fromEntries(LOGICAL_NAMES.map((name) => [name, NotedType]));

/** Undefined: it does not hold for this type, which then counts as what it is without (Avro, "Logical Types"). */
function logicalOf({ logicalType, scale = 0 }: NotedType['noted'], kind: string): Logical | undefined {
  if (typeof logicalType !== 'string') return undefined;
  if (logicalType === 'date') return kind === 'int' ? { type: 'date' } : undefined;
  if (logicalType === 'uuid') return kind === 'string' || kind === 'fixed' ? { type: 'uuid' } : undefined;
  if (logicalType === 'decimal') {
    const isScale = Number.isInteger(scale) && (scale as number) >= 0 && (scale as number) <= MAX_SCALE;
    return isScale && (kind === 'bytes' || kind === 'fixed') ? { type: 'decimal', scale: scale as number } : undefined;
  }
  const unitsPerMs = TIMESTAMP_UNITS.get(logicalType.slice(logicalType.lastIndexOf('-') + 1));
  return unitsPerMs === undefined || kind !== 'long' ? undefined : { type: 'timestamp', unitsPerMs };
}

/** Nodes of the library's types, one for each. */
class Nodes {
  readonly #known = new Map<Type, Node>();

  of(type: Type, noted?: NotedType['noted']): Node {
    if (type instanceof NotedType) return this.of(type.underlyingType, type.noted);
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const { typeName } = type;
    const logical = noted === undefined ? undefined : logicalOf(noted, typeName);
    const leaf = { type, ...(logical === undefined ? {} : { logical }) };
    if (LEAVES.has(typeName)) return { kind: typeName as LeafKind, ...leaf };
    switch (typeName) {
      case 'fixed':
        return { kind: 'fixed', size: (type as types.FixedType).size, ...leaf };
      case 'enum':
        return { kind: 'enum', symbols: (type as types.EnumType).symbols, ...leaf };
      case 'array': {
        const node: Node = { kind: 'array', items: HOLE };
        this.#known.set(type, node);
        node.items = this.of((type as types.ArrayType).itemsType);
        return node;
      }
      case 'map': {
        const node: Node = { kind: 'map', items: HOLE };
        this.#known.set(type, node);
        node.items = this.of((type as types.MapType).valuesType as Type);
        return node;
      }
      case 'record':
      case 'error': {
        const node: Node = { kind: 'record', fields: [] };
        this.#known.set(type, node);
        node.fields = (type as types.RecordType).fields.map(({ name, type: of }) => ({ name, node: this.of(of) }));
        return node;
      }
      case 'union:wrapped': {
        const node: Node = { kind: 'union', branches: [] };
        this.#known.set(type, node);
        node.branches = (type as types.WrappedUnionType).types.map((branch) => this.of(branch));
        return node;
      }
      default:
        throw new SchemaFault(`its schema has a type "${typeName}"`);
    }
  }
}

/** In the place of what is being made. */
const HOLE: Node = { kind: 'union', branches: [] };
